// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createPayloadTemplates } from '../../../core/cosign/payload-prediction.ts';
import { digestOf } from '../../../core/image/digest.ts';
import { DEFAULT_LIMITS } from '../../../core/limits.ts';
import type { RegistryClient } from '../../../core/registry/types.ts';
import { createLayoutRegistry } from '../../vectors/cosign/layout-registry.ts';
import { inputFor, readSimpleSigning } from '../../vectors/cosign/read-evidence.ts';
import { mutateJson } from '../engine/structured.ts';
import type { Target } from '../engine/target.ts';
import { IMAGE, imageDigest, requireOnlySigned } from './signed.ts';
import { requireLine, requireOwnTexts } from './refusals.ts';

const layout = createLayoutRegistry();
const LIMITS = { ...DEFAULT_LIMITS, signatures: 16 };

/**
 * Input: what a registry serves for the `.sig` tag. Reading it never rejects; at most the allowed number of layers is
 * read; whatever verifies was signed about this image.
 */
export const manifest: Target = {
  name: 'manifest',
  maximumBytes: 64 * 1024,
  maximumMilliseconds: 250,
  mutators: [mutateJson],
  dictionary: [
    'dev.cosignproject.cosign/signature',
    'dev.sigstore.cosign/bundle',
    'application/vnd.dev.cosign.simplesigning.v1+json',
    imageDigest,
  ],
  check: async (input) => {
    const registry: RegistryClient = {
      ...layout,
      getManifest: async () => ({ digest: digestOf(input), mediaType: '', bytes: input }),
    };
    const templates = createPayloadTemplates();
    const batch = await readSimpleSigning(inputFor(IMAGE, layout, { registry, limits: LIMITS, templates }));
    assert.ok(batch.signatures.length <= LIMITS.signatures);
    assert.equal(batch.attestations.length, 0);
    for (const { message } of batch.faults) requireLine(message);
    for (const { annotations } of batch.signatures) requireOwnTexts(annotations);
    requireOnlySigned(batch, imageDigest);
  },
};
