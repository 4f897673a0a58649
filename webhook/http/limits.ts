// SPDX-License-Identifier: Apache-2.0

import type { BodyLimits } from './body.ts';
import type { ConnectionLimits } from './connections.ts';
import type { HeldLimits } from './held-bytes.ts';

/** Counts, bytes and milliseconds. */
export interface ServerLimits extends Required<Omit<BodyLimits, 'containers'>>, ConnectionLimits, HeldLimits {
  /** A review holds up to two objects, each of at most about 3 MiB (the API server's own limit). */
  readonly bodyBytes: number;
  readonly headerBytes: number;
  /** Until the headers are there; TLS handshakes have as long again. */
  readonly headersMilliseconds: number;
  /** Until the whole request is there. */
  readonly requestMilliseconds: number;
  /** Longer than the API server's 90 s, so that it is the one to close: else a review could meet a closing connection. */
  readonly idleMilliseconds: number;
}

export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  bodyBytes: 8 * 1024 * 1024,
  progress: { bytes: 32 * 1024, milliseconds: 2000 },
  heldBytes: 32 * 1024 * 1024,
  strangersBytes: 24 * 1024 * 1024,
  strangersOfSourceBytes: 16 * 1024 * 1024,
  headerBytes: 16 * 1024,
  connections: 2048,
  // An API server calls for 600 requests at one time, on a connection each.
  strangersOfSource: 640,
  // Both as long as API servers wait at the most: where this machine is busy, it is not the callers who are slow.
  headersMilliseconds: 10_000,
  requestMilliseconds: 10_000,
  idleMilliseconds: 120_000,
};
