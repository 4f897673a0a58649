// SPDX-License-Identifier: Apache-2.0
// `verify --oci-layout`, on the layout that the real cosign's vectors are kept in.
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { createLayoutRegistry, publicKeyFile } from '../../../vectors/cosign/layout-registry.ts';
import { runCaptured } from '../captured-terminal.ts';

const vectors = path.resolve(import.meta.dirname, '../../../vectors/cosign');
const layout = path.join(vectors, 'layout');
const release = ['--key', path.join(vectors, 'keys', 'release.pub')];
const HOST = 'registry.example.com';
const hex = (name: string) => createLayoutRegistry().digest(name).slice('sha256:'.length);

interface Entry {
  readonly digest: string;
  readonly annotations?: Record<string, string>;
}

async function codeOf(where: string, image: readonly string[], keys = release): Promise<string> {
  const { out, err } = await runCaptured(['verify', '--oci-layout', where, '-o', 'json', ...keys, ...image]);
  assert.notEqual(out, '', err);
  const { code, registryRequests }: { code: string; registryRequests: number } = JSON.parse(out);
  assert.equal(registryRequests, 0);
  return code;
}

describe('cosignet verify --oci-layout', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-layout-'));
  });
  after(() => rm(folder, { recursive: true }));

  /** The same blobs, listed otherwise. */
  async function listing(name: string, entries: readonly Entry[]): Promise<string> {
    const copy = path.join(folder, name);
    await cp(layout, copy, { recursive: true });
    const manifests = entries.map((entry) => ({ size: 1, ...entry }));
    await writeFile(path.join(copy, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
    return copy;
  }

  for (const [name, code] of [
    ['demo/signed:1.0', 'Verified'],
    ['demo/bundle:1.0', 'Verified'],
    ['demo/referrers-api:1.0', 'Verified'],
    ['demo/index:bundle', 'Verified'],
    ['demo/unsigned:1.0', 'NoSignature'],
    ['demo/other-key:1.0', 'UntrustedSignature'],
    ['demo/attested:bundle', 'NoSignature'],
    ['demo/nothing:1.0', 'ImageNotFound'],
    ['demo/signed:3.0', 'ImageNotFound'],
    [`demo/signed@sha256:${'0'.repeat(64)}`, 'NoSignature'],
  ] as const) {
    test(`says ${code} of ${name}, and asks no registry`, async () => {
      assert.equal(await codeOf(layout, [`${HOST}/${name}`]), code);
    });
  }

  test('checks attestations, in both formats', async () => {
    const attestations = [{ name: 'tests', predicateType: 'https://example.com/tests/v1' }];
    const spec = { images: [`${HOST}/demo/**`], keys: [{ pem: publicKeyFile('release') }], threshold: 0, attestations };
    const policies = path.join(folder, 'attested.yaml');
    await writeFile(
      policies,
      stringify({ apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name: 'demo' }, spec }),
    );
    for (const format of ['bundle', 'simple-signing']) {
      assert.equal(await codeOf(layout, [`${HOST}/demo/attested:${format}`], ['--policies', policies]), 'Verified');
    }
    assert.equal(
      await codeOf(layout, [`other.example.com/demo/attested:bundle`], ['--policies', policies]),
      'NoPolicy',
    );
    const unnamed = await runCaptured(['verify', '--oci-layout', layout, '--policies', policies]);
    assert.equal(unnamed.code, 2);
    assert.match(unnamed.err, /needs the name of the image/);
  });

  test('takes an only image without a name for any tag, and for all that is there', async () => {
    const only = await listing('only', [{ digest: `sha256:${hex('demo/bundle:1.0')}` }]);
    assert.equal(await codeOf(only, [`${HOST}/acme/app:7`]), 'Verified');
    assert.equal(await codeOf(only, []), 'Verified');
    const two = await listing('two', [
      { digest: `sha256:${hex('demo/bundle:1.0')}` },
      { digest: `sha256:${hex('demo/unsigned:1.0')}` },
    ]);
    assert.equal(await codeOf(two, [`${HOST}/acme/app:7`]), 'ImageNotFound');
    assert.equal((await runCaptured(['verify', '--oci-layout', two, ...release])).code, 1);
  });

  test('does not believe what content is called', async () => {
    const copy = await listing('swapped', [{ digest: `sha256:${hex('demo/signed:1.0')}` }]);
    const blob = (name: string) => path.join(copy, 'blobs', 'sha256', hex(name));
    await writeFile(blob('demo/signed:1.0'), await readFile(blob('demo/unsigned:1.0')));
    const verdict = await runCaptured(['verify', '--oci-layout', copy, ...release, `${HOST}/demo/signed:1.0`]);
    assert.equal(verdict.code, 3);
    assert.match(verdict.out, /has other content under/);
  });

  test('reads nothing that is too long, or no file', async () => {
    const copy = await listing('long', [{ digest: `sha256:${hex('demo/signed:1.0')}` }]);
    await writeFile(path.join(copy, 'blobs', 'sha256', hex('demo/signed:1.0')), Buffer.alloc(2 * 1024 * 1024));
    const long = await runCaptured(['verify', '--oci-layout', copy, ...release, `${HOST}/demo/signed:1.0`]);
    assert.match(long.out, /\(ResponseTooLarge\)/);
    assert.equal(long.code, 3);
  });

  test('refuses what is no layout, and manifests beside it', async () => {
    for (const [args, reason] of [
      [['--oci-layout', vectors], /is no OCI image layout/],
      [['--oci-layout', layout, '-f', layout], /not for --filename/],
    ] as const) {
      const { code, err } = await runCaptured(['verify', ...release, ...args, `${HOST}/demo/signed:1.0`]);
      assert.equal(code, 2);
      assert.match(err, reason);
    }
  });
});
