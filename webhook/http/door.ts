// SPDX-License-Identifier: Apache-2.0

import type { BodySize } from './body.ts';

/** One way in: what is asked there, and how it is answered, is the door's own affair. */
export interface Door {
  /** By the path that each is served at, exactly; all by POST, with JSON. */
  readonly endpoints: ReadonlyMap<string, Endpoint>;
}

export interface Endpoint {
  /** In metrics and logs. */
  readonly name: string;
  /** What it reads: a larger body is refused before it is parsed. Left out: what the server reads of any review. */
  readonly largest?: BodySize;
  /**
   * `body`: any JSON; read before this returns, and nothing of it is held from then on: it may be a thousand times what
   * is asked in it, and waits with every other. Whoever is to be refused is refused by the answer. What is known already is
   * answered at once, and all else later.
   */
  readonly answer: (body: unknown, caller: CallerPresence, arrival: Arrival) => Answer | Promise<Answer>;
}

/** Whether the client still waits for its answer. */
export interface CallerPresence {
  /** Aborted once they have gone. Made when it is asked for. */
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly json: unknown;
}

/** Where a request stands when it reaches its door. Monotonic time, so that a moved clock changes nothing. */
export interface Arrival {
  /** Since the request's headers were there. */
  readonly elapsedMilliseconds: number;
  /** The API server's `?timeout=`. */
  readonly timeoutMilliseconds?: number | undefined;
  /** The API server's trace, as it came. */
  readonly traceparent?: string | undefined;
}
