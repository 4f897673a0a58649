// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { Repository } from '../../../../../core/image/types.ts';
import type { Credential } from '../../../../../core/registry/types.ts';
import { createTestClient, insecure, scopeOf } from '../../../../fakes/registry/registry-client.ts';
import { startFakeRegistry } from '../../../../fakes/registry/registry.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const closing: (() => Promise<void>)[] = [];
after(() => Promise.all(closing.map((close) => close())));

async function setUp() {
  const [registry, first, second] = await Promise.all([
    startFakeRegistry({ referrersApi: true }),
    startFakeRegistry({ referrersApi: true }),
    startFakeRegistry(),
  ]);
  const settings = [insecure(registry.host, first.host, second.host), insecure(first.host), insecure(second.host)];
  const { client, time } = createTestClient({ settings });
  closing.push(...[registry, first, second, client].map((each) => () => each.close()));
  const manifest = { schemaVersion: 2, mediaType: MANIFEST };
  const digest = registry.content.putManifest('team/app', manifest, '1.0');
  const resolve = (scope = scopeOf()) => client.resolveTag({ registry: registry.host, path: 'team/app' }, '1.0', scope);
  return { registry, first, second, client, time, manifest, digest, resolve };
}

describe('mirrors', () => {
  test('are asked first, in order', async () => {
    const { registry, first, second, manifest, digest, resolve } = await setUp();
    second.content.putManifest('team/app', manifest, '1.0');
    assert.equal(await resolve(), digest);
    assert.deepEqual(
      [first, second, registry].map((each) => each.lines().length),
      [1, 1, 0],
    );
    first.content.putManifest('team/app', manifest, '1.0');
    assert.equal(await resolve(), digest);
    assert.deepEqual(
      [first, second, registry].map((each) => each.lines().length),
      [2, 1, 0],
    );
  });

  test('that lack an image leave it to the registry', async () => {
    const { registry, digest, resolve } = await setUp();
    assert.equal(await resolve(), digest);
    assert.equal(registry.lines().length, 1);
  });

  test('that fail leave it to the registry, and rest for half a minute', async () => {
    const { first, digest, resolve, time } = await setUp();
    first.behaviour.intercept = (_request, response) => {
      response.writeHead(500).end();
      return true;
    };
    assert.equal(await resolve(), digest);
    assert.equal(await resolve(), digest);
    assert.equal(first.lines().length, 1);
    time.now += 30_000;
    assert.equal(await resolve(), digest);
    assert.equal(first.lines().length, 2);
  });

  test('that serve other bytes than those of a digest leave it to the registry', async () => {
    const { registry, first, client, digest } = await setUp();
    first.behaviour.intercept = (_request, response) => {
      response.writeHead(200, { 'content-type': MANIFEST }).end('{"schemaVersion":2,"forged":true}');
      return true;
    };
    const repository = { registry: registry.host, path: 'team/app' };
    assert.equal((await client.getManifest(repository, digest, 1000, scopeOf()))?.digest, digest);
  });

  test('that know of no referrers leave it to the registry', async () => {
    const { registry, client, digest } = await setUp();
    const subject = { mediaType: MANIFEST, digest, size: 1 };
    const referrer = registry.content.putManifest('team/app', { schemaVersion: 2, mediaType: MANIFEST, subject });
    const found = await client.listReferrers({ registry: registry.host, path: 'team/app' }, digest, scopeOf());
    assert.deepEqual(
      found.descriptors.map((descriptor) => descriptor.digest),
      [referrer],
    );
  });

  test('get only credentials that were resolved for them', async () => {
    const { registry, first, second, digest, resolve } = await setUp();
    const passwords: Readonly<Record<string, string>> = {
      [registry.host]: 'for-registry',
      [first.host]: 'for-first',
      [second.host]: 'for-second',
    };
    for (const each of [registry, first, second]) each.authority.set({ kind: 'basic', users: { a: 'for-registry' } });
    const resolveFor = ({ registry: host }: { registry: string }): Promise<readonly Credential[]> =>
      Promise.resolve([{ username: 'a', password: passwords[host] ?? '' }]);
    assert.equal(await resolve(scopeOf({ resolve: resolveFor })), digest);
    for (const each of [registry, first, second]) {
      const sent = each.requests.flatMap(({ authorization }) => authorization ?? []);
      assert.deepEqual(sent, [`Basic ${Buffer.from(`a:${passwords[each.host]}`).toString('base64')}`]);
    }
  });

  test('are not rested by an answer that says something of one image only', async () => {
    const { first, client, registry, digest, resolve, manifest } = await setUp();
    first.content.putManifest('team/app', manifest, '1.0');
    const large = { schemaVersion: 2, mediaType: MANIFEST, annotations: { a: 'x'.repeat(2 * 1024 * 1024) } };
    const bad = first.content.putManifest('evil/app', large, 'large');
    const evil = { registry: registry.host, path: 'evil/app' };
    assert.equal(await client.getManifest(evil, bad, 1024 * 1024, scopeOf()), undefined);
    const before = first.lines().length;
    assert.equal(await resolve(), digest);
    assert.equal(first.lines().length, before + 1);
    assert.equal(registry.lines().filter((line) => line.includes('team/app')).length, 0);
  });

  test('with a prefix are asked for it before each repository, with its scope and its credentials', async () => {
    const [registry, harbor] = [await startFakeRegistry(), await startFakeRegistry({ referrersApi: true })];
    const settings = [insecure(registry.host, `${harbor.host}/cache/hub`), insecure(harbor.host)];
    const { client } = createTestClient({ settings });
    closing.push(...[registry, harbor, client].map((each) => () => each.close()));
    const digest = harbor.content.putManifest('cache/hub/team/app', { schemaVersion: 2, mediaType: MANIFEST }, '1.0');
    harbor.authority.set({ kind: 'bearer', users: { a: 'secret' } });
    const asked: Repository[] = [];
    const keychain = {
      resolve: async (repository: Repository) => {
        asked.push(repository);
        return [{ username: 'a', password: 'secret' }];
      },
    };
    const repository = { registry: registry.host, path: 'team/app' };
    assert.equal(await client.resolveTag(repository, '1.0', scopeOf(keychain)), digest);
    assert.deepEqual(asked, [{ registry: harbor.host, path: 'cache/hub/team/app' }]);
    assert.ok(harbor.lines().some((line) => decodeURIComponent(line).includes('repository:cache/hub/team/app:pull')));
    assert.equal(registry.lines().length, 0);
  });

  test('do not outlive the decision', async () => {
    const { registry, first, resolve } = await setUp();
    const decision = new AbortController();
    first.behaviour.intercept = () => {
      decision.abort();
      return true;
    };
    await assert.rejects(resolve(scopeOf([], decision.signal)), { code: 'DeadlineExceeded' });
    assert.equal(registry.lines().length, 0);
    // Our own deadline is no fault of the mirror's: it is asked first the next time.
    first.behaviour.intercept = () => false;
    await resolve();
    assert.equal(first.lines().length, 2);
  });
});
