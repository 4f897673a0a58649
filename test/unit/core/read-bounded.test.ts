// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { MODEST_BYTES, readBounded, readBoundedText } from '../../../core/read-bounded.ts';

describe('a file of the command line or the configuration', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cosignet-bounded-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'file');

  test('is read whole up to its bound, and not at all beyond', async () => {
    writeFileSync(file, 'nine byte');
    assert.equal(await readBoundedText(file, 9), 'nine byte');
    await assert.rejects(readBounded(file, 8), { message: 'larger than 8 bytes' });
  });

  test('may be empty', async () => {
    writeFileSync(file, '');
    assert.equal((await readBounded(file, 8)).length, 0);
  });

  test('may be a device without end', async () => {
    await assert.rejects(readBounded('/dev/zero'), { message: `larger than ${MODEST_BYTES} bytes` });
  });

  test('that is missing, or a folder, says so', async () => {
    await assert.rejects(readBounded(path.join(folder, 'none')), { code: 'ENOENT' });
    await assert.rejects(readBounded(folder), { code: 'EISDIR' });
  });
});
