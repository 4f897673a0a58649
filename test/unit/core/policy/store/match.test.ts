// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { comparePatterns, parsePattern } from '../../../../../core/image/pattern.ts';
import { parseReference } from '../../../../../core/image/reference.ts';
import { matchPolicies, policiesByDigest } from '../../../../../core/policy/store/match.ts';
import { rankMatches } from '../../../../../core/policy/store/rank.ts';
import { createPolicyStore } from '../../../../../core/policy/store/store.ts';
import type { CompiledPolicy } from '../../../../../core/policy/types.ts';
import { anyPattern, anyReference } from '../../image/arbitraries.ts';
import { matchesByDefinition } from '../../image/definition.ts';
import { claiming } from '../examples.ts';
import type { ImagePolicySpec } from '../../../../../core/policy/documents/image-policy.gen.ts';
import type { PolicySnapshot } from '../../../../../core/policy/store/store.ts';
import { compiled } from '../../../../fakes/engine.ts';

const A = `sha256:${'a'.repeat(64)}`;
const NOWHERE = { labels: {} };

function snapshotOf(policies: readonly CompiledPolicy[]) {
  const store = createPolicyStore();
  store.replace(policies);
  return store.snapshot();
}

function speakers(policies: readonly CompiledPolicy[], image: string, labels: Readonly<Record<string, string>> = {}) {
  const { policies: found } = matchPolicies(snapshotOf(policies), parseReference(image), { labels }, 0);
  return found.map(({ name }) => name);
}

/** The definition: hold every pattern against the image, keep the first as written in the order of specificity, and all before it. */
function bySearch(
  policies: readonly CompiledPolicy[],
  image: string,
): { isCovered: boolean; names: readonly string[] } {
  const reference = parseReference(image);
  const all = policies.flatMap((policy) => policy.patterns.map((pattern) => ({ policy, pattern })));
  const matching = all.filter(
    ({ policy, pattern }) => policy.namespaceSelector?.({}) !== false && matchesByDefinition(pattern, reference),
  );
  const written = matching.filter(({ policy, pattern }) => !policy.partlyRead && pattern.unreadable === undefined);
  const [best] = written.toSorted((a, b) => comparePatterns(a.pattern, b.pattern));
  const found = matching.filter(({ pattern }) => best === undefined || comparePatterns(pattern, best.pattern) <= 0);
  return { isCovered: best !== undefined, names: [...new Set(found.map(({ policy }) => policy.name))].toSorted() };
}

describe('matchPolicies', () => {
  test('lets the most specific pattern speak', () => {
    const policies = [
      claiming('all', ['**']),
      claiming('registry', ['ghcr.io/**']),
      claiming('team', ['ghcr.io/acme/*']),
      claiming('app', ['ghcr.io/acme/app']),
      claiming('digest', [`ghcr.io/**@${A}`]),
    ];
    assert.deepEqual(speakers(policies, 'nginx'), ['all']);
    assert.deepEqual(speakers(policies, 'ghcr.io/other/x'), ['registry']);
    assert.deepEqual(speakers(policies, 'ghcr.io/acme/x'), ['team']);
    assert.deepEqual(speakers(policies, 'ghcr.io/acme/app:1'), ['app']);
    assert.deepEqual(speakers(policies, `ghcr.io/acme/app:1@${A}`), ['digest']);
  });

  test('lets all policies tied on one pattern speak, however they spell it', () => {
    const policies = [
      claiming('b', ['nginx']),
      claiming('a', ['index.docker.io/library/nginx', 'docker.io/nginx']),
      claiming('c', ['*']),
    ];
    assert.deepEqual(speakers(policies, 'nginx:1'), ['a', 'b']);
  });

  test('returns nothing for an image that no policy covers', () => {
    const snapshot = snapshotOf([claiming('a', ['nginx'])]);
    assert.deepEqual(matchPolicies(snapshot, parseReference('acme/app'), NOWHERE, 0), {
      policies: [],
      isCovered: false,
    });
  });

  test('goes on to a less specific pattern where the namespace is not selected', () => {
    const policies = [
      claiming('production', ['ghcr.io/acme/app'], (labels) => labels['stage'] === 'production'),
      claiming('everywhere', ['ghcr.io/**']),
    ];
    assert.deepEqual(speakers(policies, 'ghcr.io/acme/app', { stage: 'production' }), ['production']);
    assert.deepEqual(speakers(policies, 'ghcr.io/acme/app', { stage: 'test' }), ['everywhere']);
  });

  test('knows the namespace by its real name, whatever the labels say', () => {
    const policies = [claiming('dev', ['**'], (labels) => labels['kubernetes.io/metadata.name'] === 'dev')];
    const reference = parseReference('nginx');
    const match = (name: string) =>
      matchPolicies(snapshotOf(policies), reference, { name, labels: { 'kubernetes.io/metadata.name': 'dev' } }, 0)
        .policies.length;
    assert.equal(match('dev'), 1);
    assert.equal(match('prod'), 0);
  });

  test('a tag beside a digest selects no other policy', () => {
    const policies = [claiming('team', ['ghcr.io/acme/*']), claiming('digest', [`ghcr.io/acme/app@${A}`])];
    const other = `sha256:${'c'.repeat(64)}`;
    for (const tag of ['latest', 'a'.repeat(64), 'sha256-'.concat('a'.repeat(64))]) {
      assert.deepEqual(speakers(policies, `ghcr.io/acme/app:${tag}@${other}`), ['team']);
      assert.deepEqual(speakers(policies, `ghcr.io/acme/app:${tag}@${A}`), ['digest']);
    }
  });

  test('agrees with holding every pattern against the image, readable or not', () => {
    const slip = fc.constantFrom('', '', '', '?', '/', '@sha256:0').map((text) => (pattern: string) => pattern + text);
    const written = fc.tuple(anyPattern, slip).map(([pattern, slipped]) => slipped(pattern));
    const policies = fc
      .array(fc.tuple(fc.array(written, { minLength: 1, maxLength: 3 }), fc.nat(3)), { minLength: 1, maxLength: 12 })
      .map((list) =>
        list.map(([patterns, dice], index) => ({
          ...claiming(`p${index}`, patterns, dice === 0 ? () => false : undefined),
          ...(dice === 1 && { partlyRead: true as const }),
        })),
      );
    let hits = 0;
    let covered = 0;
    fc.assert(
      fc.property(policies, anyReference, (list, image) => {
        const expected = bySearch(list, image);
        const found = matchPolicies(snapshotOf(list), parseReference(image), NOWHERE, 0);
        if (expected.names.length > 1) hits += 1;
        if (expected.isCovered) covered += 1;
        assert.equal(found.isCovered, expected.isCovered);
        assert.deepEqual(
          found.policies.map(({ name }) => name),
          expected.names,
        );
      }),
      { numRuns: 2000 },
    );
    assert.ok(hits > 30 && covered > 45, `${hits} with several, ${covered} covered`);
  });
});

