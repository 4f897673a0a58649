// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { readLeaf } from '../../../../../core/sigstore/trust/certificate.ts';
import { requireModestDer } from '../../../../../core/sigstore/trust/der-effort.ts';
import { parseTimestamp } from '../../../../../core/sigstore/proof/timestamp-token.ts';
import { parseTrustRoot } from '../../../../../core/sigstore/trust/trust-root.ts';
import { octets, sequence } from '../../../../fakes/sigstore/der.ts';
import { signKeyless, SIGNED_AT } from '../../../../fakes/sigstore/keyless.ts';
import { createSigstore } from '../../../../fakes/sigstore/sigstore.ts';
import { processorTime } from '../../../../fakes/processor-time.ts';

// What takes long without the defence is kept so short that its test fails, and does not hang.

const REFUSED = /cannot be read in reasonable time/;

/**
 * Groups of eight bytes. Each is an octet string whose second element reaches over the next two groups, so that a
 * reader which tries the content first reads both of them, fails, and reads them again. `readLeaf` takes seconds for 24
 * groups where nothing stops it, and for 40 an hour.
 */
function nestedTrials(groups: number): Buffer {
  const group = Buffer.from('0406 0402 0500 040c'.replaceAll(' ', ''), 'hex');
  return sequence(...Array.from({ length: groups }, () => group), Buffer.alloc(24));
}

const isRefused = ({ cause }: Error): boolean => cause instanceof Error && REFUSED.test(cause.message);

/** `count` elements in one that holds them. */
function manyElements(count: number): Buffer {
  return sequence(...Array.from({ length: count }, () => octets(Buffer.alloc(0))));
}

function milliseconds(work: () => void): number {
  const started = processorTime();
  work();
  return processorTime() - started;
}

describe('DER that would keep the ASN.1 reader busy', () => {
  test('is refused as a certificate, at once', () => {
    const took = milliseconds(() => assert.throws(() => readLeaf(nestedTrials(24)), REFUSED));
    assert.ok(took < 1000, `${took} ms`);
  });

  test('is refused as a timestamp, at once', () => {
    const took = milliseconds(() => assert.throws(() => parseTimestamp(nestedTrials(24)), isRefused));
    assert.ok(took < 1000, `${took} ms`);
  });

  test('is refused in a trusted root', () => {
    const root = structuredClone(createSigstore().trustedRoot);
    root.certificateAuthorities[0]!.certChain.certificates[0]!.rawBytes = nestedTrials(24).toString('base64');
    assert.throws(() => parseTrustRoot(JSON.stringify(root)), REFUSED);
  });

  test('is refused by its number of steps, however deep', () => {
    for (const groups of [16, 100, 1000]) assert.throws(() => requireModestDer(nestedTrials(groups)), REFUSED);
  });

  test('is refused where it is only long', () => {
    requireModestDer(manyElements(4095));
    assert.throws(() => requireModestDer(manyElements(4096)), REFUSED);
  });
});

describe('DER as certificates and timestamps have it', () => {
  test('passes', () => {
    const signing = signKeyless({ stampedAt: SIGNED_AT });
    assert.ok('certificate' in signing.verifier);
    for (const der of [signing.verifier.certificate, ...signing.timestamps]) requireModestDer(der);
    const root = JSON.parse(readFileSync('core/sigstore/trust/public-good.json', 'utf8'));
    const authorities = [...root.certificateAuthorities, ...root.timestampAuthorities];
    const certificates = authorities.flatMap(({ certChain }) => certChain.certificates);
    assert.ok(certificates.length > 2);
    for (const { rawBytes } of certificates) requireModestDer(Buffer.from(rawBytes, 'base64'));
  });

  test('passes with octet strings that only look like more', () => {
    requireModestDer(octets(Buffer.alloc(200, 4)));
  });

  test('is left to its reader where it is none', () => {
    for (const bytes of ['', '30', '3005', '3080', '04ff', '2402']) requireModestDer(Buffer.from(bytes, 'hex'));
  });
});
