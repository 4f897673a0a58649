// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { tufCacheFolder } from '../../../../cli/inputs/trust-roots.ts';
import { LAYOUT, publicKeyPem } from '../../../fakes/engine.ts';
import { putKeylessImage } from '../../../fakes/sigstore/keyless-image.ts';
import { ISSUER, SUBJECT } from '../../../fakes/sigstore/keyless.ts';
import { loadLayout, RegistryContent } from '../../../fakes/registry/registry-content.ts';
import { startFakeRegistry, type FakeRegistry } from '../../../fakes/registry/registry.ts';
import { createSigstore } from '../../../fakes/sigstore/sigstore.ts';
import { FakeTufRepository } from '../../../fakes/sigstore/tuf-repository.ts';
import { runCaptured } from '../captured-terminal.ts';

const sigstore = createSigstore();

describe('commands with a trust root in a TUF repository', () => {
  let folder: string;
  let registry: FakeRegistry;
  let server: FakeTufRepository;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tuf-'));
    const content = new RegistryContent();
    await loadLayout(content, LAYOUT);
    putKeylessImage(content, 'demo/keyless:1.0', sigstore);
    registry = await startFakeRegistry({ content, referrersApi: true });
    server = await new FakeTufRepository().start();
    server.publishRoot();
    server.publish(JSON.stringify(sigstore.trustedRoot));
    await write('root.json', server.rootText());
    await configure(60);
    await policy({ identities: [{ name: 'ci', issuer: ISSUER, subject: SUBJECT, trustRoot: 'ours' }] });
  });
  afterEach(async () => {
    await registry.close();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const file = (name: string) => path.join(folder, name);
  const write = (name: string, content: string) => writeFile(file(name), content);
  const configure = (refreshSeconds: number) => {
    const tuf = { url: server.url, rootFile: 'root.json', refreshSeconds, insecure: true };
    return write('config.json', JSON.stringify({ trustRoots: [{ name: 'ours', tuf }] }));
  };
  const policy = (spec: object) => {
    const kind = { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name: 'ours' } };
    return write('policy.json', JSON.stringify({ ...kind, spec: { images: ['**'], ...spec } }));
  };
  const options = () => {
    const files = ['--config', file('config.json'), '--policies', file('policy.json'), '--tuf-cache', file('tuf')];
    return [...files, '--insecure-registry', registry.host, '-o', 'json'];
  };
  const verify = (name: string) => runCaptured(['verify', ...options(), `${registry.host}/demo/${name}`]);

  test('verify asks once, and then uses what it has', async () => {
    const first = await verify('keyless:1.0');
    assert.deepEqual([first.code, first.err], [0, ''], first.out);
    assert.ok(server.requests.length > 0);
    server.requests.length = 0;
    assert.equal((await verify('keyless:1.0')).code, 0);
    assert.deepEqual(server.requests, []);
  });

  test('scan does, too', async () => {
    await write('images', `${registry.host}/demo/keyless:1.0\n`);
    const { code, err, out } = await runCaptured(['scan', ...options(), '--images', file('images')]);
    assert.deepEqual([code, err], [0, ''], out);
  });

  test('can not decide where nothing could be read', async () => {
    await server.stop();
    const { code, out } = await verify('keyless:1.0');
    assert.equal(code, 3);
    assert.match(out, /"code":"TrustRootUnavailable".*trust root \\"ours\\".*ECONNREFUSED/);
    await server.start();
  });

  test('go on with what is kept where it is old and can not be renewed, and say so', async () => {
    assert.equal((await verify('keyless:1.0')).code, 0);
    await server.stop();
    // The configuration asks for ten seconds at least.
    const [id = ''] = await readdir(file('tuf'));
    await utimes(path.join(file('tuf'), id, 'trusted_root'), new Date(0), new Date(0));
    const { code, err } = await verify('keyless:1.0');
    assert.equal(code, 0);
    assert.match(err, /trust root ours could not be refreshed from http:.*; it is used as it was on 1970-01-01/);
    await server.start();
  });

  test('ask nobody for policies that only name keys', async () => {
    await policy({ keys: [{ name: 'release', pem: publicKeyPem('release') }] });
    const { code, err } = await verify('signed:1.0');
    assert.deepEqual([code, err], [0, '']);
    assert.deepEqual(server.requests, []);
  });

  test('do not begin with a root that is none', async () => {
    await write('root.json', '{}');
    const { code, err } = await verify('keyless:1.0');
    assert.equal(code, 2);
    assert.match(err, /trustRoots\[0\]\.tuf\.rootFile: .*is not the root\.json of a TUF repository/);
  });
});

test('what is kept is kept where the user says, or among the caches of the user', () => {
  assert.equal(tufCacheFolder('here', { XDG_CACHE_HOME: '/caches', HOME: '/home/a' }), 'here');
  assert.equal(tufCacheFolder(undefined, { XDG_CACHE_HOME: '/caches', HOME: '/home/a' }), '/caches/cosignet/tuf');
  assert.equal(tufCacheFolder(undefined, { HOME: '/home/a' }), '/home/a/.cache/cosignet/tuf');
  // Relative to wherever we run it would be anybody's.
  assert.equal(tufCacheFolder(undefined, { XDG_CACHE_HOME: 'caches', HOME: '/home/a' }), '/home/a/.cache/cosignet/tuf');
  assert.ok(path.isAbsolute(tufCacheFolder(undefined, {})));
});
