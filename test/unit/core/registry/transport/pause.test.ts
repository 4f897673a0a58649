// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { createTestClient, insecure, scopeOf } from '../../../../fakes/registry/registry-client.ts';
import { startFakeRegistry, type FakeRegistry } from '../../../../fakes/registry/registry.ts';

const closing: (() => Promise<void>)[] = [];
after(() => Promise.all(closing.map((close) => close())));

/** A registry, and another as its mirror; both have the tag. */
async function setUp({ withMirror = false } = {}) {
  const [registry, mirror] = await Promise.all([startFakeRegistry(), startFakeRegistry()]);
  const settings = [insecure(registry.host, ...(withMirror ? [mirror.host] : [])), insecure(mirror.host)];
  const { client } = createTestClient({ settings });
  closing.push(...[client, registry, mirror].map((each) => () => each.close()));
  const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json' };
  mirror.content.putManifest('team/app', manifest, '1.0');
  const digest = registry.content.putManifest('team/app', manifest, '1.0');
  const resolve = (scope = scopeOf()) => client.resolveTag({ registry: registry.host, path: 'team/app' }, '1.0', scope);
  return { registry, mirror, digest, resolve };
}

function limit({ behaviour }: FakeRegistry, retryAfter: string | undefined, times = 1): void {
  let left = times;
  behaviour.intercept = (_request, response) => {
    if (left === 0) return false;
    left -= 1;
    response.writeHead(429, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end();
    return true;
  };
}

describe('a registry that limits requests for a moment', () => {
  test('is asked again after that moment, once, and each request counts', async () => {
    const { registry, digest, resolve } = await setUp();
    limit(registry, '1');
    const scope = scopeOf();
    const started = performance.now();
    assert.equal(await resolve(scope), digest);
    assert.ok(performance.now() - started >= 990, 'it waited');
    assert.equal(scope.requests, 2);
  });

  test('limits them still when it is asked again: then it is an error', async () => {
    const { registry, resolve } = await setUp();
    limit(registry, '0', Infinity);
    const scope = scopeOf();
    await assert.rejects(resolve(scope), { code: 'RegistryRateLimited' });
    assert.equal(scope.requests, 2);
  });

  for (const retryAfter of [undefined, '3', '120', '-1', '1.5', 'Fri, 31 Dec 1999 23:59:59 GMT']) {
    test(`is an error at once where that is ${retryAfter ?? 'not said'}`, async () => {
      const { registry, resolve } = await setUp();
      limit(registry, retryAfter);
      const scope = scopeOf();
      await assert.rejects(resolve(scope), { code: 'RegistryRateLimited' });
      assert.equal(scope.requests, 1);
    });
  }

  test('is not waited for by nobody', async () => {
    const { registry, resolve } = await setUp();
    limit(registry, '2', Infinity);
    const leave = new AbortController();
    const scope = Object.assign(scopeOf(), { signal: leave.signal });
    const asked = resolve(scope);
    setTimeout(() => leave.abort(), 100);
    // On a busy machine it may be over before the answer is there.
    await assert.rejects(asked, /limits our requests|time ran out/);
    assert.equal(scope.requests, 1);
    assert.equal(registry.lines().length, 1);
  });

  test('is not waited for as a mirror: the registry itself is asked', async () => {
    const { mirror, digest, resolve } = await setUp({ withMirror: true });
    limit(mirror, '0', Infinity);
    const scope = scopeOf();
    assert.equal(await resolve(scope), digest);
    assert.equal(scope.requests, 2);
  });
});
