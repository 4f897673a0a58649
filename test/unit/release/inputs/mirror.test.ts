// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { debianMirror } from '../../../../release/inputs/mirror.ts';

describe('the mirror of Debian', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cosignet-apt-'));
  after(() => rmSync(folder, { recursive: true }));
  const apt = (name: string, file: string, text: string): string => {
    const own = path.join(folder, name);
    mkdirSync(path.join(own, 'sources.list.d'), { recursive: true });
    writeFileSync(path.join(own, file), text);
    return own;
  };

  test('is the one that is named', () => {
    assert.equal(
      debianMirror({ DEBIAN_MIRROR: 'http://mirror.example/debian/' }, folder),
      'http://mirror.example/debian',
    );
  });

  test('is else the one of the machine, in either form of its lists', () => {
    const old = apt(
      'old',
      'sources.list',
      '# deb http://no.example/debian x main\ndeb [arch=amd64] http://a.example/debian bookworm main\n',
    );
    assert.equal(debianMirror({}, old), 'http://a.example/debian');
    const security =
      'Types: deb\nURIs: http://b.example/debian-security\n\nTypes: deb\nURIs: http://b.example/debian\n';
    assert.equal(debianMirror({}, apt('new', 'sources.list.d/debian.sources', security)), 'http://b.example/debian');
  });

  test('is asked for where none is known', () => {
    assert.throws(() => debianMirror({}, path.join(folder, 'none')), /DEBIAN_MIRROR/);
  });
});
