// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { verifyWithKey } from '../../../core/keys/algorithms.ts';
import { digestOf } from '../../../core/image/digest.ts';
import type { Digest } from '../../../core/image/digest.ts';
import type { EvidenceBatch, SignatureCandidate } from '../../../core/signatures/types.ts';
import { createLayoutRegistry, imageNames } from '../../vectors/cosign/layout-registry.ts';
import { inputFor, KEY_NAMES, publicKey, readEverything, signersOf } from '../../vectors/cosign/read-evidence.ts';

const registry = createLayoutRegistry();

/** The image that inputs are checked to be about. */
export const IMAGE = 'demo/signed:1.0';
export const BUNDLE_IMAGE = 'demo/bundle:1.0';
export const imageDigest: Digest = registry.digest(IMAGE);
export const bundleDigest: Digest = registry.digest(BUNDLE_IMAGE);

/** Everything that the vectors' keys really signed: by its hash, the images that it names. */
const signed = new Map<Digest, Set<Digest>>();

for (const name of imageNames) {
  const batch = await readEverything(inputFor(name, registry));
  for (const candidate of [...batch.signatures, ...batch.attestations]) {
    if (signersOf(candidate).length === 0) continue;
    const bytes = digestOf(candidate.signedBytes);
    signed.set(bytes, (signed.get(bytes) ?? new Set()).add(registry.digest(name)));
  }
}

/** What of evidence verifies was signed, byte for byte, and about this image: nothing that was changed ever does. */
export function requireOnlySigned(batch: EvidenceBatch, image: Digest): void {
  for (const candidate of [...batch.signatures, ...batch.attestations]) requireSigned(candidate, image);
}

function requireSigned({ signedBytes, signature }: SignatureCandidate, image: Digest): void {
  const signer = KEY_NAMES.find((name) => verifyWithKey(publicKey(name), signedBytes, signature));
  if (signer === undefined) return;
  const images = signed.get(digestOf(signedBytes));
  assert.ok(images !== undefined, `${signer} verifies bytes that were never signed`);
  assert.ok(images.has(image), `${signer} verifies for ${image} what was signed for ${[...images].join(', ')}`);
}
