// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { createLogger } from '../../../../cli/output/logger.ts';

function capture(level: 'info' | 'debug', format: 'json' | 'text') {
  const stream = new PassThrough();
  const logger = createLogger({ level, format, stream });
  return { logger, text: async () => (await endOfTurn(), String(stream.read() ?? '')) };
}

describe('the logger', () => {
  test('writes one JSON object a line with the fields beside the message', async () => {
    const { logger, text } = capture('info', 'json');
    logger.warn('verdict', { image: 'a\nb', code: 'NoSignature' });
    const lines = (await text()).trimEnd().split('\n');
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
    const written = await text();
    assert.equal(written.trimEnd().split('\n').length, 1);
    assert.match(written, / info {2}denied forged image="x\\n2026 error forged"\n$/);
  });

  test('a field named like the message or the level replaces neither', async () => {
    const { logger, text } = capture('info', 'json');
    logger.error('real', { message: 'forged', level: 'debug' });
    assert.match(await text(), /"level":"error".*"message":"real"|"message":"real".*"level":"error"/);
  });

  test('leaves out what is below its level', async () => {
    const { logger, text } = capture('info', 'json');
    logger.debug('hidden');
    assert.equal(await text(), '');
    const verbose = capture('debug', 'json');
    verbose.logger.debug('shown');
    assert.match(await verbose.text(), /"shown"/);
  });
});

test('the lines of one turn are written in one piece, and an urgent one at once', async () => {
  const stream = new PassThrough();
  let writes = 0;
  stream.on('data', () => (writes += 1));
  const logger = createLogger({ level: 'info', format: 'json', stream });
  logger.info('one');
  logger.info('two');
  await endOfTurn();
  await endOfTurn();
  assert.equal(writes, 1);
  const urgent = new PassThrough();
  createLogger({ level: 'info', format: 'json', stream: urgent }).error('now');
  assert.match(String(urgent.read()), /"now"/);
});
