// SPDX-License-Identifier: Apache-2.0
import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { createShapeCounter } from '../../core/json-shape.ts';
import type { JsonShape, ShapeCounter } from '../../core/json-shape.ts';
import { areTooManyPieces } from '../../core/read-bounded.ts';
import type { OneATurn } from '../../core/turns/one-a-turn.ts';
import type { Held } from './held-bytes.ts';

/** A request that gets a plain HTTP answer; the API server's failurePolicy decides what it means. */
export class HttpFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'HttpFault';
    this.status = status;
  }
}

/** How much a body may hold. */
export interface BodySize {
  readonly bodyBytes: number;
  /** Objects and lists; of a body of less than 64 KiB they are not counted. */
  readonly containers: number;
}

/** How a body may come. */
export interface BodyLimits extends Pick<BodySize, 'bodyBytes'>, Partial<Pick<BodySize, 'containers'>> {
  /**
   * Bytes in each span of a body that is still coming; the last one may be shorter. Left out: it has the time of its
   * request.
   */
  readonly progress?: { readonly bytes: number; readonly milliseconds: number };
}

/** What all bodies share. */
export interface BodyShares {
  /** Room for one more; `giveWay`: it is needed for another. */
  readonly open: (giveWay: () => void) => Held;
  /** A large body comes a piece at a time. */
  readonly largeBodies: OneATurn;
}

/** From here on a body could hold enough for its parsed form to hurt. */
const SHAPE_CHECK_BYTES = 64 * 1024;
/**
 * Kubernetes objects nest about 20 deep; CRD schemas, which are not ours, go deepest. An empty object takes two bytes of
 * text and twenty times as much of memory; the largest object that a cluster can store and its former self, full of
 * managed fields, have some hundred thousand.
 */
export const SHAPE_LIMITS: JsonShape = { depth: 200, containers: 400_000, elements: 1_500_000 };

/** Bytes after which a body waits its turn: else a system gives two MiB of each connection in one go. */
const PIECE_BYTES = 64 * 1024;

/** Of an object or a list in the heap, at the least. */
const CONTAINER_BYTES = 64;

/** What was read; `release` gives its bytes back. */
export interface HeldBody {
  readonly bytes: Buffer;
  /** Objects and lists in it; of a small one they are not counted. */
  readonly containers: number;
  /** Takes more bytes, until `release`. Throws HttpFault 503 where there is no room. */
  readonly charge: (bytes: number) => void;
  readonly release: () => void;
}

/**
 * Reads a body. Rejects with HttpFault 413 (too large, or out of all proportion if it were parsed), 408 (too slow), 503
 * (no room, or another needs it) or 400 (cut off). What was read is held until `release`.
 */
