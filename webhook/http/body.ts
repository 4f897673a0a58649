// SPDX-License-Identifier: Apache-2.0
import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';

/** A request that gets a plain HTTP answer; the API server's failurePolicy decides what it means. */
export class HttpFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'HttpFault';
    this.status = status;
  }
}

/** Bytes of bodies held at one time, over all connections: parsed JSON takes many times its text. */
export interface BodyBudget {
  readonly maximumBytes: number;
  heldBytes: number;
}

/** From here on a body could nest deep enough for its parsed form to hurt. */
const DEPTH_CHECK_BYTES = 64 * 1024;
/** Kubernetes objects nest about 20 deep; CRD schemas, which are not ours, go deepest. */
const MAXIMUM_DEPTH = 200;

/** What was read; `release` gives its bytes back to the budget. */
export interface HeldBody {
  readonly bytes: Buffer;
  readonly release: () => void;
}

/**
 * Reads a body, at most `maximumBytes`. Rejects with HttpFault 413 (too large), 503 (budget spent) or 400
 * (cut off). The budget is charged with what was read.
 */
export function readBody(request: IncomingMessage, maximumBytes: number, budget: BodyBudget): Promise<HeldBody> {
  if (Number(request.headers['content-length'] ?? 0) > maximumBytes) return Promise.reject(tooLarge(maximumBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const release = (): void => {
      budget.heldBytes -= length;
      length = 0;
    };
    const fail = (fault: HttpFault): void => {
      // Paused, not destroyed: the connection has to carry the answer.
      request.off('data', take).pause();
      release();
      reject(fault);
    };
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      budget.heldBytes += chunk.length;
      chunks.push(chunk);
      if (length > maximumBytes) fail(tooLarge(maximumBytes));
      else if (budget.heldBytes > budget.maximumBytes) fail(new HttpFault(503, 'too many large reviews at one time'));
    };
    const cutOff = (): void => fail(new HttpFault(400, 'the body was cut off'));
    request
      .on('data', take)
      .once('end', () => {
        const [first] = chunks;
        resolve({ bytes: chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length), release });
      })
      .once('error', cutOff)
      .once('aborted', cutOff);
  });
}

/** Parses a body as JSON. Throws HttpFault 400. */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length > DEPTH_CHECK_BYTES && exceedsDepth(bytes, MAXIMUM_DEPTH)) {
    throw new HttpFault(400, `the body nests deeper than ${MAXIMUM_DEPTH}`);
  }
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    // The parser's message quotes the body.
    throw new HttpFault(400, 'the body is not JSON, or not all of it');
  }
}

/** Whether arrays and objects nest deeper than `maximum`, in one pass over the bytes; brackets in strings don't count. */
export function exceedsDepth(bytes: Uint8Array, maximum: number): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (inString) {
      if (byte === BACKSLASH) index++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) {
      inString = true;
    } else {
      depth += step(byte);
      if (depth > maximum) return true;
    }
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function step(byte: number | undefined): -1 | 0 | 1 {
  if (byte === 0x7b || byte === 0x5b) return 1;
  return byte === 0x7d || byte === 0x5d ? -1 : 0;
}

function tooLarge(maximumBytes: number): HttpFault {
  return new HttpFault(413, `the body is larger than ${maximumBytes} bytes`);
}
