// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnyImagePolicy } from '../../../../core/policy/documents/kinds.ts';
import { readObject } from '../../../../operator/kubernetes/object-reader.ts';
import { POLICY_READING } from '../../../../operator/policies/policy-reading.ts';
import { NAMESPACE_MOST, NamespaceShares } from '../../../../operator/policies/namespace-share.ts';

/** As the operator reads it of the API server's answer. */
function policy(index: number, namespace?: string): AnyImagePolicy {
  const kind = namespace === undefined ? 'ImagePolicy' : 'NamespacedImagePolicy';
  const creationTimestamp = new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString();
  const written = { metadata: { name: `p${index}`, namespace, creationTimestamp }, spec: { images: ['**'] } };
  const read: object = readObject(Buffer.from(JSON.stringify(written)), POLICY_READING);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as it was written above
  return { apiVersion: 'cosignet.dev/v1', kind, ...read } as AnyImagePolicy;
}

const over = (shares: NamespaceShares, namespace: string) =>
  Array.from({ length: NAMESPACE_MOST + 3 }, (_, index) => index).filter((index) =>
    shares.isOver(policy(index, namespace)),
  );

test('the youngest policies of a namespace are over its share, in whatever order they come', () => {
  for (const order of [(indices: number[]) => indices, (indices: number[]) => indices.toReversed()]) {
    const shares = new NamespaceShares();
    for (const index of order(Array.from({ length: NAMESPACE_MOST + 3 }, (_, at) => at))) {
      shares.add(policy(index, 'team'));
      shares.add(policy(index));
    }
    shares.add(policy(NAMESPACE_MOST + 2, 'other'));
    assert.deepEqual(over(shares, 'team'), [NAMESPACE_MOST, NAMESPACE_MOST + 1, NAMESPACE_MOST + 2]);
    assert.deepEqual(over(shares, 'other'), []);
    assert.equal(shares.isOver(policy(NAMESPACE_MOST + 2)), false);
  }
});

test('one that goes makes room for the oldest of those, one that is older takes it', () => {
  const shares = new NamespaceShares();
  for (let index = 1; index < NAMESPACE_MOST + 3; index += 1) shares.add(policy(index, 'team'));
  assert.deepEqual(over(shares, 'team'), [NAMESPACE_MOST + 1, NAMESPACE_MOST + 2]);
  assert.equal(shares.remove(policy(5, 'team')), `team/p${NAMESPACE_MOST + 1}`);
  assert.deepEqual(over(shares, 'team'), [NAMESPACE_MOST + 2]);
  assert.equal(shares.add(policy(0, 'team')), `team/p${NAMESPACE_MOST + 1}`);
  assert.equal(shares.remove(policy(NAMESPACE_MOST + 2, 'team')), undefined);
  assert.deepEqual(over(shares, 'team'), [NAMESPACE_MOST + 1]);
});
