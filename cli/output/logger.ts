// SPDX-License-Identifier: Apache-2.0
import winston from 'winston';
import Transport from 'winston-transport';
import type { LogFields, Logger } from '../../core/observe.ts';
import { createLineWriter } from './line-writer.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export const LOG_FORMATS = ['json', 'text'] as const;

export interface LoggerOptions {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: (typeof LOG_FORMATS)[number];
  /** Where lines go; standard error unless told: standard output belongs to results. */
  readonly stream?: NodeJS.WritableStream;
}

type Level = (typeof LOG_LEVELS)[number];

/** A winston logger as the engine's `Logger`: one line an entry, fields beside the message. */
export function createLogger(options: LoggerOptions): Logger {
  const lineOf = options.format === 'json' ? jsonLine : textLine;
  const writer = createLineWriter(options.stream ?? process.stderr);
  const logger = winston.createLogger({
    level: options.level,
    // Formats as a chain of functions cost more than the line is worth: what is written is made below, in one go.
    format: { transform: (info) => info },
    transports: [
      new Transport({
        log(info: winston.Logform.TransformableInfo, next: () => void) {
          writer.write(lineOf(info), info.level === 'error' || info.level === 'warn');
          next();
        },
      }),
    ],
  });
  const write =
    (level: Level) =>
    (message: string, fields: LogFields = {}) => {
      if (!logger.isLevelEnabled(level)) return;
      const own = { timestamp: new Date().toISOString(), level, message };
      // First in the line, and winners over a caller's fields of the same name.
      logger.log({ ...own, ...fields, ...own });
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** `{"timestamp":"…","level":"info","message":"…",…}` */
function jsonLine(info: winston.Logform.TransformableInfo): string {
  return JSON.stringify(info);
}

/** `2026-01-01T00:00:00.000Z info  message key="value"`; values as JSON, so that hostile text stays on its line. */
function textLine({ timestamp, level, message, ...fields }: winston.Logform.TransformableInfo): string {
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const text = String(message).replace(/[\r\n]+/g, ' ');
  return `${String(timestamp)} ${level.padEnd(5)} ${text}${rest.join('')}`;
}
