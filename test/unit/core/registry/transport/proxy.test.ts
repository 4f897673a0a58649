// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import type { LookupFunction } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { proxyFor } from '../../../../../core/registry/transport/proxy.ts';
import { startFakeProxy, type FakeProxy } from '../../../../fakes/registry/proxy.ts';
import { createTestClient, insecure, scopeOf } from '../../../../fakes/registry/registry-client.ts';
import { startFakeRegistry, type FakeRegistry } from '../../../../fakes/registry/registry.ts';
import { makeAuthority } from '../../../../fakes/tls.ts';

const proxy = { url: 'http://proxy.example.com:3128', noProxy: ['near.example.com', '.office.example'] };

describe('proxyFor', () => {
  for (const [url, goes] of [
    ['https://registry.example.com/v2/', true],
    ['https://far.near.example.com/', true],
    ['https://near.example.com:5000/', false],
    ['https://NEAR.example.com/', false],
    ['https://office.example/', false],
    ['https://a.b.office.example/', false],
    ['https://myoffice.example/', true],
    ['http://registry.example.com/', false],
  ] as const) {
    test(`${url} ${goes ? 'goes through the proxy' : 'goes direct'}`, () => {
      assert.equal(proxyFor(new URL(url), proxy), goes ? proxy.url : undefined);
    });
  }
  test('without a proxy all goes direct', () =>
    assert.equal(proxyFor(new URL('https://a.example'), undefined), undefined));
});

const noNames: LookupFunction = (hostname, _options, callback) =>
  callback(Object.assign(new Error(hostname), { code: 'ENOTFOUND' }), '');

describe('a registry behind a proxy', () => {
  const authority = makeAuthority();
  let registry: FakeRegistry;
  let other: FakeRegistry;
  let tunnel: FakeProxy;
  const repository = { registry: 'registry.test', path: 'app' };

  before(async () => {
    registry = await startFakeRegistry({ tls: authority.certify('registry.test') });
    other = await startFakeRegistry();
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    for (const { content } of [registry, other]) content.putManifest('app', { schemaVersion: 2, mediaType }, '1.0');
    tunnel = await startFakeProxy((target) => (target === 'nowhere.test:443' ? undefined : registry.port));
  });
  after(() => Promise.all([registry.close(), other.close(), tunnel.close()]));

  function client(settings: Parameters<typeof createTestClient>[0]['settings'] = []) {
    const ours = { host: 'registry.test', mirrors: [], insecure: false, ca: authority.pem };
    return createTestClient({
      settings: [ours, ...settings],
      lookup: noNames,
      proxy: { url: tunnel.url, noProxy: ['direct.test'] },
    }).client;
  }

  test('is reached by a tunnel, which is kept, without a look-up here', async (t) => {
    const ours = client();
    t.after(() => ours.close());
    const scope = scopeOf();
    assert.ok(await ours.resolveTag(repository, '1.0', scope));
    assert.ok(await ours.resolveTag(repository, '1.0', scope));
    assert.equal(scope.requests, 2);
    assert.deepEqual(tunnel.tunnels, ['registry.test:443']);
  });

  test('must have its own certificate: the proxy may lead elsewhere', async (t) => {
    const ours = client([{ host: 'other.test', mirrors: [], insecure: false, ca: authority.pem }]);
    t.after(() => ours.close());
    const asked = ours.resolveTag({ ...repository, registry: 'other.test' }, '1.0', scopeOf());
    await assert.rejects(asked, { code: 'RegistryUnavailable', message: /ERR_TLS_CERT_ALTNAME_INVALID/ });
  });

  test('is out of reach where the proxy refuses', async (t) => {
    const ours = client();
    t.after(() => ours.close());
    const asked = ours.resolveTag({ ...repository, registry: 'nowhere.test' }, '1.0', scopeOf());
    await assert.rejects(asked, { code: 'RegistryUnavailable' });
  });

  test('hosts of noProxy and insecure ones are asked directly', async (t) => {
    const ours = client([insecure(other.host)]);
    t.after(() => ours.close());
    const tunnels = tunnel.tunnels.length;
    assert.ok(await ours.resolveTag({ ...repository, registry: other.host }, '1.0', scopeOf()));
    const asked = ours.resolveTag({ ...repository, registry: 'direct.test' }, '1.0', scopeOf());
    await assert.rejects(asked, { message: /host name not found/ });
    assert.equal(tunnel.tunnels.length, tunnels);
  });

  for (const [what, registryName] of [
    ['a private address', '10.0.0.1'],
    ['a service of the cluster', 'vault.prod.svc'],
    ['this machine', 'localhost'],
  ] as const) {
    test(`the proxy is not asked for ${what}`, async (t) => {
      const ours = client();
      t.after(() => ours.close());
      const tunnels = tunnel.tunnels.length;
      const asked = ours.resolveTag({ ...repository, registry: registryName }, '1.0', scopeOf());
      await assert.rejects(asked, { code: 'RegistryUnavailable' });
      assert.equal(tunnel.tunnels.length, tunnels);
    });
  }

  test('a redirect to a service of the cluster is not followed through the proxy', async (t) => {
    const ours = client();
    t.after(() => ours.close());
    registry.behaviour.intercept = (_, response) => {
      response.writeHead(307, { location: 'https://vault.prod.svc.cluster.local/' }).end();
      return true;
    };
    const tunnels = tunnel.tunnels.length;
    const asked = ours.getManifest(repository, '1.0', 1000, scopeOf());
    await assert.rejects(asked, { code: 'RegistryUnavailable', message: /refused/ });
    assert.ok(tunnel.tunnels.slice(tunnels).every((target) => target === 'registry.test:443'));
  });
});
