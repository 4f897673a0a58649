// SPDX-License-Identifier: Apache-2.0
// What the patterns of a policy may cost whom they are not about.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseReference } from '../../../../../core/image/reference.ts';
import { compilePolicy } from '../../../../../core/policy/compile/compile.ts';
import { matchPolicies, policiesByDigest } from '../../../../../core/policy/store/match.ts';
import { createPolicyStore } from '../../../../../core/policy/store/store.ts';
import { EMPTY_CONTEXT, policy } from '../examples.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const DEEP = parseReference(`registry.example.com/${'a/'.repeat(110)}a`);
const team = { name: 'team', labels: {} };

/** 16 patterns of 32 parts, none of which any two have in common, and that all match the deep image but for their end. */
function slowPatterns(index: number, end: string): readonly string[] {
  return Array.from({ length: 16 }, (_, at) => {
    const digits = (index * 16 + at).toString(2).padStart(10, '0');
    const segments = digits.split('').map((digit) => (digit === '0' ? '*a*/**' : 'a*/**'));
    return `**/${segments.join('/')}/a/a/a/a/a/a/a/a/a/a/${end}`;
  });
}

function ownPolicies(patterns: (index: number) => readonly string[]) {
  const store = createPolicyStore();
  const compiled = Array.from({ length: 64 }, (_, index) =>
    compilePolicy(
      {
        apiVersion: 'cosignet.dev/v1',
        kind: 'NamespacedImagePolicy',
        metadata: { name: `p${String(index).padStart(2, '0')}`, namespace: 'team' },
        spec: { images: patterns(index), action: 'Deny' },
      },
      EMPTY_CONTEXT,
    ),
  );
  assert.deepEqual(
    compiled.flatMap(({ problems }) => problems),
    [],
  );
  store.replace(compiled);
  return store.snapshot();
}

describe('patterns of a namespace that take too many steps to match', () => {
  const all = Array.from({ length: 64 }, (_, index) => `team/p${String(index).padStart(2, '0')}`);

  test('apply all: what could not be looked at is no more lenient', () => {
    const snapshot = ownPolicies((index) => slowPatterns(index, 'z'));
    const { policies, isCovered } = matchPolicies(snapshot, DEEP, team, 0);
    assert.deepEqual(
      policies.map(({ name }) => name),
      all,
    );
    assert.equal(isCovered, false);
    // Where they are few steps, and for others, nothing changes.
    for (const [image, context] of [
      ['registry.example.com/app', team],
      ['nginx', team],
      [DEEP.original, { name: 'other', labels: {} }],
      [DEEP.original, { labels: {} }],
    ] as const) {
      assert.deepEqual(matchPolicies(snapshot, parseReference(image), context, 0).policies, []);
    }
  });

  test('may apply by a digest, all of them', () => {
    const snapshot = ownPolicies((index) => slowPatterns(index, `z@${DIGEST}`));
    const found = policiesByDigest(snapshot, DEEP, team, 0);
    assert.deepEqual(
      found.map(({ name }) => name),
      all,
    );
    assert.deepEqual(policiesByDigest(snapshot, parseReference('nginx'), team, 0), []);
  });
});

/** Whether a policy claims an image, and what is wrong with it. */
function claims(spec: object, image: string) {
  const compiled = compilePolicy(policy(spec), EMPTY_CONTEXT);
  const store = createPolicyStore();
  store.set(compiled);
  const isClaimed = matchPolicies(store.snapshot(), parseReference(image), team, 0).policies.length > 0;
  return { isClaimed, problems: compiled.problems.map(({ reason, path }) => `${reason} ${path}`), compiled };
}

describe('patterns with very many parts', () => {
  test('are refused, and claim all below the first 32', () => {
    const long = `registry.example.com/${'a/'.repeat(31)}b`;
    for (const [image, isClaimed] of [
      [long, true],
      [`registry.example.com/${'a/'.repeat(31)}other`, true],
      [`registry.example.com/${'a/'.repeat(30)}b/b`, false],
    ] as const) {
      const found = claims({ images: [long] }, image);
      assert.deepEqual(found.problems, ['InvalidPattern spec.images[0]']);
      assert.equal(found.isClaimed, isClaimed, image);
    }
    assert.deepEqual(claims({ images: [`registry.example.com/${'a/'.repeat(30)}b`] }, 'nginx').problems, []);
  });

  test('are refused of one policy together, and claim all of their hosts', () => {
    const images = Array.from({ length: 256 }, (_, index) => `r${index}.example.com/a/b/c/d/e/f/g/h`);
    const { problems, compiled, isClaimed } = claims({ images }, 'r255.example.com/other');
    assert.equal(problems[0], 'InvalidPattern spec.images[227]');
    assert.equal(isClaimed, true);
    assert.equal(claims({ images }, 'r0.example.com/other').isClaimed, false);
    const parts = compiled.patterns.reduce((sum, { segments }) => sum + segments.length, 0);
    assert.ok(parts <= 2048 + 256, `${parts} parts`);
    // A policy that nobody can read is bounded alike.
    const unread = compilePolicy({ ...policy({ images }), spec: { images, unknown: 1 } }, EMPTY_CONTEXT);
    assert.equal(
      unread.patterns.reduce((sum, { segments }) => sum + segments.length, 0),
      parts,
    );
  });
});
