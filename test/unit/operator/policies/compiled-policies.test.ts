// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { compilePolicy } from '../../../../core/policy/compile/compile.ts';
import type { ImagePolicy } from '../../../../core/policy/documents/image-policy.gen.ts';
import { createPolicyStore, type PolicyStore } from '../../../../core/policy/store/store.ts';
import { compileContext, publicKeyPem } from '../../../fakes/engine.ts';
import type { AnyImagePolicy } from '../../../../core/policy/documents/kinds.ts';
import type { PreparedFault } from '../../../../core/policy/evaluator/prepared.ts';
import { NAMESPACE_MOST } from '../../../../operator/policies/namespace-share.ts';
import { CompiledPolicies } from '../../../../operator/policies/compiled-policies.ts';

function policy(name: string, generation = 1): ImagePolicy {
  const spec = { images: [`docker.io/${name}/*`], keys: [{ secretRef: { name: `${name}-key`, key: 'pub' } }] };
  return { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name, generation, uid: name }, spec };
}

function demanding(generation: number, uid = 'a'): ImagePolicy {
  const attestations = [{ name: 'x', predicateType: 'x', conditions: [{ expression: 'true' }] }];
  const spec = { images: ['**'], keys: [{ pem: publicKeyPem('release') }], attestations };
  return { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name: 'a', generation, uid }, spec };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('CompiledPolicies', () => {
  let store: PolicyStore;
  let compiled: string[];
  let announced: string[][];
  let book: CompiledPolicies;

  beforeEach(() => {
    store = createPolicyStore();
    compiled = [];
    announced = [];
    book = new CompiledPolicies({
      compile: (document) => {
        compiled.push(document.metadata.name);
        return compilePolicy(document, compileContext());
      },
      store,
      onCompiled: (names) => announced.push([...names]),
    });
  });
  const names = () => [...store.snapshot().policies.keys()].toSorted().join();

  test('publishes what one turn brought after it, all together', async () => {
    book.set(policy('a'));
    book.set(policy('b'));
    assert.equal(names(), '');
    await turn();
    assert.equal(names(), 'a,b');
    assert.deepEqual(announced, [['a', 'b']]);
  });

  test('a policy that comes, goes and comes within one turn is there', async () => {
    book.set(policy('a'));
    book.delete('a');
    book.set(policy('a'));
    book.set(policy('b'));
    book.delete('b');
    await turn();
    assert.equal(names(), 'a');
  });

  test('does not compile again for a change of status or labels', async () => {
    book.set(policy('a'));
    await turn();
    book.set({ ...policy('a'), status: { keyCount: 1 } });
    await turn();
    assert.deepEqual(compiled, ['a']);
    assert.equal(book.get('a')?.policy.status?.keyCount, 1);
  });

  test('compiles again for another generation, and for another policy of the same name', async () => {
    book.set(policy('a'));
    book.set(policy('a', 2));
    book.set({ ...policy('a', 2), metadata: { name: 'a', generation: 2, uid: 'other' } });
    assert.equal(compiled.length, 3);
  });

  test('what an edited policy said counts until its new text is compiled, and nothing of another of its name', async () => {
    let faults: readonly PreparedFault[] = [];
    const prepareDemand = () => ({ faults, check: async () => ({ steps: 0 }) });
    book = new CompiledPolicies({
      compile: (document) => compilePolicy(document, compileContext({ prepareDemand })),
      store,
    });
    const inForce = async () => {
      await turn();
      const compiledPolicy = store.snapshot().policies.get('a');
      return [compiledPolicy?.generation, compiledPolicy?.problems.map(({ reason }) => reason).join()];
    };
    faults = [{ field: 'conditions', reason: 'Compiling', message: 'is being compiled' }];
    book.set(demanding(1));
    assert.deepEqual(await inForce(), [1, 'Compiling']);
    faults = [];
    book.recompile('a');
    assert.deepEqual(await inForce(), [1, '']);
    faults = [{ field: 'conditions', reason: 'Compiling', message: 'is being compiled' }];
    book.set(demanding(2));
    assert.deepEqual(await inForce(), [1, '']);
    faults = [{ field: 'conditions', reason: 'CompileTimeout', message: 'is tried again' }];
    book.recompile('a');
    assert.deepEqual(await inForce(), [2, 'CompileTimeout']);
    faults = [];
    book.recompile('a');
    faults = [{ field: 'conditions', reason: 'Compiling', message: 'is being compiled' }];
    book.set(demanding(1, 'other'));
    assert.deepEqual(await inForce(), [1, 'Compiling']);
  });

  const last = () => store.snapshot().policies.get(`team/p${String(NAMESPACE_MOST).padStart(3, '0')}`);

  test('policies beyond what a namespace may have claim and deny, until there is room', async () => {
    const many = Array.from({ length: NAMESPACE_MOST + 1 }, (_, index): AnyImagePolicy => {
      const { spec } = policy('a');
      const metadata = { name: `p${String(index).padStart(3, '0')}`, namespace: 'team', generation: 1 };
      return { apiVersion: 'cosignet.dev/v1', kind: 'NamespacedImagePolicy', metadata, spec };
    });
    for (const each of many) book.set(each);
    await turn();
    assert.deepEqual(
      last()?.problems.map(({ reason }) => reason),
      ['TooManyPolicies'],
    );
    assert.equal(last()?.patterns.length, 1);
    book.delete('team/p000');
    await turn();
    assert.deepEqual(
      last()?.problems.map(({ reason }) => reason),
      ['SecretNotFound'],
    );
  });

  test('a Secret touches the policies that name it, and no other', async () => {
    book.set(policy('a'));
    book.set(policy('b'));
    await turn();
    book.secretChanged('b-key');
    book.secretChanged('unknown');
    await turn();
    assert.deepEqual(announced, [['a', 'b'], ['b']]);
  });

  test('many changes and few changes lead to the same store', async () => {
    for (let index = 0; index < 300; index += 1) book.set(policy(`p${index}`));
    await turn();
    assert.equal(store.version(), 1);
    for (let index = 0; index < 150; index += 1) book.delete(`p${index}`);
    await turn();
    book.delete('p299');
    await turn();
    assert.deepEqual([...store.snapshot().policies.keys()].toSorted(), [...book.names()].toSorted());
    assert.equal(store.snapshot().policies.size, 149);
  });
});
