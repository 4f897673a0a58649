// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseKmsReference } from '../../../../core/kms/reference.ts';

const UUID = '1234abcd-12ab-34cd-56ef-1234567890ab';
const RING = 'gcpkms://projects/p/locations/global/keyRings/r/cryptoKeys/k';

const parts = (text: string) => ({ ...parseKmsReference(text).parts });

describe('parseKmsReference', () => {
  test('reads what the documentation of cosign spells', () => {
    assert.deepEqual(parts(`awskms:///${UUID}`), { endpoint: '', key: UUID, region: undefined });
    assert.deepEqual(parts(`awskms://localhost:4566/alias/Example`)['endpoint'], 'localhost:4566');
    const arn = `arn:aws:kms:us-east-2:111122223333:key/${UUID}`;
    assert.deepEqual(parts(`awskms:///${arn}`), { endpoint: '', key: arn, region: 'us-east-2' });
    assert.equal(parts('awskms:///arn:aws-cn:kms:cn-north-1:111122223333:alias/a/b')['region'], 'cn-north-1');
    assert.equal(
      parts('awskms:///mrk-1234abcd12ab34cd56ef1234567890ab')['key'],
      'mrk-1234abcd12ab34cd56ef1234567890ab',
    );
    assert.equal(parts(RING)['version'], undefined);
    assert.equal(parts(`${RING}/versions/3`)['version'], '3');
    assert.equal(parts(`${RING}/cryptoKeyVersions/3`)['key'], RING.slice('gcpkms://'.length));
    assert.deepEqual(parts('azurekms://acme.vault.azure.net/release/0a1b'), {
      vault: 'acme.vault.azure.net',
      name: 'release',
      version: '0a1b',
    });
    assert.equal(parts('hashivault://release.key_1')['name'], 'release.key_1');
    assert.equal(parts('openbao://k')['name'], 'k');
  });

  test('leaves what is after the name of a plugin to the plugin', () => {
    const { scheme, resource } = parseKmsReference('my-hsm://slot/7?pin=../x');
    assert.deepEqual([scheme, resource], ['my-hsm', 'slot/7?pin=../x']);
  });

  test('tells how a key is named that no KMS holds', () => {
    assert.throws(() => parseKmsReference('k8s://prod/release'), {
      message: '"k8s://prod/release" names a Secret: in place of kms write secretRef: {name: release, key: cosign.pub}',
    });
    assert.throws(
      () => parseKmsReference('pkcs11:token=x'),
      /"pkcs11:token=x" names no key of a KMS: write the public/,
    );
  });

  const wrong = [
    'awskms://alias/x', // the endpoint's slash is missing
    'awskms://evil.example@kms/alias/x',
    `awskms:///arn:aws:kms:evil.example/:111122223333:key/${UUID}`,
    'awskms:///alias/',
    'gcpkms://projects/../locations/global/keyRings/r/cryptoKeys/k',
    'gcpkms://projects/p/locations/global/keyRings/r/cryptoKeys/k?x',
    `${RING}/versions/latest`,
    'azurekms://evil.example/a/../keys/b',
    'azurekms://user@acme.vault.azure.net/k',
    'azurekms://acme.vault.azure.net',
    'hashivault://a/../../sys/health',
    'hashivault://a?x',
    'hashivault://..',
    '../../bin/sh://x',
    'My_Plugin://x',
    'plugin://',
    'plugin://a b',
    'plugin://a\u202Eb',
    'cosign.pub',
    `x://${'a'.repeat(1024)}`,
  ];
  for (const text of wrong) {
    test(`refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
      assert.throws(() => parseKmsReference(text), Error);
    });
  }
});
