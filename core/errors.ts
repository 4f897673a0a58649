// SPDX-License-Identifier: Apache-2.0
import type { FailureCode } from './verdict-codes.ts';

export interface EngineErrorOptions extends ErrorOptions {
  /** What a person can do about this very failure; else its code's remedy is told. */
  readonly remedy?: string;
}

/**
 * The one exception of the engine: input or evidence that could not be read, or is not acceptable.
 * `decide` turns it into a verdict; anything else thrown becomes `InternalError`, never "allowed".
 */
export class EngineError extends Error {
  readonly code: FailureCode;
  readonly remedy: string | undefined;

  constructor(code: FailureCode, message: string, options?: EngineErrorOptions) {
    super(message, options);
    this.name = 'EngineError';
    this.code = code;
    this.remedy = options?.remedy;
  }
}
