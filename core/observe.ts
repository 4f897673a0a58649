// SPDX-License-Identifier: Apache-2.0

/** What the engine asks of its surroundings to be seen from outside; all of it is passed in. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Milliseconds since the epoch, as `Date.now`. */
export type Clock = () => number;