describe('a pattern that cannot be read', () => {
  const wide = claiming('wide', ['**']);

  test('claims beside a wider policy, and beside one that looks more specific at its place', () => {
    for (const text of ['ghcr.io/acme/.*', 'ghcr.io/acme/{app,web}', 'ghcr.io/acme/app?', 'ghcr.io/acme/[a-z]*']) {
      const policies = [wide, claiming('broken', [text]), claiming('literal', ['ghcr.io/acme/app'])];
      assert.deepEqual(speakers(policies, 'ghcr.io/acme/app:1'), ['broken', 'literal'], text);
      assert.deepEqual(speakers(policies, 'ghcr.io/acme/web/x:1'), ['broken', 'wide'], text);
      assert.deepEqual(speakers(policies, 'ghcr.io/other/app:1'), ['wide'], text);
    }
  });

  test('leaves images to a pattern that is more specific before its unreadable part', () => {
    const policies = [claiming('broken', ['*.io/app?']), claiming('exact', ['ghcr.io/acme/app'])];
    assert.deepEqual(speakers(policies, 'ghcr.io/acme/app'), ['exact']);
    assert.deepEqual(speakers(policies, 'quay.io/acme/app'), ['broken']);
  });

  test('comes before exact digests only if its digest is what cannot be read', () => {
    const exact = claiming('exact', [`ghcr.io/acme/app@${A}`]);
    const image = `ghcr.io/acme/app@${A}`;
    assert.deepEqual(speakers([exact, claiming('broken', ['ghcr.io/acme/app@sha256:12'])], image), ['broken', 'exact']);
    assert.deepEqual(speakers([exact, claiming('broken', ['ghcr.io/acme/app?'])], image), ['exact']);
  });

  test('is forgotten with its policy', () => {
    const store = createPolicyStore();
    store.replace([wide]);
    for (const text of ['ghcr.io/acme/.*', 'ghcr.io/acme/app@sha256:12', '^ghcr.io/acme/app']) {
      const speaking = () =>
        matchPolicies(store.snapshot(), parseReference('ghcr.io/acme/app'), NOWHERE, 0).policies.map(
          ({ name }) => name,
        );
      store.set(claiming('broken', [text]));
      assert.deepEqual(speaking(), ['broken', 'wide'], text);
      store.remove('broken');
      assert.deepEqual(speaking(), ['wide'], text);
    }
  });
});

function speakersByHttp(policies: readonly CompiledPolicy[], image: string, plainHttp = true): readonly string[] {
  const reference = { ...parseReference(image), plainHttp };
  return matchPolicies(snapshotOf(policies), reference, NOWHERE, 0).policies.map(({ name }) => name);
}

