// SPDX-License-Identifier: Apache-2.0

/** What a command sees of the process it runs in; passed in, so that tests run commands in their own. */
export interface Terminal {
  /** Writes one line (or several) to standard output; the newline is added. */
  readonly out: (text: string) => void;
  /** The same to standard error. */
  readonly err: (text: string) => void;
  /** How wide standard output is; undefined: no screen. */
  readonly columns?: number;
  /** Shows how far long work is, in place of what it showed before; an empty text takes it away. Undefined: no screen. */
  readonly progress?: (text: string) => void;
  /** Standard input, for whoever reads it. */
  readonly input: () => AsyncIterable<Uint8Array>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}
