// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { TufState } from '../../../../core/tuf/state.ts';

describe('what is kept of a TUF repository', () => {
  let cache: string;
  beforeEach(async () => {
    cache = await mkdtemp(path.join(tmpdir(), 'cosignet-tuf-'));
  });
  afterEach(() => rm(cache, { recursive: true }));
  const file = (name: string) => path.join(cache, 'one', name);

  test('is nothing before the first time; then what was left, root.json first', async () => {
    const state = new TufState(cache, 'one');
    assert.equal(await state.kept(), undefined);
    const seen = await state.update('a root', async (folder) => {
      await writeFile(path.join(folder, 'timestamp.json'), 'a timestamp');
      return readFile(path.join(folder, 'root.json'), 'utf8');
    });
    await state.keep('a target');
    assert.equal(seen, 'a root');
    assert.equal((await state.kept())?.text, 'a target');
    const again = await state.update('another root', async (folder) =>
      Promise.all(['root.json', 'timestamp.json'].map((name) => readFile(path.join(folder, name), 'utf8'))),
    );
    assert.deepEqual(again, ['a root', 'a timestamp']);
  });

  test('keeps what was verified before the work failed, and no copy of it', async () => {
    const state = new TufState(cache, 'one');
    const failing = state.update('a root', async (folder) => {
      await writeFile(path.join(folder, 'timestamp.json'), 'a timestamp');
      throw new Error('cut off');
    });
    await assert.rejects(failing, /cut off/);
    assert.deepEqual((await readdir(path.join(cache, 'one'))).toSorted(), ['root.json', 'timestamp.json']);
  });

  test('that can not be read is a failure and not nothing: else an older version would count again', async () => {
    for (const name of ['timestamp.json', 'root.json']) {
      await mkdir(file(name), { recursive: true });
      const state = new TufState(cache, 'one');
      await assert.rejects(
        state.update('a root', async () => assert.fail('began anew')),
        { code: 'EISDIR' },
      );
      await rm(file(name), { recursive: true });
    }
    await mkdir(file('trusted_root'), { recursive: true });
    await assert.rejects(new TufState(cache, 'one').kept(), { code: 'EISDIR' });
  });

  test('is forgotten on demand', async () => {
    const state = new TufState(cache, 'one');
    await state.update('a root', async () => undefined);
    await state.keep('a target');
    await state.clear();
    assert.equal(await state.kept(), undefined);
    assert.equal(
      await state.update('another root', (folder) => readFile(path.join(folder, 'root.json'), 'utf8')),
      'another root',
    );
  });
});
