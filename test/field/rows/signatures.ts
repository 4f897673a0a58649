// SPDX-License-Identifier: Apache-2.0
import type { Row } from '../row.ts';

const topic = 'What is signed, and how';

export const signatureRows: readonly Row[] = [
  {
    topic,
    input: 'a `.sig` tag by cosign with a P-256 key',
    source: 'cosign 1 and 2; cosign 3 with `--new-bundle-format=false`',
    make: async ({ signed }) => ({ image: await signed('simple-signing') }),
    cosign: 'accepts',
    cosignet: 'Verified',
  },
  {
    topic,
    input: 'a bundle by cosign with a P-256 key',
    source: 'cosign 3',
    registry: 'referrers',
    make: async ({ signed }) => ({ image: await signed('bundle') }),
    cosign: 'accepts',
    cosignet: 'Verified',
  },
  {
    topic,
    input: 'nothing: the image is not signed',
    source: 'most images',
    make: async ({ push }) => ({ image: await push() }),
    cosign: 'refuses',
    cosignet: 'NoSignature',
  },
];
