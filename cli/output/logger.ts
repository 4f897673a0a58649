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

/** What stands at the head of every line. */
interface Head {
  readonly timestamp: string;
  readonly level: Level;
  readonly message: string;
}

/**
 * A winston logger as the engine's `Logger`: one line an entry, fields beside the message. Its transport is given many
 * lines at a time, and directly: winston's streams cost more than a line is worth, and hold the second entry of a turn
 * back, which is lost where the process ends in that turn.
 */
export function createLogger(options: LoggerOptions): Logger {
  const lineOf = options.format === 'json' ? jsonLine : textLine;
  const stream = options.stream ?? process.stderr;
  const transport = new Transport({
    log({ message }: winston.Logform.TransformableInfo, done: () => void) {
      stream.write(String(message));
      done();
    },
  });
  const logger = winston.createLogger({ level: options.level, transports: [transport] });
  const writer = createLineWriter((message) => transport.log?.({ message }, () => undefined));
  const timestamp = createTimestamps(Date.now);
  const write = (level: Level) => {
    const urgent = level === 'error' || level === 'warn';
    // Asked once: it stays, and winston goes through its transports to tell.
    const isEnabled = logger.isLevelEnabled(level);
    return (message: string, fields: LogFields = {}) => {
      if (isEnabled) writer.write(lineOf({ timestamp: timestamp(), level, message }, fields), urgent);
    };
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** As ISO 8601; many lines share a millisecond, and its text. */
function createTimestamps(clock: () => number): () => string {
  let at = NaN;
  let text = '';
  return () => {
    const now = clock();
    if (now !== at) {
      at = now;
      text = new Date(now).toISOString();
    }
    return text;
  };
}

/** `{"timestamp":"…","level":"info","message":"…",…}`: the head first, and it wins over fields of the same name. */
function jsonLine(head: Head, fields: LogFields): string {
  const { timestamp, level, message } = head;
  if ('timestamp' in fields || 'level' in fields || 'message' in fields || 'toJSON' in fields) {
    return JSON.stringify({ ...head, ...fields, ...head });
  }
  const rest = JSON.stringify(fields);
  const start = `{"timestamp":"${timestamp}","level":"${level}","message":${JSON.stringify(message)}`;
  return rest === '{}' ? `${start}}` : `${start},${rest.slice(1)}`;
}

/** `2026-01-01T00:00:00.000Z info  message key="value"`; values as JSON, so that hostile text stays on its line. */
function textLine({ timestamp, level, message }: Head, fields: LogFields): string {
  const rest = Object.entries(fields)
    .filter(([name, value]) => value !== undefined && !(name === 'timestamp' || name === 'level' || name === 'message'))
    .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  return `${timestamp} ${level.padEnd(5)} ${message.replace(/[\r\n]+/g, ' ')}${rest.join('')}`;
}
