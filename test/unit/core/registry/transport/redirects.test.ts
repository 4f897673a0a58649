// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../../../../core/text.ts';
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { EngineError } from '../../../../../core/errors.ts';
import { createTestClient, insecure, scopeOf } from '../../../../fakes/registry/registry-client.ts';
import type { FakeRegistry } from '../../../../fakes/registry/registry.ts';
import { startFakeRegistry } from '../../../../fakes/registry/registry.ts';

const alice = { username: 'alice', password: 'wonderland' };
const closing: (() => Promise<void>)[] = [];
after(() => Promise.all(closing.map((close) => close())));

async function setUp() {
  const auth = { kind: 'basic', users: { alice: 'wonderland' } } as const;
  const registry = await startFakeRegistry({ auth });
  const store = await startFakeRegistry({ content: registry.content });
  const { client } = createTestClient({ settings: [insecure(registry.host)] });
  closing.push(
    () => registry.close(),
    () => store.close(),
    () => client.close(),
  );
  const blob = registry.content.putBlob('team/app', 'payload');
  const descriptor = { mediaType: 'application/octet-stream', ...blob };
  const read = async () => {
    const scope = scopeOf([alice]);
    const bytes = await client.getBlob({ registry: registry.host, path: 'team/app' }, descriptor, scope);
    return { text: Buffer.from(bytes ?? []).toString(), requests: scope.requests };
  };
  return { registry, store, read };
}

function redirectTo(registry: FakeRegistry, location: string | undefined): void {
  registry.behaviour.intercept = (request, response) => {
    if (!request.headers.authorization) return false;
    response.writeHead(307, location === undefined ? {} : { location }).end();
    return true;
  };
}

describe('redirects', () => {
  test('to an object store are followed without our credentials, each hop counted', async () => {
    const { registry, store, read } = await setUp();
    registry.behaviour.blobRedirect = store.origin;
    assert.deepEqual(await read(), { text: 'payload', requests: 3 });
    assert.equal(registry.requests[1]?.authorization?.startsWith('Basic '), true);
    assert.equal(store.requests.length, 1);
    assert.equal(store.requests[0]?.authorization, undefined);
  });

  test('do not give the credentials back when they return to the registry', async () => {
    const { registry, store, read } = await setUp();
    registry.behaviour.blobRedirect = store.origin;
    store.behaviour.intercept = (_request, response) => {
      response.writeHead(307, { location: `${registry.origin}/back` }).end();
      return true;
    };
    assert.equal((await read()).text, '');
    const back = registry.requests.find(({ path }) => path === '/back');
    assert.ok(back);
    assert.equal(back.authorization, undefined);
  });

  test('within the registry keep the credentials', async () => {
    const { registry, read } = await setUp();
    registry.behaviour.intercept = (request, response) => {
      if (!request.url?.startsWith('/v2/') || !request.headers.authorization) return false;
      response.writeHead(302, { location: '/elsewhere' }).end();
      return true;
    };
    await read();
    assert.equal(registry.requests.at(-1)?.path, '/elsewhere');
    assert.match(registry.requests.at(-1)?.authorization ?? '', /^Basic /);
  });

  test('are refused to metadata services, files, nowhere and hosts with a username', async () => {
    const { registry, read } = await setUp();
    for (const location of [
      'http://169.254.169.254/latest',
      'http://2852039166/latest',
      'http://[::ffff:169.254.169.254]/latest',
      'http://[fd00:ec2::254]/latest',
      'file:///etc/passwd',
      'http://user:password@127.0.0.1/',
      undefined,
    ]) {
      registry.forget();
      redirectTo(registry, location);
      await assert.rejects(read(), { code: 'RegistryUnavailable' }, location);
      assert.equal(registry.requests.filter(({ authorization }) => authorization).length, 1);
    }
  });

  test('end after three', async () => {
    const { registry, read } = await setUp();
    await read();
    registry.forget();
    redirectTo(registry, '/loop');
    await assert.rejects(read(), /redirects more than 3 times/);
    assert.equal(registry.requests.length, 4);
  });

  test('leave the secrets of a presigned URL out of messages', async () => {
    const { registry, store, read } = await setUp();
    registry.behaviour.blobRedirect = store.origin;
    store.behaviour.intercept = (_request, response) => {
      response.writeHead(403).end('signature=secret');
      return true;
    };
    await assert.rejects(read(), (error: unknown) => {
      assert.ok(error instanceof EngineError);
      assert.equal(error.code, 'RegistryUnauthorized');
      assert.ok(errorText(error).includes(store.host));
      assert.ok(!errorText(error).includes('secret'));
      return true;
    });
  });

  test('do not let the other host ask for credentials', async () => {
    const { registry, store, read } = await setUp();
    registry.behaviour.blobRedirect = store.origin;
    store.behaviour.intercept = (_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="give"' }).end();
      return true;
    };
    await assert.rejects(read(), { code: 'RegistryUnauthorized' });
    assert.ok(store.requests.every(({ authorization }) => authorization === undefined));
  });
});
