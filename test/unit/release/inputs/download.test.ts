// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fetchDebs, matches } from '../../../../release/inputs/download.ts';
import { readRuntimeLock, type RuntimeLock } from '../../../../release/inputs/runtime-lock.ts';

/** FIPS 180-2, appendix B.1: of the message "abc". */
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

describe('what is fetched for a release', () => {
  const cache = mkdtempSync(path.join(tmpdir(), 'cosignet-download-'));
  const file = path.join(cache, 'lib++_1.0+deb_amd64.deb');
  const asked: string[] = [];
  let content = 'abc';
  const server = createServer((incoming, outgoing) => {
    asked.push(incoming.url ?? '');
    outgoing.end(content);
  });
  const pinned = {
    name: 'lib++',
    version: '1.0+deb',
    license: 'MIT',
    pool: 'main/l/lib',
    sha256: { amd64: ABC, arm64: ABC },
  };
  const lock: RuntimeLock = { ...readRuntimeLock(), debian: { release: '0', suite: 'none', packages: [pinned] } };
  const searchPath = process.env['PATH'];

  before(async () => {
    // As on a machine without apt.
    process.env['PATH'] = '';
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => {
    process.env['PATH'] = searchPath;
    server.close();
    rmSync(cache, { recursive: true });
  });

  function fetchAll(): Promise<readonly string[]> {
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    return fetchDebs(lock, 'amd64', { cache, mirror: `http://127.0.0.1:${port}/debian` });
  }

  test('comes from the mirror, once', async () => {
    assert.deepEqual(await fetchAll(), [file]);
    assert.deepEqual(await fetchAll(), [file]);
    assert.equal(readFileSync(file, 'utf8'), 'abc');
    assert.deepEqual(asked, ['/debian/pool/main/l/lib/lib%2B%2B_1.0%2Bdeb_amd64.deb']);
  });

  test('is fetched again where somebody changed it in the cache', async () => {
    writeFileSync(file, 'abd');
    await fetchAll();
    assert.equal(readFileSync(file, 'utf8'), 'abc');
  });

  test('is refused, and not kept, where the mirror sends something else', async () => {
    rmSync(file);
    content = 'abd';
    await assert.rejects(fetchAll, /lib\+\+_1\.0\+deb_amd64\.deb is not what release\/runtime\.lock\.json names/);
    assert.deepEqual(readdirSync(cache), []);
  });

  test('needs a checksum with its algorithm', () => {
    assert.throws(() => matches(Buffer.from('abc'), Buffer.from(ABC, 'hex').toString('base64')));
  });
});
