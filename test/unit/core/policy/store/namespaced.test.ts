// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseReference } from '../../../../../core/image/reference.ts';
import { compilePolicy } from '../../../../../core/policy/compile/compile.ts';
import { parsePolicyDocuments } from '../../../../../core/policy/documents/document.ts';
import { policyName, splitPolicyName, type NamespacedImagePolicy } from '../../../../../core/policy/documents/kinds.ts';
import { loadPolicies } from '../../../../../core/policy/documents/load.ts';
import { matchPolicies, policiesByDigest } from '../../../../../core/policy/store/match.ts';
import { rankOwnMatches } from '../../../../../core/policy/store/rank.ts';
import { createPolicyStore, type PolicySnapshot } from '../../../../../core/policy/store/store.ts';
import type { CompiledPolicy } from '../../../../../core/policy/types.ts';
import { claiming, EMPTY_CONTEXT, PEM } from '../examples.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

function document(metadata: object, spec: object = { images: ['ghcr.io/acme/*'], keys: [{ pem: PEM }] }): object {
  return { apiVersion: 'cosignet.dev/v1', kind: 'NamespacedImagePolicy', metadata, spec };
}

const TEXT = `apiVersion: cosignet.dev/v1
kind: NamespacedImagePolicy
metadata:
  name: web
  namespace: team
spec: {images: ["**"], action: Deny}
`;

describe('a NamespacedImagePolicy', () => {
  test('is compiled under its whole name, for its namespace', () => {
    const compiled = compilePolicy(document({ name: 'web', namespace: 'team', generation: 4 }), EMPTY_CONTEXT);
    const { name, namespace, generation, problems, namespaceSelector } = compiled;
    assert.deepEqual([name, namespace, generation, problems], ['team/web', 'team', 4, []]);
    assert.equal(namespaceSelector, undefined);
  });

  test('has no selector: with one it claims and denies its images, in its namespace', () => {
    const spec = { images: ['ghcr.io/acme/*'], namespaceSelector: {}, action: 'Allow' };
    const { name, namespace, problems, patterns } = compilePolicy(
      document({ name: 'a', namespace: 'b' }, spec),
      EMPTY_CONTEXT,
    );
    assert.deepEqual([name, namespace, patterns.length], ['b/a', 'b', 1]);
    assert.deepEqual(problems, [{ reason: 'InvalidSpec', path: 'spec.namespaceSelector', message: 'unknown field' }]);
  });

  test('without a namespace speaks nowhere', () => {
    const compiled = compilePolicy(document({ name: 'a' }), EMPTY_CONTEXT);
    assert.equal(compiled.namespace, '');
    assert.equal(compiled.problems.length, 1);
    const store = createPolicyStore();
    store.set(compiled);
    for (const context of [{ labels: {} }, { name: 'team', labels: {} }]) {
      assert.deepEqual(matchPolicies(store.snapshot(), parseReference('ghcr.io/acme/x'), context, 0).policies, []);
    }
  });

  test('says why its Secret could not be read', () => {
    const spec = { images: ['**'], keys: [{ secretRef: { name: 's', key: 'k' } }] };
    const context = { ...EMPTY_CONTEXT, secret: () => ({ unavailable: 'not allowed to' }) };
    assert.deepEqual(compilePolicy(document({ name: 'a', namespace: 'b' }, spec), context).problems, [
      { reason: 'SecretNotFound', path: 'spec.keys[0].secretRef', message: 'not allowed to' },
    ]);
  });

  test('has a name that no policy of the cluster can have', () => {
    const { policies } = parsePolicyDocuments(TEXT, 'f.yaml');
    const name = policies[0] ? policyName(policies[0].policy) : '';
    assert.equal(name, 'team/web');
    assert.deepEqual(splitPolicyName(name), { namespace: 'team', name: 'web' });
    assert.deepEqual(splitPolicyName('web'), { name: 'web' });
    const taken = TEXT.replace('NamespacedImagePolicy', 'ImagePolicy').replace('name: web', 'name: team/web');
    assert.equal(parsePolicyDocuments(taken, 'f.yaml').faults[0]?.line, 4);
  });
});

