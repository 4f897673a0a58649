// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { endpointOf, mirrorsOf, routeTo } from '../../../../../core/registry/transport/endpoints.ts';
import type { RegistrySettings } from '../../../../../core/registry/transport/endpoints.ts';

const configured = (host: string, extra: Partial<RegistrySettings> = {}): RegistrySettings => ({
  host,
  mirrors: [],
  insecure: false,
  ...extra,
});
const gitlabOnly = (host: string) => (host === 'gitlab.corp' ? configured(host, { ca: 'PEM' }) : undefined);
const noSettings = () => undefined;

describe('endpointOf', () => {
  test('knows where Docker Hub answers', () => {
    const hub = endpointOf('docker.io', undefined);
    assert.equal(hub.origin.href, 'https://registry-1.docker.io/');
    assert.equal(hub.registry, 'docker.io');
  });

  test('speaks plain http only to registries configured as insecure', () => {
    assert.equal(endpointOf('localhost:5000', configured('localhost:5000')).origin.protocol, 'https:');
    const settings = configured('localhost:5000', { insecure: true });
    assert.equal(endpointOf('localhost:5000', settings).origin.href, 'http://localhost:5000/');
  });

  test('refuses local and private addresses that nobody configured', () => {
    for (const host of ['127.0.0.1:5000', '[::1]:5000', '169.254.169.254', '10.0.0.7:5000', '2130706433', 'a.b.svc']) {
      const named = { code: 'RegistryUnavailable', remedy: /add \{host: .*\} to registries\[\]/ };
      assert.throws(() => endpointOf(host, undefined), named, host);
      assert.equal(endpointOf(host, configured(host)).route.reach, 'any', host);
    }
  });

  test('refuses what is more than a host', () => {
    for (const host of ['a.io/x', 'user@a.io', 'a.io?x', 'a.io#x', 'a.io\\x', 'a b.io', '', 'a.io:99999', 'a.io/']) {
      assert.throws(() => endpointOf(host, undefined), { code: 'InvalidReference' }, host);
    }
  });
});

describe('mirrorsOf', () => {
  test('treats a mirror as configured, with its own entry where it has one', () => {
    const own = configured('mirror.corp:5000', { insecure: true });
    const settingsOf = (host: string) => (host === own.host ? own : undefined);
    const settings = configured('docker.io', { mirrors: ['mirror.corp:5000', 'cache.corp'] });
    const mirrors = mirrorsOf(settings, settingsOf).map(({ origin, route }) => [origin.href, route.reach]);
    assert.deepEqual(mirrors, [
      ['http://mirror.corp:5000/', 'any'],
      ['https://cache.corp/', 'any'],
    ]);
  });
});

describe('routeTo', () => {
  const registry = endpointOf('registry.example.com', undefined);
  const local = endpointOf('registry.local:5000', configured('registry.local:5000', { insecure: true }));
  const route = (
    target: string,
    from = registry,
    settingsOf: (host: string) => RegistrySettings | undefined = noSettings,
  ) => routeTo(new URL(target), from, settingsOf);

  test('gives other hosts the public addresses only', () => {
    assert.deepEqual(route('https://auth.example.com/token'), { reach: 'public' });
  });

  test('keeps the way to the registry itself', () => {
    assert.deepEqual(route('https://registry.example.com/token'), registry.route);
  });

  test('lets the administrator open the way to another host, with its certificate authority', () => {
    assert.deepEqual(route('https://gitlab.corp/jwt/auth', registry, gitlabOnly), { reach: 'any', ca: 'PEM' });
    assert.deepEqual(route('https://gitlab.corp:8443/jwt/auth', registry, gitlabOnly), { reach: 'public' });
  });

  test('lets an insecure registry name plain http and loopback, but no metadata service', () => {
    assert.deepEqual(route('http://127.0.0.1:5001/token', local), { reach: 'local' });
    assert.throws(() => route('http://169.254.169.254/token', local), { code: 'RegistryUnavailable' });
  });

  test('refuses http, other schemes, userinfo and local addresses', () => {
    for (const target of [
      'http://auth.example.com/token',
      'file:///etc/passwd',
      'ftp://auth.example.com/',
      'https://user:password@auth.example.com/',
      'https://user@auth.example.com/',
      'https://:password@auth.example.com/',
      'https://127.0.0.1/',
      'https://127.0.0.1:5000/',
      'https://[::ffff:169.254.169.254]/',
      'https://[64:ff9b::a9fe:a9fe]/',
      'https://0x7f000001/',
      'https://192.168.0.1/',
    ]) {
      assert.throws(() => route(target), { code: 'RegistryUnavailable' }, target);
    }
  });
});
