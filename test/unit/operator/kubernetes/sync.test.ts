// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { outdatedReason, staleAfter, syncReasons } from '../../../../operator/kubernetes/sync.ts';

const NOW = 1_000_000_000;
const MINUTE = 60_000;

function heard(name: string, ago: number) {
  return { name, isSynced: true, lastHeardAt: NOW - ago };
}

describe('what readiness says of the local copies', () => {
  test('is nothing while each was confirmed within three minutes', () => {
    assert.deepEqual(syncReasons([heard('imagepolicies', 0), heard('namespaces', 3 * MINUTE)], NOW, 3 * MINUTE), []);
  });

  test('names each that the API server has not confirmed for three minutes', () => {
    const followed = [
      heard('imagepolicies', 3 * MINUTE + 1),
      heard('secrets', MINUTE),
      heard('namespaces', 9 * MINUTE),
    ];
    assert.deepEqual(syncReasons(followed, NOW, 3 * MINUTE), [
      'imagepolicies were not confirmed for too long',
      'namespaces were not confirmed for too long',
    ]);
  });

  test('names each that was never listed', () => {
    const never = { name: 'imagepolicies', isSynced: false, lastHeardAt: NOW };
    assert.deepEqual(syncReasons([never, heard('secrets', 0)], NOW, 3 * MINUTE), ['imagepolicies were not listed yet']);
  });
});

describe('the age from which on a replica sends its callers away', () => {
  test('is three minutes, or half of that from which on it decides nothing', () => {
    assert.equal(staleAfter(6 * MINUTE), 3 * MINUTE);
    assert.equal(staleAfter(60 * MINUTE), 3 * MINUTE);
    assert.equal(staleAfter(MINUTE / 2), MINUTE / 4);
  });
});

describe('what decisions must not rest on', () => {
  test('is nothing while each copy is younger than the bound', () => {
    assert.equal(
      outdatedReason([heard('imagepolicies', 5 * MINUTE), heard('namespaces', 0)], NOW, 5 * MINUTE),
      undefined,
    );
  });

  test('is any copy that is older, by name and age', () => {
    const followed = [heard('imagepolicies', 0), heard('cosignet/secrets', 6 * MINUTE)];
    assert.equal(outdatedReason(followed, NOW, 5 * MINUTE), 'this replica has not heard of cosignet/secrets for 360 s');
  });

  test('is a copy that was never listed, which looks like a cluster without policies', () => {
    const never = { name: 'imagepolicies', isSynced: false, lastHeardAt: NOW };
    assert.equal(outdatedReason([never], NOW, 5 * MINUTE), 'this replica has not listed imagepolicies yet');
  });
});