export function readBody(
  request: IncomingMessage,
  { bodyBytes, containers = SHAPE_LIMITS.containers, progress }: BodyLimits,
  { open, largeBodies }: BodyShares,
): Promise<HeldBody> {
  if (Number(request.headers['content-length'] ?? 0) > bodyBytes) return Promise.reject(tooLarge(bodyBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let [pauseAt, giveUpTurn] = [PIECE_BYTES, (): void => undefined];
    /** Why nothing more is kept of it. */
    let refused: HttpFault | undefined;
    /** Of a large body; a small one can hold little. */
    let shape: ReturnType<typeof createBodyShape> | undefined;
    const held = open(() => fail(spent()));
    const stopWatch = progress && watchProgress(progress, { length: () => length, onSlow: () => fail(tooSlow()) });
    const fail = (fault: HttpFault): void => {
      // Paused, not destroyed: the connection has to carry the answer.
      giveUpTurn();
      request.off('data', take).pause();
      stopWatch?.();
      held.release();
      chunks.length = 0;
      reject(fault);
    };
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > bodyBytes) return fail(tooLarge(bodyBytes));
      if (length >= pauseAt) pause();
      if (refused !== undefined) return;
      if (!held.take(chunk.length)) return fail(spent());
      chunks.push(chunk);
      if (areTooManyPieces(chunks.length, length)) return fail(tooManyPieces());
      if (length <= SHAPE_CHECK_BYTES) return;
      const passed = (shape ??= createBodyShape(containers)).count(chunks);
      if (passed !== undefined) refuse(unshapely(passed, containers));
    };
    const pause = (): void => {
      pauseAt = length + PIECE_BYTES;
      request.pause();
      giveUpTurn = largeBodies.wait(() => request.resume());
    };
    // The rest comes and is dropped: who is still sending when the connection ends may never read why.
    const refuse = (fault: HttpFault): void => {
      refused = fault;
      held.release();
      chunks.length = 0;
    };
    const cutOff = (): void => fail(new HttpFault(400, 'the body was cut off'));
    // Each comes once at most; `once` would wrap each of them.
    request
      .on('data', take)
      .on('end', () => {
        if (refused !== undefined) return fail(refused);
        stopWatch?.();
        held.complete();
        const [first] = chunks;
        const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length);
        // The request lives on until its answer, and its listeners with it.
        chunks.length = 0;
        const charge = (more: number): void => {
          if (!held.take(more)) throw spent();
        };
        resolve({ bytes, containers: shape?.containers ?? 0, charge, release: () => held.release() });
      })
      .on('error', cutOff);
  });
}

/**
 * Counts what is in a large body as it comes: of what is refused nothing more is counted or kept, and others do not wait
 * for the count of all of it.
 */
function createBodyShape(containers: number): {
  readonly containers: number;
  /** All that has come so far; what was counted before is not counted again. Returns the limit that is passed. */
  count(chunks: readonly Buffer[]): keyof JsonShape | undefined;
} {
  let counter: ShapeCounter | undefined;
  return {
    get containers() {
      return counter?.shape.containers ?? 0;
    },
    count(chunks) {
      const added = counter === undefined ? chunks : chunks.slice(-1);
      counter ??= createShapeCounter({ ...SHAPE_LIMITS, containers });
      for (const chunk of added) {
        const passed = counter.add(chunk);
        if (passed !== undefined) return passed;
      }
      return undefined;
    },
  };
}

/** Tells once if a span passes with too few bytes; returns what ends it. */
function watchProgress(
  { bytes, milliseconds }: NonNullable<BodyLimits['progress']>,
  { length, onSlow }: { readonly length: () => number; readonly onSlow: () => void },
): () => void {
  let before = 0;
  let due: NodeJS.Immediate | undefined;
  const check = (): void => {
    if (length() - before < bytes) onSlow();
    before = length();
  };
  // After what lies in the sockets was read: when this process was busy, others are not slow.
  const timer = setInterval(() => (due = setImmediate(check)), milliseconds);
  return () => {
    clearInterval(timer);
    clearImmediate(due);
  };
}

/** Parses a body as JSON. Throws HttpFault 400, or 503 where there is no room for its parsed form. */
export function parseJson({ bytes, containers, charge }: Omit<HeldBody, 'release'>): unknown {
  if (containers > 0) charge(containers * CONTAINER_BYTES);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    // The parser's message quotes the body.
    throw new HttpFault(400, 'the body is not JSON, or not all of it');
  }
}

function unshapely(passed: keyof JsonShape, containers: number): HttpFault {
  const { depth, elements } = SHAPE_LIMITS;
  return passed === 'depth'
    ? new HttpFault(400, `the body nests deeper than ${depth}`)
    : new HttpFault(413, `the body holds more than ${containers} objects or ${elements} values`);
}

function spent(): HttpFault {
  return new HttpFault(503, 'too many large reviews at one time');
}

function tooSlow(): HttpFault {
  return new HttpFault(408, 'the body comes too slowly');
}

function tooManyPieces(): HttpFault {
  return new HttpFault(413, 'the body comes in too many pieces');
}

function tooLarge(maximumBytes: number): HttpFault {
  return new HttpFault(413, `the body is larger than ${maximumBytes} bytes`);
}
