// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import type { LookupFunction } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { addressKind, guardedLookup, permits, permitsHost } from '../../../../../core/registry/transport/addresses.ts';
import type { AddressKind, Reach } from '../../../../../core/registry/transport/addresses.ts';

const KINDS: readonly (readonly [string, AddressKind])[] = [
  ['8.8.8.8', 'public'],
  ['172.15.255.255', 'public'],
  ['172.32.0.0', 'public'],
  ['2606:4700::1111', 'public'],
  ['10.1.2.3', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'private'],
  ['fd12:3456::1', 'private'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['::1', 'loopback'],
  ['169.254.1.1', 'link-local'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local'],
  ['169.254.169.254', 'metadata'],
  ['fd00:ec2::254', 'metadata'],
  ['100.100.100.200', 'metadata'],
  ['224.0.0.1', 'multicast'],
  ['ff02::1', 'multicast'],
  ['0.0.0.0', 'unspecified'],
  ['::', 'unspecified'],
  ['255.255.255.255', 'reserved'],
  ['2001:db8::1', 'reserved'],
  // Metadata services: Oracle's, Azure's and Google's.
  ['192.0.0.192', 'metadata'],
  ['168.63.129.16', 'metadata'],
  ['fd20:ce::254', 'metadata'],
  ['fec0::1', 'private'],
  ['198.18.0.1', 'private'],
  ['198.19.255.255', 'private'],
  ['198.20.0.0', 'public'],
  ['192.0.0.8', 'reserved'],
  ['192.0.2.1', 'reserved'],
  ['198.51.100.1', 'reserved'],
  ['203.0.113.1', 'reserved'],
  ['240.0.0.1', 'reserved'],
  ['100::1', 'reserved'],
  ['2001::1', 'reserved'],
  ['not an address', 'reserved'],
  // IPv6 in which an IPv4 address travels.
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['0:0:0:0:0:ffff:a9fe:a9fe', 'metadata'],
  ['::ffff:8.8.8.8', 'public'],
  ['::127.0.0.1', 'loopback'],
  ['::ffff:0:10.0.0.1', 'private'],
  ['64:ff9b::169.254.169.254', 'metadata'],
  ['64:ff9b::808:808', 'public'],
  ['64:ff9b:1::10.0.0.1', 'private'],
  ['2002:7f00:1::', 'loopback'],
  ['2002:808:808::1', 'public'],
];

describe('addressKind', () => {
  for (const [address, kind] of KINDS) {
    test(`says that ${address} is ${kind}`, () => assert.equal(addressKind(address), kind));
  }

  test('classifies an IPv4 address alike in every IPv6 carrier', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
        const hex = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
        const kind = addressKind(address);
        for (const carrier of [`::ffff:${address}`, `64:ff9b::${hex}`, `2002:${hex}::`]) {
          assert.equal(addressKind(carrier), kind, carrier);
        }
      }),
    );
  });
});

describe('permits', () => {
  const table: Readonly<Record<Reach, readonly string[]>> = {
    public: ['8.8.8.8'],
    named: ['8.8.8.8', '10.0.0.1', 'fd00::1'],
    local: ['8.8.8.8', '10.0.0.1', 'fd00::1', '127.0.0.1', '::1'],
    any: ['8.8.8.8', '10.0.0.1', 'fd00::1', '127.0.0.1', '::1', '169.254.169.254', 'fe80::1'],
  };
  const all = [...table.any, '0.0.0.0', '224.0.0.1', 'ff02::1', '::'];
  for (const reach of ['public', 'named', 'local', 'any'] as const) {
    test(`reaches exactly what "${reach}" stands for`, () => {
      assert.deepEqual(
        all.filter((address) => permits(reach, address)),
        table[reach],
      );
    });
  }
});

describe('permitsHost', () => {
  test('refuses bare private addresses as registries that only an image names', () => {
    assert.equal(permitsHost('named', '10.0.0.1'), false);
    assert.equal(permitsHost('named', '[fd00::1]'), false);
    assert.equal(permitsHost('named', '8.8.8.8'), true);
  });

  test('refuses names of the cluster as registries that only an image names', () => {
    assert.equal(permitsHost('named', 'vault.prod.svc'), false);
    assert.equal(permitsHost('named', 'vault.prod.svc.cluster.local'), false);
    assert.equal(permitsHost('named', 'localhost'), false);
    assert.equal(permitsHost('named', 'a.localhost.'), false);
    assert.equal(permitsHost('named', 'mylocalhost.example.com'), true);
    assert.equal(permitsHost('local', 'localhost'), true);
    assert.equal(permitsHost('named', 'vault.prod.svc.corp.example'), false);
    assert.equal(permitsHost('named', 'registry.corp.example'), true);
    assert.equal(permitsHost('any', 'registry.prod.svc'), true);
  });

  test('sees through the spellings that URL parsing undoes', () => {
    for (const spelling of ['2130706433', '0x7f.1', '0177.0.0.1', '127.1', '[::ffff:127.0.0.1]', '１２７.0.0.1']) {
      assert.equal(permitsHost('public', new URL(`https://${spelling}/`).hostname), false, spelling);
    }
  });
});

describe('guardedLookup', () => {
  const asked: string[] = [];
  const answering =
    (...addresses: readonly string[]): LookupFunction =>
    (hostname, _options, callback) => {
      asked.push(hostname);
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    };
  test('gives the addresses of a name that stays within reach', async () => {
    assert.deepEqual(await ask('public', answering('8.8.8.8')), [{ address: '8.8.8.8', family: 4 }]);
  });

  test('refuses a name of which one address is out of reach', async () => {
    await assert.rejects(ask('public', answering('8.8.8.8', '10.0.0.1')), /private address.*refused/);
    await assert.rejects(ask('named', answering('8.8.8.8', '::ffff:169.254.169.254')), /metadata address.*refused/);
  });

  test('looks names of outsiders up as absolute, so that no search list makes them cluster services', async () => {
    asked.length = 0;
    await ask('named', answering('8.8.8.8'));
    await ask('public', answering('8.8.8.8'));
    await ask('any', answering('8.8.8.8'));
    assert.deepEqual(asked, ['registry.example.com.', 'registry.example.com.', 'registry.example.com']);
  });

  test('refuses a name without addresses', async () => {
    await assert.rejects(ask('any', answering()), /has no address/);
  });
});

function ask(reach: Reach, lookup: LookupFunction): Promise<unknown> {
  return new Promise((resolve, reject) => {
    guardedLookup(reach, lookup)('registry.example.com', { all: true }, (error, found) =>
      error ? reject(error) : resolve(found),
    );
  });
}
