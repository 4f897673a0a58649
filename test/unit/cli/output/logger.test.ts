// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { describe, test } from 'node:test';
import { createLogger } from '../../../../cli/output/logger.ts';

function capture(level: 'info' | 'debug', format: 'json' | 'text') {
  let written = '';
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, done) => {
      written += chunk;
      done();
    },
  });
  const logger = createLogger({ level, format, stream });
  const text = (): string => {
    // It is written at once, and what waits before it.
    logger.error('end');
    return written.split(/^/m).slice(0, -1).join('');
  };
  return { logger, text };
}

describe('the logger', () => {
  test('writes one JSON object a line with the fields beside the message', async () => {
    const { logger, text } = capture('info', 'json');
    logger.warn('verdict', { image: 'a\nb', code: 'NoSignature' });
    const lines = text().trimEnd().split('\n');
    assert.equal(lines.length, 1);
    const entry: unknown = JSON.parse(lines[0] ?? '');
    assert.ok(typeof entry === 'object' && entry !== null && 'timestamp' in entry);
    const { timestamp, ...rest } = entry;
    assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT/);
    assert.deepEqual(rest, { level: 'warn', message: 'verdict', image: 'a\nb', code: 'NoSignature' });
  });

  test('writes text with each entry on its own line, whatever the fields hold', async () => {
    const { logger, text } = capture('info', 'text');
    logger.info('denied\nforged', { image: 'x\n2026 error forged' });
    const written = text();
    assert.equal(written.trimEnd().split('\n').length, 1);
    assert.match(written, / info {2}denied forged image="x\\n2026 error forged"\n$/);
  });

  test('a field named like the message or the level replaces neither', async () => {
    const { logger, text } = capture('info', 'json');
    logger.error('real', { message: 'forged', level: 'debug' });
    assert.match(text(), /"level":"error".*"message":"real"|"message":"real".*"level":"error"/);
  });

  test('leaves out what is below its level', async () => {
    const { logger, text } = capture('info', 'json');
    logger.debug('hidden');
    assert.equal(text(), '');
    const verbose = capture('debug', 'json');
    verbose.logger.debug('shown');
    assert.match(verbose.text(), /"shown"/);
  });
});

describe('lines that are not urgent', () => {
  test('are written in one piece, a moment later', async () => {
    const stream = new PassThrough();
    const first = once(stream, 'data');
    const logger = createLogger({ level: 'info', format: 'json', stream });
    logger.info('one');
    logger.info('two');
    assert.equal(stream.read(), null);
    assert.match(String(await first), /"one".*\n.*"two".*\n$/);
  });

  test('are written with the next urgent one, in their order', () => {
    const stream = new PassThrough();
    const logger = createLogger({ level: 'info', format: 'json', stream });
    logger.info('before');
    logger.warn('now');
    assert.match(String(stream.read()), /"before".*\n.*"now".*\n$/);
  });

  test('are written at once where there are many', () => {
    const stream = new PassThrough();
    const logger = createLogger({ level: 'info', format: 'json', stream });
    for (let index = 0; index < 1000; index += 1) logger.info('line', { index });
    assert.ok(stream.readableLength > 32_000);
  });

  for (const [ending, how] of [
    ['is done', ''],
    ['exits', 'process.exit(0);'],
    ['fails', 'throw new Error("broken");'],
    ['is told to stop', 'process.once("SIGTERM", () => process.exit(0)); process.kill(process.pid, "SIGTERM");'],
  ] as const) {
    test(`are not lost when the process ${ending}`, async () => {
      const module = path.join(import.meta.dirname, '../../../../cli/output/logger.ts');
      const program = `const { createLogger } = await import(${JSON.stringify(pathToFileURL(module).href)});
        const log = createLogger({ level: 'info', format: 'json' });
        for (let index = 0; index < 500; index += 1) log.info('line', { index });
        log.error('two');
        log.error('of one turn');
        log.info('last');
        ${how}
        await new Promise((resolve) => ${how.includes('SIGTERM') ? 'setInterval(() => {}, 1000)' : 'resolve()'});`;
      const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const written = await textOf(child.stderr);
      assert.equal(written.split('\n').filter((line) => line.includes('"message":"line"')).length, 500);
      assert.match(written, /"index":499.*\n.*"two".*\n.*"of one turn".*\n.*"last"/);
    });
  }
});
