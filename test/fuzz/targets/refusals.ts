// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { EngineError } from '../../../core/errors.ts';
import type { FailureCode } from '../../../core/verdict-codes.ts';

// oxlint-disable-next-line no-control-regex -- what must not be in a message
const CONTROL = /[\u0000-\u001f\u007f]/;

/** What `read` gives, or undefined where it refuses as an engine may: with one of these codes and one plain line. */
export function readOrRefused<T>(codes: readonly FailureCode[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof EngineError) || !codes.includes(error.code)) throw error;
    requireLine(error.message);
    return undefined;
  }
}

/**
 * The same for readers that throw plain Errors. A TypeError or a RangeError is an accident and no refusal, but for those
 * of @sigstore/core, which steps into what is not there, and of text that is no UTF-8: whoever calls our readers expects both.
 */
export function readOrError<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Error) || (ACCIDENTS.has(error.name) && !isForeign(error))) throw error;
    assert.notEqual(error.message, '');
    return undefined;
  }
}

const ACCIDENTS = new Set(['TypeError', 'RangeError', 'ReferenceError']);

function isForeign({ stack = '', code }: NodeJS.ErrnoException): boolean {
  return code === 'ERR_ENCODING_INVALID_ENCODED_DATA' || /\n\s+at [^\n]*\/node_modules\/@sigstore\/core\//.test(stack);
}

/** Control characters forge lines in logs and in kubectl's output. */
export function requireLine(message: string, maximum = 4000): void {
  assert.ok(message !== '' && message.length <= maximum, `a message of ${message.length} characters`);
  assert.ok(!CONTROL.test(message), `a message with control characters: ${JSON.stringify(message)}`);
}

/** Whether no value in it is inherited from what a hostile key put there. */
export function requireOwnTexts(texts: Readonly<Record<string, string>>): void {
  assert.ok([Object.prototype, null].includes(Object.getPrototypeOf(texts)), 'a map with a foreign prototype');
  for (const value of Object.values(texts)) assert.equal(typeof value, 'string');
}
