// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parseTrustRoot } from '../../../core/sigstore/trust/trust-root.ts';
import { verifyBundle } from '../../../core/sigstore/verify-bundle.ts';
import { ISSUER, SUBJECT } from '../../fakes/sigstore/keyless.ts';
import { mutateJson } from '../engine/structured.ts';
import type { Target } from '../engine/target.ts';
import { requireLine } from './refusals.ts';

/** Made by seeds.ts together with the bundles: nobody has the keys any more. */
const KEYLESS = new URL('../keyless/', import.meta.url);
const trustRoot = parseTrustRoot(readFileSync(new URL('trusted-root', KEYLESS), 'utf8'));
const artifact = readFileSync(new URL('artifact', KEYLESS));
/** Base64 of each signature that was made over the artifact. */
const signatures: ReadonlySet<string> = new Set(JSON.parse(readFileSync(new URL('signatures', KEYLESS), 'utf8')));

/**
 * Input: a keyless bundle, with certificate, log entries and timestamps. Verification never rejects; a bundle that it
 * accepts has a signature, bit for bit, that its holder made; another artifact or identity is never accepted.
 */
export const keyless: Target = {
  name: 'keyless',
  maximumBytes: 64 * 1024,
  maximumMilliseconds: 500,
  mutators: [mutateJson],
  dictionary: [
    'tlogEntries',
    'inclusionProof',
    'inclusionPromise',
    'checkpoint',
    'rfc3161Timestamps',
    'rawBytes',
    'canonicalizedBody',
    'logIndex',
    'integratedTime',
    'kindVersion',
  ],
  check: async (input) => {
    const signer = { subject: SUBJECT, issuer: ISSUER, trustRoot };
    const verdict = await verifyBundle({ bundle: input, artifact, signer });
    if (!verdict.ok) {
      requireLine(verdict.reason);
      return;
    }
    assert.equal(verdict.signer, SUBJECT);
    const { messageSignature, dsseEnvelope } = JSON.parse(input.toString('utf8'));
    const signature = messageSignature?.signature ?? dsseEnvelope?.signatures[0].sig;
    assert.ok(signatures.has(signature), 'accepted a signature that was never made');
    for (const other of [
      { bundle: input, artifact: Buffer.from('another artifact\n'), signer },
      { bundle: input, artifact, signer: { ...signer, subject: `${SUBJECT}.example` } },
      { bundle: input, artifact, signer: { ...signer, issuer: `${ISSUER}/` } },
    ]) {
      assert.equal((await verifyBundle(other)).ok, false);
    }
  },
};
