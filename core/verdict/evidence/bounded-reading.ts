// SPDX-License-Identifier: Apache-2.0
import type { Limits } from '../../limits.ts';
import type { RequestScope } from '../../registry/types.ts';
import type { EvidenceCache } from './evidence-cache.ts';

/** What all platforms of one image may take together, for one policy. */
const MOST_REQUESTS = 1024;
/** As often as what one image may hold, by the size that it has in memory. */
const MOST_SHARES = 16;

export interface Bounds {
  readonly scope: RequestScope;
  readonly cache: EvidenceCache;
  /** Why no further platform is read; undefined: it may be. */
  readonly exceeded: () =>
    { readonly code: 'ResponseTooLarge'; readonly reason: string; readonly remedy: string } | undefined;
}

/** Counts what is asked and what is held for one platform after the other; each is bounded by itself besides. */
export function boundedReading(
  scope: RequestScope,
  { cache, limits }: { readonly cache: EvidenceCache; readonly limits: () => Pick<Limits, 'evidenceBytes'> },
): Bounds {
  let requests = 0;
  let bytes = 0;
  const mostBytes = MOST_SHARES * limits().evidenceBytes;
  const count = () => {
    requests += 1;
    scope.count();
  };
  return {
    scope: { ...scope, count },
    cache: {
      ...cache,
      grown: (image, signatures, evidence) => {
        bytes += evidence.bytes;
        cache.grown(image, signatures, evidence);
      },
    },
    exceeded: () =>
      requests <= MOST_REQUESTS && bytes <= mostBytes
        ? undefined
        : {
            code: 'ResponseTooLarge',
            reason: `what is stored beside its platforms takes more than ${MOST_REQUESTS} requests or ${mostBytes} bytes`,
            remedy: 'Remove what nobody needs beside the images of this index, or sign the index and ask for that.',
          },
  };
}
