// SPDX-License-Identifier: Apache-2.0

/** What the engine asks of its surroundings to be seen from outside; all of it is passed in. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** What is undefined is left out. */
export type LogFields = Readonly<Record<string, unknown>>;

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Milliseconds since the epoch, as `Date.now`. */
export type Clock = () => number;

/** Counters and timings of the engine; seconds. `operator/telemetry/metrics.ts` makes them Prometheus metrics. */
export interface EngineMetrics {
  decided(labels: { readonly code: string; readonly outcome: string; readonly mode: string }, seconds: number): void;
  /** One HTTP exchange; `status` is the HTTP status, or `error`. */
  registryRequest(labels: { readonly registry: string; readonly operation: string; readonly status: string }): void;
  cacheLookup(labels: {
    readonly cache: 'verdict' | 'evidence' | 'tag';
    readonly result: 'hit' | 'miss' | 'stale';
  }): void;
  /** A limit or a budget ended a read of what is stored beside an image. */
  readonly evidencePartlyRead: () => void;
}

export const silentMetrics: EngineMetrics = {
  decided() {},
  registryRequest() {},
  cacheLookup() {},
  evidencePartlyRead() {},
};

/**
 * Names that others choose, as values of a label: the first `most` are kept, and those after them are `other`. Without a
 * bound every made-up name would be a time series for ever.
 */
export function boundedNames(most: number): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (!known.has(name) && known.size >= most) return 'other';
    known.add(name);
    return name;
  };
}
