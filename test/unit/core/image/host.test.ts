// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostIdentity, plainHttpTwin } from '../../../../core/image/host.ts';

const SAME: readonly (readonly [string, readonly string[]])[] = [
  ['registry.example.com', ['REGISTRY.example.com', 'registry.example.com:443', 'registry.example.com:0443']],
  ['registry.example.com:5000', ['registry.example.com:05000', 'Registry.example.com:5000']],
  ['docker.io', ['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com', 'Index.docker.io:443']],
  ['[::1]', ['[0:0:0:0:0:0:0:1]', '[::0001]:443', '[0::1]']],
  ['[2001:db8::a]:5000', ['[2001:DB8:0::A]:5000']],
  ['127.0.0.1', ['127.1', '0x7f.1', '0177.0.0.1', '127.0.0.1:443']],
  ['localhost', ['LOCALHOST', 'localhost:443']],
];

for (const [identity, spellings] of SAME) {
  test(`${spellings.join(', ')} are ${identity}`, () => {
    for (const spelling of [identity, ...spellings]) assert.equal(hostIdentity(spelling), identity, spelling);
  });
}

test('hosts that differ stay apart', () => {
  const hosts = [
    'docker.io',
    'hub.docker.com',
    'docker.io:5000',
    'a.docker.io',
    'ghcr.io',
    'ghcr.io:80',
    'ghcr.io:4430',
  ];
  assert.equal(new Set(hosts.map(hostIdentity)).size, hosts.length);
});

test('what is no host is only put in lower case', () => {
  for (const text of ['ghcr.io:99999', 'A:b', '', '\u212aeg.io:443', '%67hcr.io:443', 'a@ghcr.io:443', 'ghcr.io:443/x'])
    assert.equal(hostIdentity(text), text === 'A:b' ? 'a:b' : text);
});

test('80 is the port of a host without one where plain HTTP is spoken', () => {
  assert.equal(plainHttpTwin('registry.local'), 'registry.local:80');
  assert.equal(plainHttpTwin('registry.local:80'), 'registry.local');
  assert.equal(plainHttpTwin('[::1]'), '[::1]:80');
  assert.equal(plainHttpTwin('registry.local:5000'), 'registry.local:5000');
});

test('any host and port is what a URL makes of it', () => {
  const names = ['a', 'a.b', 'a-b.c-d', 'xn--a', 'xn--ls8h', '0.a', '1.2.3', '1.2.3.4', '255.255.255.255', '256.1.1.1'];
  const odd = [
    '01.2.3.4',
    '1.2.3.04',
    '1.2.3.4.5',
    '0.0.0.0',
    '0x7f.0.0.1',
    'a.1',
    '1.2.3.a',
    '-a',
    'a-',
    '300.300.300.300',
  ];
  const ports = [
    '',
    ':0',
    ':1',
    ':80',
    ':080',
    ':443',
    ':0443',
    ':4430',
    ':44',
    ':5000',
    ':65535',
    ':65536',
    ':99999',
    ':',
  ];
  for (const name of [...names, ...odd]) {
    for (const port of ports) {
      const host = `${name}${port}`;
      assert.equal(hostIdentity(host), URL.parse(`https://${host}/`)?.host ?? host, host);
    }
  }
});
