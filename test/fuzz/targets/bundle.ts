// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { parseBundle } from '../../../core/cosign/bundle-statement.ts';
import { verifyBundle } from '../../../core/sigstore/verify-bundle.ts';
import { publicKeyFile } from '../../vectors/cosign/layout-registry.ts';
import { mutateJson } from '../engine/structured.ts';
import type { Target } from '../engine/target.ts';
import { bundleDigest, requireOnlySigned } from './signed.ts';
import { readOrRefused, requireOwnTexts } from './refusals.ts';

const MAXIMUM_BYTES = 64 * 1024;
const RELEASE = publicKeyFile('release');

/**
 * Refuses with MalformedSignature or ResponseTooLarge; whatever verifies was signed about this image. The verification of
 * whole bundles never rejects, and accepts nothing that the reader refuses or that was changed.
 */
export const bundle: Target = {
  name: 'bundle',
  maximumBytes: MAXIMUM_BYTES,
  maximumMilliseconds: 250,
  mutators: [mutateJson],
  dictionary: [
    'dsseEnvelope',
    'messageSignature',
    'verificationMaterial',
    'publicKey',
    'certificate',
    'hint',
    'tlogEntries',
    'timestampVerificationData',
    'payload',
    'signatures',
    'keyid',
    'application/vnd.in-toto+json',
  ],
  check: async (input) => {
    const batch = readOrRefused(['MalformedSignature', 'ResponseTooLarge'], () =>
      parseBundle({ bytes: input, maximumBytes: MAXIMUM_BYTES, digest: bundleDigest, source: 'fuzz' }),
    );
    if (batch !== undefined) {
      const { signatures, attestations, faults } = batch;
      const readable = attestations.filter(({ unreadable }) => unreadable === undefined);
      // What only a less strict reader takes is told of, and counts for nothing.
      assert.equal(signatures.length + readable.length + faults.length, 1);
      for (const { annotations } of signatures) requireOwnTexts(annotations);
      requireOnlySigned(batch, bundleDigest);
    }
    const verdict = await verifyBundle({ bundle: input, artifact: bundleDigest, signer: { key: RELEASE } });
    if (!verdict.ok) return;
    // Versions 0.1 and 0.2 of the format verify too, and only 0.3 is looked for beside images.
    const version = String(JSON.parse(input.toString('utf8')).mediaType);
    assert.ok(batch?.faults.length === 0 || !version.includes('0.3'), 'verified what the reader refuses');
  },
};
