// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compilePolicy } from '../../../../core/policy/compile/compile.ts';
import { prepareInProcess } from '../../../../core/policy/evaluator/in-process.ts';
import { createPolicyStore } from '../../../../core/policy/store/store.ts';
import { matchPolicies } from '../../../../core/policy/store/match.ts';
import { parseReference } from '../../../../core/image/reference.ts';
import type { KubeObject } from '../../../../operator/kubernetes/api-client.ts';
import { readObject } from '../../../../operator/kubernetes/object-reader.ts';
import { POLICY_READING } from '../../../../operator/policies/policy-reading.ts';

const context = {
  secret: () => undefined,
  trustRoots: new Set<string>(),
  prepareDemand: prepareInProcess,
};
const metadata = { name: 'big', namespace: 'shop', generation: 3, managedFields: [{ fieldsV1: {} }] };
const LARGE = Array.from({ length: 200_000 }, () => ({}));

/** Policies that deny this image, by what of the policy is kept. */
function denying(kept: KubeObject, image: string, namespace = 'shop'): readonly string[] {
  const compiled = compilePolicy({ ...kept, kind: 'NamespacedImagePolicy' }, context);
  assert.notDeepEqual(compiled.problems, []);
  const store = createPolicyStore();
  store.replace([compiled]);
  const { policies } = matchPolicies(store.snapshot(), parseReference(image), { name: namespace, labels: {} }, 0);
  return policies.map(({ name }) => name);
}

const read = (policy: object) => readObject(Buffer.from(JSON.stringify(policy)), POLICY_READING);

describe('what is read of a policy', () => {
  test('is its spec and status, and not what the API server notes beside it', () => {
    const spec = { images: ['**'], action: 'Deny' };
    assert.deepEqual(read({ metadata, spec, status: { conditions: [] } }), {
      metadata: { name: 'big', namespace: 'shop', generation: 3 },
      spec,
      status: { conditions: [] },
    });
  });

  test('is the claim of one that is too large, which it denies', () => {
    const kept = read({ metadata, spec: { images: ['a.example/app'], action: 'Allow', attestations: LARGE } });
    assert.ok(JSON.stringify(kept).length < 1000);
    assert.deepEqual(denying(kept, 'a.example/app:1'), ['shop/big']);
    assert.deepEqual(denying(kept, 'a.example/other:1'), []);
  });

  test('is a claim on everything where the claim itself is too large or can not be reached', () => {
    const images = Array.from({ length: 20_000 }, (_, index) => `a.example/app-${index}`);
    const kept = [read({ metadata, spec: { images } }), POLICY_READING.unreadable?.({ metadata })];
    for (const one of kept) {
      assert.ok(one);
      assert.deepEqual(denying(one, 'b.example/app:1'), ['shop/big']);
      assert.deepEqual(denying(one, 'b.example/app:1', 'other'), []);
    }
  });

  test('is said in the words of its status', () => {
    const kept = read({ metadata, spec: { images: ['a.example/app'], attestations: LARGE } });
    const { problems } = compilePolicy({ ...kept, kind: 'NamespacedImagePolicy' }, context);
    assert.deepEqual(problems, [
      {
        reason: 'InvalidSpec',
        path: 'spec',
        message: 'is longer than 262144 bytes and was not read: it denies what it claims',
      },
    ]);
  });
});
