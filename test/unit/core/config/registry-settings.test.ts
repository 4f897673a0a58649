// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { rootCertificates } from 'node:tls';
import { describe, test } from 'node:test';
import { ConfigurationError } from '../../../../core/config/faults.ts';
import { isPlainHttp, loadRegistrySettings } from '../../../../core/config/registry-settings.ts';

const certificate = rootCertificates[0] ?? '';
const files = (content: Readonly<Record<string, string>>) => (path: string) =>
  path in content ? Promise.resolve(content[path] ?? '') : Promise.reject(new Error('no such file'));

describe('registry settings', () => {
  test('are found by exact host only, with the certificate authority read', async () => {
    const settings = await loadRegistrySettings(
      [
        { host: 'a.example.com', mirrors: ['m.example.com'], insecure: false, caFile: '/ca.pem' },
        { host: 'b.example.com:5000', mirrors: [], insecure: true },
      ],
      files({ '/ca.pem': certificate }),
    );
    assert.deepEqual(settings('a.example.com'), {
      host: 'a.example.com',
      mirrors: ['m.example.com'],
      insecure: false,
      ca: certificate,
    });
    assert.deepEqual(settings('b.example.com:5000'), { host: 'b.example.com:5000', mirrors: [], insecure: true });
    for (const host of ['b.example.com', 'x.a.example.com', 'a.example.com.evil.example']) {
      assert.equal(settings(host), undefined);
    }
  });

  test('are found by every spelling of the host, with port 80 where plain HTTP is spoken', async () => {
    const plain = { host: 'b.example.com', mirrors: [], insecure: true };
    const hub = { host: 'docker.io', mirrors: ['m.example.com'], insecure: false };
    const settings = await loadRegistrySettings([plain, hub], files({}));
    for (const host of ['b.example.com', 'b.example.com:80', 'B.example.com:080']) {
      assert.deepEqual(settings(host), plain, host);
      assert.ok(isPlainHttp([plain, hub], host), host);
    }
    for (const host of ['docker.io', 'registry-1.docker.io:443', 'registry.hub.docker.com']) {
      assert.deepEqual(settings(host), hub, host);
      assert.ok(!isPlainHttp([plain, hub], host), host);
    }
    assert.equal(settings('docker.io:80'), undefined);
  });

  for (const [what, caFile] of [
    ['is not there', '/missing.pem'],
    ['holds something else', '/key.pem'],
  ] as const) {
    test(`a certificate file that ${what} is a fault of the configuration that names it`, async () => {
      const registries = [{ host: 'a.example.com', mirrors: [], insecure: false, caFile }];
      const loading = loadRegistrySettings(registries, files({ '/key.pem': 'ssh-ed25519 AAAA' }));
      await assert.rejects(loading, (error: Error) => {
        assert.ok(error instanceof ConfigurationError);
        assert.match(error.message, /\$\.registries\[0\]\.caFile: /);
        assert.ok(error.message.includes(caFile));
        return true;
      });
    });
  }
});
