// SPDX-License-Identifier: Apache-2.0
import type { Row } from '../row.ts';

const topic = 'What registries answer';

const bundleInFallbackTag: Pick<Row, 'topic' | 'make'> = {
  topic,
  make: async ({ signed }) => ({ image: await signed('bundle') }),
};

export const registryRows: readonly Row[] = [
  {
    ...bundleInFallbackTag,
    input: 'the referrers API is not there (404), the bundle is in the fallback tag',
    source: 'distribution 2 and 3, GHCR',
    cosign: 'accepts',
    cosignet: 'Verified',
  },
];
