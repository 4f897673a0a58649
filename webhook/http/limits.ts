// SPDX-License-Identifier: Apache-2.0

/** Counts, bytes and milliseconds. */
export interface ServerLimits {
  /** A review holds up to two objects, each of at most about 3 MiB (the API server's own limit). */
  readonly bodyBytes: number;
  /** Bodies held at one time. */
  readonly heldBytes: number;
  readonly headerBytes: number;
  readonly connections: number;
  /** Until the headers are there; TLS handshakes have as long again. */
  readonly headersMilliseconds: number;
  /** Until the whole request is there. */
  readonly requestMilliseconds: number;
  /** Longer than the API server's 90 s, so that it is the one to close: else a review could meet a closing connection. */
  readonly idleMilliseconds: number;
}

export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  bodyBytes: 8 * 1024 * 1024,
  heldBytes: 32 * 1024 * 1024,
  headerBytes: 16 * 1024,
  connections: 2048,
  headersMilliseconds: 5000,
  requestMilliseconds: 10_000,
  idleMilliseconds: 120_000,
};
