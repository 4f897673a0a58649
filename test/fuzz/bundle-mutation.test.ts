// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RFC3161Timestamp } from '@sigstore/core';
import { parseTrustRoot } from '../../core/sigstore/trust/trust-root.ts';
import { verifyBundle } from '../../core/sigstore/verify-bundle.ts';
import { spkiOf, toPem } from '../fakes/sigstore/certificates.ts';
import { bundleFor, flipped, ISSUER, signKeyless, SIGNED_AT, SUBJECT } from '../fakes/sigstore/keyless.ts';
import type { Signing, SigningOptions } from '../fakes/sigstore/keyless.ts';
import { createSigstore } from '../fakes/sigstore/sigstore.ts';

const sigstore = createSigstore();

/** Slow: each byte of each bundle is changed, and the result verified. */
describe('a bundle with any one byte changed is refused', () => {
  const cases: readonly (readonly [string, SigningOptions])[] = [
    ['keyless statement, Rekor v1', { entry: 'dsse1' }],
    ['keyless message, Rekor v2 and timestamp', { message: true, entry: 'hashedrekord2', stampedAt: SIGNED_AT }],
    ['statement by a key', { withKey: true }],
    ['message by a key', { withKey: true, message: true }],
  ];
  for (const [name, options] of cases) {
    test(name, async () => {
      const signing = signKeyless({ sigstore, ...options });
      const { artifact } = signing;
      const original = Buffer.from(JSON.stringify(bundleFor(signing)));
      const signer = signerOf(signing);
      assert.equal((await verifyBundle({ bundle: original, artifact, signer })).ok, true);
      for (const at of original.keys()) {
        const changed = flipped(original, at);
        const verdict = await verifyBundle({ bundle: changed, artifact, signer });
        if (!verdict.ok) continue;
        const harmless = isHint(original, at) || isVersion(original, changed) || saysTheSame(original, changed);
        assert.ok(harmless, `accepted with byte ${at} changed: ${around(original, at)}`);
      }
    });
  }
});

function signerOf({ verifier, root, keys }: Signing) {
  return 'key' in verifier
    ? { key: toPem('PUBLIC KEY', spkiOf(keys.publicKey)) }
    : { subject: SUBJECT, issuer: ISSUER, trustRoot: parseTrustRoot(JSON.stringify(root)) };
}

/** Nothing is proven by the version: what holds by the rules of 0.3 may hold by those of 0.2. */
function isVersion(original: Buffer, changed: Buffer): boolean {
  return changed.toString('latin1') === original.toString('latin1').replace('bundle.v0.3+json', 'bundle.v0.2+json');
}

/** The hint only helps to find the key; every other byte but the version's matters. */
function isHint(bundle: Buffer, at: number): boolean {
  const start = bundle.indexOf('"hint":"') + '"hint":"'.length;
  return bundle.includes('"hint":"') && at >= start && at < bundle.indexOf('"', start);
}

/**
 * Around what a timestamp authority signs (RFC 5652, 5.1) stand bytes that it does not: versions, the status. Only
 * there may a byte differ: what is said and signed must be the same, and so all of the bundle beside it.
 */
function saysTheSame(original: Buffer, changed: Buffer): boolean {
  const [before, after] = [original, changed].map(timestampIn);
  return (
    before !== undefined &&
    after !== undefined &&
    before.rest === after.rest &&
    before.timestamp.tstInfo.raw.equals(after.timestamp.tstInfo.raw) &&
    before.timestamp.signatureValue.equals(after.timestamp.signatureValue)
  );
}

const TIMESTAMP = /"signedTimestamp":"([^"]*)"/;

function timestampIn(bundle: Buffer): { timestamp: RFC3161Timestamp; rest: string } | undefined {
  const text = bundle.toString('latin1');
  const encoded = TIMESTAMP.exec(text)?.[1];
  if (encoded === undefined) return undefined;
  return { timestamp: RFC3161Timestamp.parse(Buffer.from(encoded, 'base64')), rest: text.replace(encoded, '') };
}

const around = (bundle: Buffer, at: number): string => bundle.subarray(Math.max(0, at - 40), at + 10).toString();
