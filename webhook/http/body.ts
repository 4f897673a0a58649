// SPDX-License-Identifier: Apache-2.0
import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
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

/** How a body may come. */
export interface BodyLimits {
  readonly bodyBytes: number;
  /** Bytes in each span of a body that is still coming; the last one may be shorter. */
  readonly progress: { readonly bytes: number; readonly milliseconds: number };
}

/** From here on a body could hold enough for its parsed form to hurt. */
const SHAPE_CHECK_BYTES = 64 * 1024;
/** How much a body may hold, whatever it is. */
export interface ShapeLimits {
  readonly depth: number;
  readonly containers: number;
  readonly elements: number;
}

/**
 * Kubernetes objects nest about 20 deep; CRD schemas, which are not ours, go deepest. An empty object takes two bytes of
 * text and twenty times as much of memory; the largest object that a cluster can store and its former self, full of
 * managed fields, have some hundred thousand.
 */
const SHAPE_LIMITS: ShapeLimits = { depth: 200, containers: 400_000, elements: 1_500_000 };

/** Of an object or a list in the heap, at the least. */
const CONTAINER_BYTES = 64;

/** What was read; `release` gives its bytes back. */
export interface HeldBody {
  readonly bytes: Buffer;
  /** Takes more bytes, until `release`. Throws HttpFault 503 where there is no room. */
  readonly charge: (bytes: number) => void;
  readonly release: () => void;
}

/**
 * Reads a body. Rejects with HttpFault 413 (too large), 408 (too slow), 503 (no room, or another needs it) or 400 (cut
 * off). What was read is held until `release`.
 */
export function readBody(
  request: IncomingMessage,
  { bodyBytes, progress }: BodyLimits,
  open: (giveWay: () => void) => Held,
): Promise<HeldBody> {
  if (Number(request.headers['content-length'] ?? 0) > bodyBytes) return Promise.reject(tooLarge(bodyBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const held = open(() => fail(spent()));
    const stopWatch = watchProgress(progress, { length: () => length, onSlow: () => fail(tooSlow()) });
    const fail = (fault: HttpFault): void => {
      // Paused, not destroyed: the connection has to carry the answer.
      request.off('data', take).pause();
      stopWatch();
      held.release();
      chunks.length = 0;
      reject(fault);
    };
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > bodyBytes) return fail(tooLarge(bodyBytes));
      if (!held.take(chunk.length)) return fail(spent());
      chunks.push(chunk);
    };
    const cutOff = (): void => fail(new HttpFault(400, 'the body was cut off'));
    request
      .on('data', take)
      .once('end', () => {
        stopWatch();
        held.complete();
        const [first] = chunks;
        const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length);
        // The request lives on until its answer, and its listeners with it.
        chunks.length = 0;
        const charge = (more: number): void => {
          if (!held.take(more)) throw spent();
        };
        resolve({ bytes, charge, release: () => held.release() });
      })
      .once('error', cutOff)
      .once('aborted', cutOff);
  });
}

/** Tells once if a span passes with too few bytes; returns what ends it. */
function watchProgress(
  { bytes, milliseconds }: BodyLimits['progress'],
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

/** Parses a body as JSON. Throws HttpFault 400, or 413 where its parsed form would be out of all proportion. */
export function parseJson({ bytes, charge }: Pick<HeldBody, 'bytes' | 'charge'>): unknown {
  if (bytes.length > SHAPE_CHECK_BYTES) {
    const shape = shapeOf(bytes, SHAPE_LIMITS);
    if (shape instanceof HttpFault) throw shape;
    charge(shape.containers * CONTAINER_BYTES);
  }
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    // The parser's message quotes the body.
    throw new HttpFault(400, 'the body is not JSON, or not all of it');
  }
}

/** What is too deep or too many, in one pass over the bytes before any of it is parsed; what is in strings doesn't count. */
export function shapeOf(bytes: Uint8Array, limits: ShapeLimits): ShapeLimits | HttpFault {
  const shape = { depth: 0, containers: 0, elements: 0 };
  let inString = false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (inString) {
      if (byte === BACKSLASH) index++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) {
      inString = true;
    } else {
      count(shape, byte);
      if (shape.depth > limits.depth) return new HttpFault(400, `the body nests deeper than ${limits.depth}`);
      if (shape.containers > limits.containers || shape.elements > limits.elements) {
        return new HttpFault(413, `the body holds more than ${limits.containers} objects or ${limits.elements} values`);
      }
    }
  }
  return shape;
}

interface Shape {
  depth: number;
  containers: number;
  elements: number;
}

function count(shape: Shape, byte: number | undefined): void {
  if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
    shape.depth += 1;
    shape.containers += 1;
  } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
    shape.depth -= 1;
  } else if (byte === COMMA) {
    shape.elements += 1;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

function spent(): HttpFault {
  return new HttpFault(503, 'too many large reviews at one time');
}

function tooSlow(): HttpFault {
  return new HttpFault(408, 'the body comes too slowly');
}

function tooLarge(maximumBytes: number): HttpFault {
  return new HttpFault(413, `the body is larger than ${maximumBytes} bytes`);
}