describe('files with NamespacedImagePolicies', () => {
  test('are read, in Lists too', () => {
    const item: NamespacedImagePolicy = {
      apiVersion: 'cosignet.dev/v1',
      kind: 'NamespacedImagePolicy',
      metadata: { name: 'web', namespace: 'team' },
      spec: { images: ['**'], action: 'Deny' },
    };
    const lists = ['List', 'NamespacedImagePolicyList'].map((kind) => JSON.stringify({ kind, items: [item] }));
    for (const text of [TEXT, ...lists]) {
      const { policies, faults } = parsePolicyDocuments(text, 'f.yaml');
      assert.deepEqual(faults, []);
      assert.deepEqual(
        policies.map(({ policy }) => policy),
        [item],
      );
    }
  });

  for (const [what, text, line, message] of [
    ['without a namespace', TEXT.replace('  namespace: team\n', ''), 3, /metadata: needs the field namespace$/],
    ['with a namespace that is no name', TEXT.replace('team', 'Team'), 5, /metadata\.namespace: /],
    ['with a selector', TEXT.replace('{images', '{namespaceSelector: {}, images'), 6, /namespaceSelector: unknown/],
    ['of another group', TEXT.replace('cosignet.dev', 'example.com'), 2, /expected an ImagePolicy or Namesp/],
  ] as const) {
    test(`are refused ${what}, with the line`, () => {
      const { policies, faults } = parsePolicyDocuments(text, 'f.yaml');
      assert.equal(policies.length, 0);
      assert.equal(faults[0]?.line, line);
      assert.match(faults[0]?.message ?? '', message);
    });
  }

  test('may use one name in several namespaces, and once for the cluster, but not twice in one', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'policies-'));
    const cluster = TEXT.replace('NamespacedImagePolicy', 'ImagePolicy').replace('  namespace: team\n', '');
    writeFileSync(path.join(folder, 'a.yaml'), [TEXT, TEXT.replace('team', 'other'), cluster].join('---\n'));
    assert.deepEqual((await loadPolicies([folder])).faults, []);
    writeFileSync(path.join(folder, 'b.yaml'), TEXT);
    const { faults } = await loadPolicies([folder]);
    assert.match(faults[0]?.message ?? '', /^the policy team\/web is also in /);
    rmSync(folder, { recursive: true });
  });
});

const NAMESPACES = [undefined, 'a', 'b'] as const;

function claimingIn(namespace: string | undefined, name: string, images: readonly string[]): CompiledPolicy {
  return namespace === undefined ? claiming(name, images) : { ...claiming(`${namespace}/${name}`, images), namespace };
}

/** Who speaks where, for a few images. */
function answers(snapshot: PolicySnapshot): unknown {
  return ['nginx', 'ghcr.io/x/y', `ghcr.io/x/y@${DIGEST}`].map((image) =>
    NAMESPACES.map((name) => {
      const context = name === undefined ? { labels: {} } : { name, labels: {} };
      const reference = parseReference(image);
      const { policies, isCovered } = matchPolicies(snapshot, reference, context, 0);
      const byDigest = policiesByDigest(snapshot, reference, context, 0).length > 0;
      return [policies.map((policy) => policy.name), isCovered, byDigest];
    }),
  );
}

describe('the policy store', () => {
  test('ranks the policies of a namespace beside those of the cluster', () => {
    const store = createPolicyStore();
    store.replace([
      claimingIn(undefined, 'all', ['**']),
      claimingIn('a', 'wide', ['**']),
      claimingIn('a', 'app', ['ghcr.io/x/y']),
      claimingIn('b', 'digest', [`**@${DIGEST}`]),
    ]);
    assert.deepEqual(answers(store.snapshot()), [
      [
        [['all'], true, false],
        [['all', 'a/wide'], true, false],
        [['all'], true, true],
      ],
      [
        [['all'], true, false],
        [['all', 'a/app'], true, false],
        [['all'], true, true],
      ],
      [
        [['all'], true, false],
        [['all', 'a/app'], true, false],
        [['all', 'b/digest'], true, false],
      ],
    ]);
  });

  test('lists those of a namespace in the order in which they would speak, and none elsewhere', () => {
    const store = createPolicyStore();
    store.replace([
      claimingIn(undefined, 'all', ['**']),
      claimingIn('a', 'wide', ['**']),
      claimingIn('a', 'app', ['ghcr.io/x/y']),
    ]);
    const ranked = (name?: string) =>
      rankOwnMatches(
        store.snapshot(),
        parseReference('ghcr.io/x/y'),
        {
          labels: {},
          ...(name !== undefined && { name }),
        },
        0,
      ).map(({ pattern, policies }) => [
        pattern.source,
        policies.map(({ policy, selectsNamespace }) => [policy.name, selectsNamespace]),
      ]);
    assert.deepEqual(ranked('a'), [
      ['ghcr.io/x/y', [['a/app', true]]],
      ['**', [['a/wide', true]]],
    ]);
    assert.deepEqual(ranked('b'), []);
    assert.deepEqual(ranked(), []);
  });

  test('is the same after many small changes as after one large one', () => {
    const change = fc.record({
      namespace: fc.constantFrom(...NAMESPACES),
      name: fc.constantFrom('p', 'q'),
      images: fc.subarray(['**', 'nginx', 'ghcr.io/*/y', `ghcr.io/**@${DIGEST}`]),
      remove: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const small = createPolicyStore();
        const kept = new Map<string, CompiledPolicy>();
        for (const { namespace, name, images, remove } of changes) {
          const policy = claimingIn(namespace, name, images);
          if (remove) small.remove(policy.name);
          else small.set(policy);
          if (remove) kept.delete(policy.name);
          else kept.set(policy.name, policy);
        }
        const large = createPolicyStore();
        large.replace(kept.values());
        assert.deepEqual(answers(small.snapshot()), answers(large.snapshot()));
        assert.deepEqual([...small.snapshot().policies.keys()].toSorted(), [...kept.keys()].toSorted());
      }),
    );
  });

  test('keeps nothing of a namespace whose policies are gone', () => {
    const store = createPolicyStore();
    store.set(claimingIn('a', 'p', ['**', `**@${DIGEST}`]));
    const before = store.snapshot();
    store.remove('a/p');
    assert.deepEqual([store.snapshot().namespaced.size, before.namespaced.size], [0, 1]);
    assert.equal(store.version(), 2);
  });
});
