// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { hexOf, isDigest } from '../../../core/image/digest.ts';
import type { Digest } from '../../../core/image/digest.ts';
import { createDockerKeychain, parseDockerConfig } from '../../../core/registry/credentials/docker-config.ts';
import { freePort } from '../../control-plane/ports.ts';
import { waitFor } from '../../control-plane/process.ts';
import { createTestClient, insecure, scopeOf } from '../../fakes/registry/registry-client.ts';

const noHelper = () => Promise.resolve(undefined);

const TOOLS = process.env['TOOLS_BIN'] ?? join(import.meta.dirname, '../../../.cache/tools/bin');
const run = promisify(execFile);
const closing: (() => unknown)[] = [];
let directory = '';

before(async () => {
  for (const tool of ['crane', 'registry', 'referrers-registry']) await access(join(TOOLS, tool));
  directory = await mkdtemp(join(tmpdir(), 'registry-'));
});
after(async () => {
  for (const close of closing.toReversed()) await close();
  await rm(directory, { recursive: true });
});

/** Starts a server of the tools and waits until it answers HTTP. */
async function serve(tool: string, parameters: readonly string[], host: string): Promise<void> {
  const child = spawn(join(TOOLS, tool), parameters, { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  closing.push(() => {
    child.kill();
    return ended;
  });
  await waitFor(`${tool} to answer`, () => fetch(`http://${host}/v2/`));
}

async function startDistribution(auth = ''): Promise<string> {
  const host = `127.0.0.1:${await freePort()}`;
  const root = await mkdtemp(join(directory, 'distribution-'));
  const configuration = join(root, 'config.yml');
  await writeFile(
    configuration,
    `version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: ${root}}}\nhttp: {addr: "${host}"}\n${auth}`,
  );
  await serve('registry', ['serve', configuration], host);
  return host;
}

/** A one-layer image made by crane. */
async function push(host: string, name: string, dockerConfig = directory): Promise<Digest> {
  const content = await mkdtemp(join(directory, 'layer-'));
  await writeFile(join(content, 'file'), name);
  const layer = join(content, 'layer.tar');
  await run('tar', ['-cf', layer, '-C', content, 'file']);
  const environment = { env: { ...process.env, DOCKER_CONFIG: dockerConfig } };
  const crane = (...parameters: readonly string[]) =>
    run(join(TOOLS, 'crane'), ['--insecure', ...parameters], environment);
  await crane('append', '--oci-empty-base', '-f', layer, '-t', `${host}/${name}`);
  const digest = (await crane('digest', `${host}/${name}`)).stdout.trim();
  assert.ok(isDigest(digest));
  return digest;
}

function clientFor(host: string) {
  const { client } = createTestClient({ settings: [insecure(host)] });
  closing.push(() => client.close());
  return client;
}

/** Everything a verifier reads of an image: tag, manifest, blobs. */
async function readImage(host: string, digest: Digest, scope = scopeOf()): Promise<void> {
  const client = clientFor(host);
  const repository = { registry: host, path: 'team/app' };
  assert.equal(await client.resolveTag(repository, '1.0', scope), digest);
  const manifest = await client.getManifest(repository, digest, 100_000, scope);
  assert.equal(manifest?.digest, digest);
  assert.equal(manifest.mediaType, 'application/vnd.oci.image.manifest.v1+json');
  const { layers } = JSON.parse(Buffer.from(manifest.bytes).toString('utf8'));
  const layer = await client.getBlob(repository, layers[0], scope);
  assert.equal(layer?.length, layers[0].size);
  assert.equal(await client.resolveTag(repository, 'no-such-tag', scope), undefined);
  assert.equal(await client.resolveTag({ registry: host, path: 'no/such' }, '1.0', scope), undefined);
}

async function putManifest(
  host: string,
  reference: string,
  manifest: { mediaType: string; [field: string]: unknown },
): Promise<void> {
  const answer = await fetch(`http://${host}/v2/team/app/manifests/${reference}`, {
    method: 'PUT',
    headers: { 'content-type': manifest.mediaType },
    body: JSON.stringify(manifest),
  });
  assert.equal(answer.status, 201, await answer.text());
}

describe('distribution', () => {
  // What HEAD does not find is asked for by GET: some registries know HEAD of nothing.
  test('is read without authentication, one request a question, and one more for each tag that is not there', async () => {
    const host = await startDistribution();
    const digest = await push(host, 'team/app:1.0');
    const scope = scopeOf();
    await readImage(host, digest, scope);
    assert.equal(scope.requests, 5 + 2);
  });

  test('has its referrers read from the fallback tag', async () => {
    const host = await startDistribution();
    const digest = await push(host, 'team/app:1.0');
    const referrer = await push(host, 'team/app:referrer');
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const descriptor = { mediaType, digest: referrer, size: 1 };
    const client = clientFor(host);
    const repository = { registry: host, path: 'team/app' };
    assert.deepEqual((await client.listReferrers(repository, digest, scopeOf())).descriptors, []);
    await putManifest(host, `sha256-${hexOf(digest)}`, {
      mediaType: 'application/vnd.oci.image.index.v1+json',
      schemaVersion: 2,
      manifests: [descriptor],
    });
    const scope = scopeOf();
    assert.deepEqual((await client.listReferrers(repository, digest, scope)).descriptors, [descriptor]);
    assert.equal(scope.requests, 1);
  });

  test('with htpasswd is read with the credentials of a docker configuration, and not without', async () => {
    // bcrypt of "wonderland", cost 4.
    const htpasswd = join(directory, 'htpasswd');
    await writeFile(htpasswd, `alice:$2b$04$GD7/jhHxfomPdCRTuINkaethDb8CL5t3FqDZGbctY702SGmKFUCrO\n`);
    const host = await startDistribution(`auth: {htpasswd: {realm: test, path: "${htpasswd}"}}\n`);
    const home = join(directory, 'docker');
    await mkdir(home, { recursive: true });
    const auth = Buffer.from('alice:wonderland').toString('base64');
    const configuration = JSON.stringify({ auths: { [host]: { auth } } });
    await writeFile(join(home, 'config.json'), configuration);
    const digest = await push(host, 'team/app:1.0', home);
    const scope = scopeOf(createDockerKeychain(parseDockerConfig(configuration), noHelper));
    await readImage(host, digest, scope);
    assert.equal(scope.requests, 6 + 2);
    const client = clientFor(host);
    const repository = { registry: host, path: 'team/app' };
    await assert.rejects(client.resolveTag(repository, '1.0', scopeOf()), { code: 'RegistryUnauthorized' });
    const wrong = [{ username: 'alice', password: 'looking-glass' }];
    await assert.rejects(client.resolveTag(repository, '1.0', scopeOf(wrong)), { code: 'RegistryUnauthorized' });
  });
});

describe('a registry with the referrers API', () => {
  test('is read without authentication', async () => {
    const host = `127.0.0.1:${await freePort()}`;
    await serve('referrers-registry', ['-address', host], host);
    await readImage(host, await push(host, 'team/app:1.0'));
  });

  test('lists referrers in one request', async () => {
    const host = `127.0.0.1:${await freePort()}`;
    await serve('referrers-registry', ['-address', host], host);
    const digest = await push(host, 'team/app:1.0');
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: `sha256:${'4'.repeat(64)}`, size: 2 };
    const subject = { mediaType, digest, size: 1 };
    await putManifest(host, 'referrer', { mediaType, schemaVersion: 2, config: empty, layers: [], subject });
    const scope = scopeOf();
    const repository = { registry: host, path: 'team/app' };
    const found = await clientFor(host).listReferrers(repository, digest, scope);
    assert.equal(found.descriptors.length, 1);
    assert.equal(found.descriptors[0]?.mediaType, mediaType);
    assert.equal(scope.requests, 1);
  });
});
