// SPDX-License-Identifier: Apache-2.0
import winston from 'winston';
import type { LogFields, Logger } from '../core/observe.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export const LOG_FORMATS = ['json', 'text'] as const;

export interface LoggerOptions {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: (typeof LOG_FORMATS)[number];
  /** Where lines go; standard error unless told: standard output belongs to results. */
  readonly stream?: NodeJS.WritableStream;
}

/** A winston logger as the engine's `Logger`: one line an entry, fields beside the message. */
export function createLogger(options: LoggerOptions): Logger {
  const logger = winston.createLogger({
    level: options.level,
    format: winston.format.combine(
      winston.format.timestamp(),
      options.format === 'json' ? winston.format.json() : winston.format.printf(textLine),
    ),
    transports: [new winston.transports.Stream({ stream: options.stream ?? process.stderr })],
  });
  // Our own fields win over names that a caller's fields might share with them.
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      logger.log({ ...fields, level, message });
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** `2026-01-01T00:00:00.000Z info  message key="value"`; values as JSON, so that hostile text stays on its line. */
function textLine({ timestamp, level, message, ...fields }: winston.Logform.TransformableInfo): string {
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  return `${String(timestamp)} ${level.padEnd(5)} ${String(message).replace(/[\r\n]+/g, ' ')}${rest.join('')}`;
}
