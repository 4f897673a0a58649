// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import type { LookupFunction } from 'node:net';
import { after, describe, test } from 'node:test';
import type { RegistrySettings } from '../../../../../core/registry/transport/endpoints.ts';
import { createTestClient, scopeOf } from '../../../../fakes/registry/registry-client.ts';
import { startFakeRegistry } from '../../../../fakes/registry/registry.ts';
import type { FakeRegistryOptions } from '../../../../fakes/registry/registry.ts';
import { makeAuthority } from '../../../../fakes/tls.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const alice = { username: 'alice', password: 'wonderland' };
const closing: (() => Promise<void>)[] = [];
after(() => Promise.all(closing.map((close) => close())));

/** Every name leads to this machine, as a rebinding DNS server would have it. */
const loopback: LookupFunction = (_hostname, _options, callback) =>
  callback(null, [{ address: '127.0.0.1', family: 4 }]);

const { pem: ca, certify } = makeAuthority();

async function start(options: FakeRegistryOptions = {}, name = 'registry.test') {
  const registry = await startFakeRegistry({ tls: certify(name), ...options });
  closing.push(() => registry.close());
  const digest = registry.content.putManifest('app', { schemaVersion: 2, mediaType: MANIFEST }, '1.0');
  const host = `registry.test:${registry.port}`;
  const resolve = (...settings: readonly RegistrySettings[]) => {
    const { client } = createTestClient({ settings, lookup: loopback });
    closing.push(() => client.close());
    return client.resolveTag({ registry: host, path: 'app' }, '1.0', scopeOf([alice]));
  };
  return { registry, host, digest, resolve };
}

const configured = (host: string, extra: Partial<RegistrySettings> = { ca }): RegistrySettings => ({
  host,
  mirrors: [],
  insecure: false,
  ...extra,
});

describe('TLS', () => {
  test('works with the certificate authority of the settings', async () => {
    const { host, digest, resolve } = await start();
    assert.equal(await resolve(configured(host)), digest);
  });

  test('fails without it, with another one, and with text that is no certificate', async () => {
    const { registry, host, resolve } = await start();
    const other = certify('other.test').cert;
    for (const extra of [{}, { ca: other }, { ca: 'no certificate' }]) {
      await assert.rejects(resolve(configured(host, extra)), { code: 'RegistryUnavailable' });
    }
    assert.deepEqual(registry.lines(), []);
  });

  test('names the field that mends it: of an unknown authority, and of a server that speaks plain http', async () => {
    const unknown = await start();
    await assert.rejects(unknown.resolve(configured(unknown.host, {})), {
      remedy: /\bcaFile of its entry in registries/,
    });
    const registry = await startFakeRegistry();
    closing.push(() => registry.close());
    const host = `registry.test:${registry.port}`;
    const { client } = createTestClient({ settings: [configured(host)], lookup: loopback });
    closing.push(() => client.close());
    const asked = client.resolveTag({ registry: host, path: 'app' }, '1.0', scopeOf([alice]));
    await assert.rejects(asked, { remedy: /\binsecure: true in its entry in registries/ });
  });

  test('fails with a certificate that ended, and with one of another host', async () => {
    const ended = await start({ tls: certify('registry.test', new Date(Date.now() - 1000)) });
    await assert.rejects(ended.resolve(configured(ended.host)), /CERT_HAS_EXPIRED/);
    const other = await start({ tls: certify('registry.test.evil.io') });
    await assert.rejects(other.resolve(configured(other.host)), /ERR_TLS_CERT_ALTNAME_INVALID/);
  });

  test('is not given up for a server that speaks plain http', async () => {
    const plain = await startFakeRegistry();
    closing.push(() => plain.close());
    const { client } = createTestClient({ settings: [configured(plain.host)] });
    closing.push(() => client.close());
    await assert.rejects(client.resolveTag({ registry: plain.host, path: 'app' }, '1.0', scopeOf([alice])), {
      code: 'RegistryUnavailable',
    });
    assert.deepEqual(plain.lines(), []);
  });
});

describe('a registry over TLS', () => {
  test('can not redirect to plain http', async () => {
    const { registry, host, resolve } = await start();
    const plain = await startFakeRegistry({ content: registry.content });
    closing.push(() => plain.close());
    registry.behaviour.intercept = (request, response) => {
      response.writeHead(307, { location: `${plain.origin}${request.url}` }).end();
      return true;
    };
    const settings = [configured(host), configured(plain.host, { insecure: true })];
    await assert.rejects(resolve(...settings), /redirects from https to http/);
    assert.deepEqual(plain.lines(), []);
  });

  test('can not name a token server over plain http', async () => {
    const plain = await startFakeRegistry();
    closing.push(() => plain.close());
    const { host, resolve } = await start({ auth: { kind: 'bearer', realm: `${plain.origin}/token` } });
    await assert.rejects(resolve(configured(host)), /plain http is refused/);
    assert.deepEqual(plain.lines(), []);
  });

  test('can name a token server within the network only if that is configured too', async () => {
    const realm = await start({ auth: { kind: 'bearer', users: { alice: 'wonderland' } } }, 'auth.test');
    const tokenHost = `auth.test:${realm.registry.port}`;
    const { host, resolve } = await start({ auth: { kind: 'bearer', realm: `https://${tokenHost}/token` } });
    await assert.rejects(resolve(configured(host)), /auth.test.*leads to a loopback address/);
    assert.deepEqual(realm.registry.lines(), []);
    // Now it is asked; its token is none of this registry's, which is another matter.
    await assert.rejects(resolve(configured(host), configured(tokenHost)), { code: 'RegistryUnauthorized' });
    assert.equal(realm.registry.lines().length, 1);
  });

  test('can redirect within the network only to hosts that are configured too', async () => {
    const store = await start({}, 'store.test');
    const storeHost = `store.test:${store.registry.port}`;
    const { registry, host, resolve, digest } = await start();
    registry.behaviour.intercept = (request, response) => {
      response.writeHead(307, { location: `https://${storeHost}${request.url}` }).end();
      return true;
    };
    await assert.rejects(resolve(configured(host)), /store.test.*leads to a loopback address/);
    assert.deepEqual(store.registry.lines(), []);
    assert.equal(await resolve(configured(host), configured(storeHost)), digest);
    assert.equal(store.registry.requests[0]?.authorization, undefined);
  });
});
