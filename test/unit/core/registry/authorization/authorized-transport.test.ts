// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../../../../core/text.ts';
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { hexOf } from '../../../../../core/image/digest.ts';
import { EngineError } from '../../../../../core/errors.ts';
import type { Credential } from '../../../../../core/registry/types.ts';
import { CredentialsUnavailable } from '../../../../../core/registry/credentials/unavailable.ts';
import { createTestClient, insecure, scopeOf } from '../../../../fakes/registry/registry-client.ts';
import type { FakeAuth } from '../../../../fakes/registry/registry-auth.ts';
import { startFakeRegistry } from '../../../../fakes/registry/registry.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const alice: Credential = { username: 'alice', password: 'wonderland' };
const mallory: Credential = { username: 'mallory', password: 'guessed' };
const users = { alice: 'wonderland' };
const closing: (() => Promise<void>)[] = [];
after(() => Promise.all(closing.map((close) => close())));

async function setUp(auth: FakeAuth, tokenServer?: string) {
  const registry = await startFakeRegistry({ auth });
  const settings = [insecure(registry.host), ...(tokenServer ? [insecure(tokenServer)] : [])];
  const { client, time, observed } = createTestClient({ settings });
  closing.push(
    () => registry.close(),
    () => client.close(),
  );
  const put = (path: string) => {
    const digest = registry.content.putManifest(path, { schemaVersion: 2, mediaType: MANIFEST }, '1.0');
    const signatureTag = `sha256-${hexOf(digest)}.sig`;
    registry.content.putManifest(path, { schemaVersion: 2, mediaType: MANIFEST, layers: [] }, signatureTag);
    return { digest, signatureTag };
  };
  const { digest, signatureTag } = put('team/app');
  put('team/other');
  /** Requests of a decision on a signed tag: HEAD of the tag, GET of its signature. */
  const decide = async (credentials: readonly Credential[] = [], path = 'team/app') => {
    const scope = scopeOf(credentials);
    const repository = { registry: registry.host, path };
    assert.equal(await client.resolveTag(repository, '1.0', scope), digest);
    assert.ok(await client.getManifest(repository, signatureTag, 1_000_000, scope));
    return scope.requests;
  };
  const refused = async (credentials: readonly Credential[] = []) => {
    const scope = scopeOf(credentials);
    const repository = { registry: registry.host, path: 'team/app' };
    const error: unknown = await client.resolveTag(repository, '1.0', scope).then(
      () => assert.fail('was not refused'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof EngineError);
    assert.equal(error.code, 'RegistryUnauthorized');
    return { requests: scope.requests, message: errorText(error) };
  };
  return { registry, client, time, observed, decide, refused };
}

describe('bearer challenges', () => {
  test('cost a 401 and a token when cold, a token for the next repository, nothing when warm', async () => {
    const { registry, decide } = await setUp({ kind: 'bearer', anonymous: true, expiresIn: 300 });
    assert.equal(await decide(), 4);
    assert.deepEqual(
      registry.requests.map(({ method, authorization }) => [method, authorization]),
      [
        ['HEAD', undefined],
        ['GET', undefined],
        ['HEAD', 'Bearer token-1'],
        ['GET', 'Bearer token-1'],
      ],
    );
    assert.equal(await decide([], 'team/other'), 3);
    assert.equal(await decide(), 2);
    assert.equal(await decide([], 'team/other'), 2);
  });

  test('ask the token server for pull of this repository only', async () => {
    const { registry, decide } = await setUp({ kind: 'bearer', anonymous: true, service: 'my service' });
    await decide();
    const token = new URL(registry.requests[1]?.path ?? '', 'http://fake');
    assert.equal(token.pathname, '/token');
    assert.deepEqual(Object.fromEntries(token.searchParams), {
      service: 'my service',
      scope: 'repository:team/app:pull',
    });
  });

  test('renew a token ten seconds before it ends', async () => {
    const { time, decide } = await setUp({ kind: 'bearer', anonymous: true, expiresIn: 300 });
    await decide();
    time.now += 289_999;
    assert.equal(await decide(), 2);
    time.now += 1;
    assert.equal(await decide(), 3);
  });

  test('take a token without expires_in to live for a minute', async () => {
    const { time, decide } = await setUp({ kind: 'bearer', anonymous: true });
    await decide();
    time.now += 49_999;
    assert.equal(await decide(), 2);
    time.now += 1;
    assert.equal(await decide(), 3);
  });

  test('get one new token when the registry refuses the old one', async () => {
    const { registry, decide } = await setUp({ kind: 'bearer', anonymous: true, expiresIn: 300 });
    await decide();
    registry.authority.revokeTokens();
    assert.equal(await decide(), 4);
  });

  test('do not loop when the registry refuses every token', async () => {
    const { registry, refused } = await setUp({ kind: 'bearer', anonymous: true });
    registry.behaviour.intercept = (request, response) => {
      if (!request.url?.startsWith('/v2/')) return false;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${registry.origin}/token"` }).end();
      return true;
    };
    assert.equal((await refused()).requests, 3);
    assert.equal((await refused()).requests, 3);
  });

  test('share one token request among concurrent decisions', async () => {
    const { registry, decide } = await setUp({ kind: 'bearer', anonymous: true });
    await Promise.all(Array.from({ length: 10 }, () => decide()));
    assert.equal(registry.lines().filter((line) => line.includes('/token')).length, 1);
  });

  test('send the scope that the registry wants where it is not one of repositories', async () => {
    const { registry, client } = await setUp({ kind: 'bearer', anonymous: true, scope: 'aws' });
    const repository = { registry: registry.host, path: 'team/app' };
    await client.resolveTag(repository, '1.0', scopeOf()).catch(() => undefined);
    assert.ok(registry.lines().some((line) => line === 'GET /token?service=fake&scope=aws'));
  });

  test('forget a token server that fails, so that the registry may name another', async () => {
    const { registry, client, decide } = await setUp({
      kind: 'bearer',
      anonymous: true,
      realm: 'http://127.0.0.1:1/token',
    });
    const repository = { registry: registry.host, path: 'team/app' };
    await assert.rejects(client.resolveTag(repository, '1.0', scopeOf()), { code: 'RegistryUnavailable' });
    registry.authority.set({ kind: 'bearer', anonymous: true });
    await assert.rejects(client.resolveTag(repository, '1.0', scopeOf()), { code: 'RegistryUnavailable' });
    assert.equal(await decide(), 4);
  });

  test('exchange a refresh token by POST, and by GET where the server knows only that', async () => {
    const robot: Credential = { username: '<token>', password: '', identityToken: 'refresh-me' };
    const modern = await setUp({ kind: 'bearer', refreshTokens: ['refresh-me'] });
    assert.equal(await modern.decide([robot]), 4);
    assert.deepEqual(modern.registry.lines().slice(1, 2), ['POST /token']);
    const old = await setUp({ kind: 'bearer', onlyGet: true, users: { '<token>': 'refresh-me' } });
    assert.equal(await old.decide([robot]), 5);
  });

  test('send a registry token as it is', async () => {
    const { registry, refused } = await setUp({ kind: 'bearer', anonymous: true });
    await refused([{ username: '', password: '', registryToken: 'made-elsewhere' }]);
    assert.deepEqual(
      registry.requests.map(({ authorization }) => authorization),
      [undefined, 'Bearer made-elsewhere'],
    );
  });
});

describe('basic challenges', () => {
  test('cost a 401 when cold and nothing when warm', async () => {
    const { decide } = await setUp({ kind: 'basic', users });
    assert.equal(await decide([alice]), 3);
    assert.equal(await decide([alice]), 2);
    assert.equal(await decide([alice], 'team/other'), 2);
  });

  test('never see credentials before they were asked for', async () => {
    const { registry, decide } = await setUp({ kind: 'basic', users });
    await decide([alice]);
    assert.equal(registry.requests[0]?.authorization, undefined);
  });
});

describe('candidates', () => {
  test('are tried in turn, and the one that worked comes first next time', async () => {
    const { decide } = await setUp({ kind: 'bearer', users, expiresIn: 300 });
    // 401, token refused, token, HEAD; then the GET.
    assert.equal(await decide([mallory, alice]), 5);
    assert.equal(await decide([mallory, alice]), 2);
    const basic = await setUp({ kind: 'basic', users });
    assert.equal(await basic.decide([mallory, alice]), 4);
    assert.equal(await basic.decide([mallory, alice]), 2);
  });

  test('are tried in turn also when the registry answers 403', async () => {
    const { registry, decide } = await setUp({ kind: 'basic', users: { ...users, mallory: 'guessed' } });
    registry.behaviour.intercept = (request, response) => {
      if (request.headers.authorization !== `Basic ${Buffer.from('mallory:guessed').toString('base64')}`) return false;
      response.writeHead(403).end();
      return true;
    };
    await decide([mallory, alice]);
  });

  test('are asked of the keychain once a decision', async () => {
    const { registry, client } = await setUp({ kind: 'basic', users });
    let asked = 0;
    const scope = scopeOf({
      resolve: (repository) => {
        assert.deepEqual(repository, { registry: registry.host, path: 'team/app' });
        asked += 1;
        return Promise.resolve([alice]);
      },
    });
    const repository = { registry: registry.host, path: 'team/app' };
    await client.resolveTag(repository, '1.0', scope);
    await client.resolveTag(repository, '1.0', scope);
    assert.equal(asked, 1);
  });

  test('do not lend their tokens to others', async () => {
    const { decide, refused } = await setUp({ kind: 'bearer', users, expiresIn: 300 });
    await decide([alice]);
    await refused([]);
    await refused([mallory]);
    await refused([{ ...alice, password: 'wonder' }]);
    assert.equal(await decide([alice]), 2);
  });

  test('that all fail are counted in a message that holds no secret', async () => {
    const { registry, refused } = await setUp({ kind: 'bearer', users });
    assert.equal(
      (await refused([mallory, { ...alice, password: 'wrong' }])).message,
      `registry ${registry.host} refuses to show team/app; 2 credential(s) were tried: the repository may not exist, or these credentials may not see it`,
    );
    assert.match((await refused()).message, /no credentials were found/);
  });
});

describe('credentials that could not be asked for', () => {
  const remedy = 'See why the helper docker-credential-cloud fails.';
  const failing = (found: readonly Credential[]) => ({
    resolve: () => Promise.reject(new CredentialsUnavailable('docker-credential-cloud hangs', { found, remedy })),
  });

  test('are an outage, by the name of who was asked, where the registry refuses', async () => {
    for (const found of [[], [mallory]]) {
      const { registry, client } = await setUp({ kind: 'bearer', users });
      const repository = { registry: registry.host, path: 'team/app' };
      await assert.rejects(client.resolveTag(repository, '1.0', scopeOf(failing(found))), {
        code: 'RegistryUnavailable',
        message: /docker-credential-cloud hangs/,
        remedy,
      });
    }
  });

  test('take nothing away where those of others, or none, are enough', async () => {
    const guarded = await setUp({ kind: 'bearer', users });
    const open = await setUp({ kind: 'bearer', anonymous: true });
    for (const [{ registry, client }, found] of [
      [guarded, [alice]],
      [open, []],
    ] as const) {
      const repository = { registry: registry.host, path: 'team/app' };
      assert.ok(await client.resolveTag(repository, '1.0', scopeOf(failing(found))));
    }
  });
});

describe('token servers', () => {
  for (const status of [400, 401, 404, 405]) {
    test(`that answer the POST of a refresh token with ${status} are asked by GET`, async () => {
      const { registry, client } = await setUp({ kind: 'bearer', users });
      registry.behaviour.intercept = (request, response) => {
        if (request.method !== 'POST') return false;
        response.writeHead(status).end();
        return true;
      };
      const repository = { registry: registry.host, path: 'team/app' };
      const identity = { ...alice, password: '', identityToken: alice.password };
      assert.ok(await client.resolveTag(repository, '1.0', scopeOf([identity])));
    });
  }

  test('may be named by a path of the registry itself', async () => {
    const { registry, client } = await setUp({ kind: 'bearer', users });
    registry.behaviour.intercept = (request, response) => {
      if (request.url?.startsWith('/token') || request.headers.authorization?.startsWith('Bearer ')) return false;
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="/token",service="fake"' }).end();
      return true;
    };
    const repository = { registry: registry.host, path: 'team/app' };
    assert.ok(await client.resolveTag(repository, '1.0', scopeOf([alice])));
  });

  const answers: readonly (readonly [string, number, string, string])[] = [
    ['without a token', 200, '{}', 'RegistryUnavailable'],
    ['with no JSON', 200, '<html>', 'RegistryUnavailable'],
    ['with more than 64 KiB', 200, JSON.stringify({ token: 'x'.repeat(65_536) }), 'ResponseTooLarge'],
    ['with 429', 429, '', 'RegistryRateLimited'],
    ['with 500', 500, '', 'RegistryUnavailable'],
  ];
  for (const [what, status, body, code] of answers) {
    test(`that answer ${what} make the decision fail with ${code}`, async () => {
      const { registry, client } = await setUp({ kind: 'bearer', anonymous: true });
      registry.behaviour.intercept = (request, response) => {
        if (!request.url?.startsWith('/token')) return false;
        response.writeHead(status).end(body);
        return true;
      };
      const repository = { registry: registry.host, path: 'team/app' };
      await assert.rejects(client.resolveTag(repository, '1.0', scopeOf()), { code });
    });
  }

  test('that are a web page by now are told by their host', async () => {
    const { registry, client } = await setUp({ kind: 'bearer', anonymous: true });
    registry.behaviour.intercept = (request, response) => {
      if (!request.url?.startsWith('/token')) return false;
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      return true;
    };
    const message = `token server ${registry.host} of ${registry.host} answered with a web page (text/html): a proxy or a sign-in page answers in its place`;
    const repository = { registry: registry.host, path: 'team/app' };
    await assert.rejects(client.resolveTag(repository, '1.0', scopeOf()), { code: 'RegistryUnavailable', message });
  });

  test('can not smuggle a line break into our requests', async () => {
    const { registry, client } = await setUp({ kind: 'bearer', anonymous: true });
    registry.behaviour.intercept = (request, response) => {
      if (!request.url?.startsWith('/token')) return false;
      response.end(JSON.stringify({ token: 'a\r\nX-Forged: y' }));
      return true;
    };
    const repository = { registry: registry.host, path: 'team/app' };
    await assert.rejects(client.resolveTag(repository, '1.0', scopeOf()), /answered without a token/);
  });

  test('on another host get the credentials of the registry that named them', async () => {
    const tokens = await startFakeRegistry({ auth: { kind: 'bearer', users } });
    closing.push(() => tokens.close());
    const { registry, refused } = await setUp({ kind: 'bearer', users, realm: `${tokens.origin}/token` }, tokens.host);
    // The other server's tokens are not this registry's, so the decision fails; what counts is who saw what.
    await refused([alice]);
    const basic = `Basic ${Buffer.from('alice:wonderland').toString('base64')}`;
    assert.deepEqual(
      tokens.requests.map(({ authorization }) => authorization),
      [basic],
    );
    assert.ok(registry.requests.every(({ authorization }) => authorization !== basic));
  });

  test('give each registry tokens of its own: one that names the token server of another gets none of those', async () => {
    const tokens = await startFakeRegistry({ auth: { kind: 'bearer', users } });
    const auth = { kind: 'bearer', users, realm: `${tokens.origin}/token` } as const;
    const registries = [await startFakeRegistry({ auth }), await startFakeRegistry({ auth })];
    const settings = [tokens, ...registries].map(({ host }) => insecure(host));
    const { client } = createTestClient({ settings });
    closing.push(() => client.close(), ...[tokens, ...registries].map((server) => () => server.close()));
    for (const { host } of registries) {
      await assert.rejects(client.resolveTag({ registry: host, path: 'team/app' }, '1.0', scopeOf([alice])));
    }
    assert.equal(tokens.requests.length, 2);
    const [first, second] = registries.map(({ requests }) => requests.at(-1)?.authorization);
    assert.match(String(first), /^Bearer /);
    assert.notEqual(first, second);
  });
});
