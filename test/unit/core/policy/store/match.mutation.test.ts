// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseReference } from '../../../../../core/image/reference.ts';
import { matchPolicies, policiesByDigest } from '../../../../../core/policy/store/match.ts';
import type { ImagePolicySpec } from '../../../../../core/policy/documents/image-policy.gen.ts';
import { createPolicyStore } from '../../../../../core/policy/store/store.ts';
import type { PolicySnapshot } from '../../../../../core/policy/store/store.ts';
import { compiled } from '../../../../fakes/engine.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

function snapshotOf(spec: ImagePolicySpec): PolicySnapshot {
  const store = createPolicyStore();
  store.replace([compiled('test', { action: 'Deny', ...spec })]);
  return store.snapshot();
}

function names(of: PolicySnapshot, image: string, labels: Record<string, string> = {}): readonly string[] {
  return policiesByDigest(of, parseReference(image), { labels }).map(({ name }) => name);
}

describe('policies with a digest', () => {
  const snapshot = snapshotOf({ images: [`ghcr.io/acme/app@${DIGEST}`] });

  test('may apply to a tag in a repository of which a digest is named', () => {
    assert.deepEqual(names(snapshot, 'ghcr.io/acme/app:1'), ['test']);
    assert.deepEqual(names(snapshot, 'ghcr.io:443/acme/app:1'), ['test']);
  });

  test('do not to a tag elsewhere, nor to a digest, nor in a namespace that is not selected', () => {
    assert.deepEqual(names(snapshot, 'ghcr.io/acme/other:1'), []);
    assert.deepEqual(names(snapshot, `ghcr.io/acme/app@${DIGEST}`), []);
    assert.deepEqual(names(snapshotOf({ images: ['**'] }), 'ghcr.io/acme/app:1'), []);
    const inProduction = snapshotOf({
      images: [`ghcr.io/acme/app@${DIGEST}`],
      namespaceSelector: { matchLabels: { stage: 'production' } },
    });
    assert.deepEqual(names(inProduction, 'ghcr.io/acme/app:1', { stage: 'test' }), []);
    assert.deepEqual(names(inProduction, 'ghcr.io/acme/app:1', { stage: 'production' }), ['test']);
  });
});

describe("a namespace's name", () => {
  const label = 'kubernetes.io/metadata.name';
  const snapshot = snapshotOf({ images: ['**'], namespaceSelector: { matchLabels: { [label]: 'prod' } } });
  const selected = (namespace: { name?: string; labels: Record<string, string> }): number =>
    matchPolicies(snapshot, parseReference('nginx'), namespace).policies.length;

  test('is a label of it, also where the labels do not say so or say another', () => {
    assert.equal(selected({ name: 'prod', labels: {} }), 1);
    assert.equal(selected({ name: 'prod', labels: { [label]: 'other' } }), 1);
    assert.equal(selected({ name: 'other', labels: { [label]: 'prod' } }), 0);
  });

  test('where it is not known is what the labels say', () => {
    assert.equal(selected({ labels: { [label]: 'prod' } }), 1);
    assert.equal(selected({ labels: {} }), 0);
  });
});