describe('a registry that is asked by plain HTTP', () => {
  test('is the same host with and without port 80, in patterns and in images', () => {
    for (const pattern of ['registry.local/app', 'registry.local:80/app']) {
      const policies = [claiming('all', ['**']), claiming('app', [pattern])];
      for (const image of ['registry.local/app', 'registry.local:80/app', 'registry.local:080/app']) {
        assert.deepEqual(speakersByHttp(policies, image), ['app'], `${pattern} ${image}`);
      }
      assert.deepEqual(speakersByHttp(policies, 'registry.local:5000/app'), ['all']);
    }
  });

  test('ties patterns that spell its host in both ways, and ranks others by what follows the host', () => {
    const both = [claiming('with', ['registry.local:80/app']), claiming('without', ['registry.local/app'])];
    assert.deepEqual(speakersByHttp(both, 'registry.local/app'), ['with', 'without']);
    const ranked = [claiming('wide', ['registry.local/**']), claiming('narrow', ['registry.local:80/app'])];
    assert.deepEqual(speakersByHttp(ranked, 'registry.local/app'), ['narrow']);
    const reference = { ...parseReference('registry.local/app'), plainHttp: true };
    assert.deepEqual(
      rankMatches(snapshotOf(ranked), reference, NOWHERE, 0).map(({ pattern }) => pattern.source),
      ['registry.local:80/app', 'registry.local/**'],
    );
  });

  test('is two hosts by HTTPS', () => {
    const policies = [claiming('all', ['**']), claiming('app', ['registry.local/app'])];
    assert.deepEqual(speakersByHttp(policies, 'registry.local:80/app', false), ['all']);
  });
});

describe('rankMatches', () => {
  test('lists all matching patterns in the order in which they would speak', () => {
    const policies = [
      claiming('all', ['**']),
      claiming('team', ['ghcr.io/acme/*'], () => false),
      claiming('elsewhere', ['quay.io/**']),
    ];
    const ranked = rankMatches(snapshotOf(policies), parseReference('ghcr.io/acme/app'), NOWHERE, 0);
    assert.deepEqual(
      ranked.map((match) => [
        match.pattern.source,
        match.policies.map((entry) => [entry.policy.name, entry.selectsNamespace]),
      ]),
      [
        ['ghcr.io/acme/*', [['team', false]]],
        ['**', [['all', true]]],
      ],
    );
  });

  test('is ordered as comparePatterns orders', () => {
    fc.assert(
      fc.property(fc.array(anyPattern, { minLength: 2, maxLength: 12 }), anyReference, (patterns, image) => {
        const reference = parseReference(image);
        const ranked = rankMatches(
          snapshotOf(patterns.map((text, index) => claiming(`p${index}`, [text]))),
          reference,
          NOWHERE,
          0,
        );
        const matching = patterns.map(parsePattern).filter((pattern) => matchesByDefinition(pattern, reference));
        const expected = [...new Set(matching.toSorted(comparePatterns).map((pattern) => pattern.canonical))];
        assert.deepEqual(
          ranked.map((match) => match.pattern.canonical),
          expected,
        );
      }),
      { numRuns: 1000 },
    );
  });
});

const DIGEST = `sha256:${'ab'.repeat(32)}`;

function snapshotWith(spec: ImagePolicySpec): PolicySnapshot {
  const store = createPolicyStore();
  store.replace([compiled('test', { action: 'Deny', ...spec })]);
  return store.snapshot();
}

function names(of: PolicySnapshot, image: string, labels: Record<string, string> = {}): readonly string[] {
  return policiesByDigest(of, parseReference(image), { labels }, 0).map(({ name }) => name);
}

describe('policies with a digest', () => {
  const snapshot = snapshotWith({ images: [`ghcr.io/acme/app@${DIGEST}`] });

  test('may apply to a tag in a repository of which a digest is named', () => {
    assert.deepEqual(names(snapshot, 'ghcr.io/acme/app:1'), ['test']);
    assert.deepEqual(names(snapshot, 'ghcr.io:443/acme/app:1'), ['test']);
  });

  test('do not to a tag elsewhere, nor to a digest, nor in a namespace that is not selected', () => {
    assert.deepEqual(names(snapshot, 'ghcr.io/acme/other:1'), []);
    assert.deepEqual(names(snapshot, `ghcr.io/acme/app@${DIGEST}`), []);
    assert.deepEqual(names(snapshotWith({ images: ['**'] }), 'ghcr.io/acme/app:1'), []);
    const inProduction = snapshotWith({
      images: [`ghcr.io/acme/app@${DIGEST}`],
      namespaceSelector: { matchLabels: { stage: 'production' } },
    });
    assert.deepEqual(names(inProduction, 'ghcr.io/acme/app:1', { stage: 'test' }), []);
    assert.deepEqual(names(inProduction, 'ghcr.io/acme/app:1', { stage: 'production' }), ['test']);
  });
});

describe("a namespace's name", () => {
  const label = 'kubernetes.io/metadata.name';
  const snapshot = snapshotWith({ images: ['**'], namespaceSelector: { matchLabels: { [label]: 'prod' } } });
  const selected = (namespace: { name?: string; labels: Record<string, string> }): number =>
    matchPolicies(snapshot, parseReference('nginx'), namespace, 0).policies.length;

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
