// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readTar, writeTar, type TarEntry } from '../../../../release/formats/tar.ts';

const file = (path: string, content: string, mode = 0o644): TarEntry => ({
  path,
  type: 'file',
  mode,
  content: Buffer.from(content),
});
const folder = (path: string): TarEntry => ({ path, type: 'folder', mode: 0o755, content: Buffer.alloc(0) });
const link = (path: string, target: string): TarEntry => ({
  path,
  type: 'link',
  mode: 0o777,
  content: Buffer.alloc(0),
  target,
});

/** For comparisons: one kind of bytes isn't equal to another. */
function plain({ path, type, mode, content, target }: TarEntry): readonly unknown[] {
  return [path, type, mode, Buffer.from(content).toString(), target];
}

describe('tar archives', () => {
  const [a, b, two, c] = [
    file('a', ''),
    folder('b'),
    file('b/two', 'x'.repeat(513), 0o755),
    link('c', 'b/two'),
  ] as const;
  const entries = [two, b, a, c];

  test('are read by the tar of the system as they were meant', () => {
    const listing = execFileSync('tar', ['-tv', '--numeric-owner', '--full-time', '--utc'], {
      input: writeTar(entries),
      encoding: 'utf8',
    });
    assert.deepEqual(
      listing
        .trim()
        .split('\n')
        .map((line) => line.replaceAll(/\s+/g, ' ')),
      [
        '-rw-r--r-- 0/0 0 1970-01-01 00:00:00 a',
        'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 b/',
        '-rwxr-xr-x 0/0 513 1970-01-01 00:00:00 b/two',
        'lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 c -> b/two',
      ],
    );
  });

  test('are the same in whatever order their entries come', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(entries, { minLength: entries.length }), (shuffled) => {
        assert.deepEqual(writeTar(shuffled), writeTar(entries));
      }),
    );
  });

  test('are read as they were written', () => {
    assert.deepEqual(readTar(writeTar(entries)).map(plain), [a, b, two, c].map(plain));
  });

  test('do not lead out of their folder', () => {
    assert.throws(() => readTar(writeTar([file('a/../../b', '')])), /leads out/);
  });

  test('do not end within a file', () => {
    assert.throws(() => readTar(writeTar([file('a', 'x'.repeat(600))]).subarray(0, 1024)), /ends within/);
  });

  test('have no path that would be cut', () => {
    assert.throws(() => writeTar([file('a'.repeat(101), '')]), RangeError);
  });
});
