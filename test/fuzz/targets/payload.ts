// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { parsePayload } from '../../../core/cosign/payload.ts';
import { mutateJson } from '../engine/structured.ts';
import type { Target } from '../engine/target.ts';
import { imageDigest } from './signed.ts';
import { readOrRefused, requireOwnTexts } from './refusals.ts';

const MAXIMUM_BYTES = 16 * 1024;

/** Refuses with MalformedSignature or ResponseTooLarge; what is accepted names this image and no other, however read. */
export const payload: Target = {
  name: 'payload',
  maximumBytes: MAXIMUM_BYTES + 64,
  maximumMilliseconds: 100,
  mutators: [mutateJson],
  dictionary: [
    'critical',
    'optional',
    'docker-manifest-digest',
    'Docker-Manifest-Digest',
    'image',
    'identity',
    'type',
    imageDigest,
    '\\u0063ritical',
  ],
  check: (input) => {
    const claims = readOrRefused(['MalformedSignature', 'ResponseTooLarge'], () =>
      parsePayload(input, imageDigest, MAXIMUM_BYTES),
    );
    if (claims === undefined) return;
    requireOwnTexts(claims);
    const named = digestsIn(JSON.parse(input.toString('utf8')), 0);
    assert.deepEqual(new Set(named), new Set([imageDigest]));
  },
};

/** The values of every `critical.image.docker-manifest-digest`, in any case of the letters. */
function digestsIn(value: unknown, depth: number): readonly unknown[] {
  const name = ['critical', 'image', 'docker-manifest-digest'][depth];
  if (name === undefined) return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value)
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, inner]) => digestsIn(inner, depth + 1));
}
