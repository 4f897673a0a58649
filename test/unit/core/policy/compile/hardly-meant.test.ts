// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hardlyMeant } from '../../../../../core/policy/compile/hardly-meant.ts';

function hints(spec: unknown): readonly string[] {
  return hardlyMeant({ spec }).map(({ path, message }) => `${path}: ${message}`);
}

const IDENTITY = { issuer: 'https://issuer.example', subject: 'https://github.com/acme/app' };

describe('what is hardly meant', () => {
  test('is nothing of a policy that says what it means', () => {
    const attestations = [{ name: 'a', predicateType: 'https://slsa.dev/provenance/v1' }];
    const certificates = [{ caPem: '-----BEGIN …\n', subject: 'release@acme.example' }];
    const spec = {
      images: ['ghcr.io/acme/**'],
      keys: [{ pem: 'k\n' }],
      identities: [IDENTITY],
      certificates,
      attestations,
    };
    assert.deepEqual(hints(spec), []);
    assert.deepEqual(hints({ images: ['ghcr.io/acme/**'], action: 'Allow', keys: [] }), []);
  });

  test('is a short name of cosign where a whole predicate type is compared', () => {
    const attestations = ['vuln', 'slsaprovenance1', 'vulnerable'].map((predicateType) => ({ predicateType }));
    assert.deepEqual(hints({ attestations }), [
      'spec.attestations[0].predicateType: "vuln" is cosign\'s short name; attestations say https://cosign.sigstore.dev/attestation/vuln/v1',
      'spec.attestations[1].predicateType: "slsaprovenance1" is cosign\'s short name; attestations say https://slsa.dev/provenance/v1',
    ]);
  });

  test('is a plugin that is called almost like a service', () => {
    const keys = ['awskm:///alias/a', 'hashivault://a', 'my-hsm://a', 7, 'vault://a'].map((kms) => ({ kms }));
    assert.deepEqual(hints({ keys }), [
      'spec.keys[0].kms: awskm:// is a plugin, if the configuration lists one; did you mean awskms://?',
      'spec.keys[4].kms: vault:// is a plugin, if the configuration lists one; did you mean hashivault://?',
    ]);
  });

  test('is what depends on nothing, where attestations are to be told apart', () => {
    const conditions = ['true', 'predicate.ok', '1 < 2', 7].map((expression) => ({ expression }));
    const newestBy = 'timestamp("2026-01-31T00:00:00Z")';
    const same =
      'names none of predicate, statement, image, signer, now, so that it says the same of every attestation';
    assert.deepEqual(hints({ attestations: [{ conditions, newestBy }, { newestBy: 'timestamp(predicate.at)' }] }), [
      `spec.attestations[0].conditions[0].expression: ${same}`,
      `spec.attestations[0].conditions[2].expression: ${same}`,
      `spec.attestations[0].newestBy: ${same}`,
    ]);
  });

  test('is white space around what is compared exactly', () => {
    const claims = [{ name: 'sourceRepositoryRef', value: ' refs/heads/main' }];
    const found = hints({
      identities: [{ issuer: 'https://issuer.example\n', subject: 'a\t', claims }],
      certificates: [{ subject: 'release@acme.example\n' }],
      attestations: [{ predicateType: 'https://slsa.dev/provenance/v1 ' }],
    });
    assert.deepEqual(
      found.map((hint) => hint.slice(0, hint.indexOf(': '))),
      [
        'spec.identities[0].issuer',
        'spec.identities[0].subject',
        'spec.identities[0].claims[0].value',
        'spec.attestations[0].predicateType',
        'spec.certificates[0].subject',
      ],
    );
    assert.match(found[0] ?? '', /"https:\/\/issuer\.example\\n" begins or ends with white space/);
  });

  test('is a signer of a policy that looks at no signature', () => {
    const found = hints({ action: 'Allow', keys: [{ pem: 'k' }], identities: [], attestations: [{ name: 'a' }] });
    assert.deepEqual(found, [
      'spec.keys: action Allow looks at no signature: write action Verify to use them',
      'spec.attestations: action Allow looks at no signature: write action Verify to use them',
    ]);
  });

  test('is a pattern of all subjects, unless claims say more', () => {
    for (const subjectPattern of ['.*', '.+', '^.*$']) {
      assert.match(
        hints({ identities: [{ subjectPattern }] })[0] ?? '',
        /^spec\.identities\[0\]\.subjectPattern: trusts whoever/,
      );
    }
    assert.deepEqual(hints({ identities: [{ subjectPattern: '.*', claims: [{ name: 'issuer', value: 'i' }] }] }), []);
    assert.deepEqual(hints({ identities: [{ subjectPattern: '.*@acme[.]example' }] }), []);
  });

  test('is told of any document without a failure', () => {
    const odd = [undefined, null, 5, { images: 5, keys: {}, identities: [null], attestations: [5], certificates: 'x' }];
    for (const spec of odd) assert.deepEqual(hints(spec), []);
    assert.deepEqual(hardlyMeant(undefined), []);
  });
});
