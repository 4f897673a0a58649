// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseReference } from '../../../../../core/image/reference.ts';
import { matchPolicies } from '../../../../../core/policy/store/match.ts';
import { createPolicyStore } from '../../../../../core/policy/store/store.ts';
import type { PolicySnapshot } from '../../../../../core/policy/store/store.ts';
import { anyPattern, anyReference } from '../../image/arbitraries.ts';
import { claiming } from '../examples.ts';
import { processorTime } from '../../../../fakes/processor-time.ts';

function speaker(snapshot: PolicySnapshot, image: string): readonly string[] {
  return matchPolicies(snapshot, parseReference(image), { labels: {} }, 0).policies.map(({ name }) => name);
}

/** Three patterns with nothing in common between two policies: a host, a glob with a start, one with an end. */
function patternsOf(index: number): readonly string[] {
  return [`registry-${index}.example.com/team/*`, `ghcr.io/team-${index}-*/**`, `*-${index}.example.net/**`];
}

describe('the policy store', () => {
  test('replaces, sets and removes, and counts its versions', () => {
    const store = createPolicyStore();
    assert.equal(store.version(), 0);
    store.replace([claiming('a', ['ghcr.io/**']), claiming('b', ['nginx'])]);
    assert.deepEqual(speaker(store.snapshot(), 'ghcr.io/x'), ['a']);
    store.set(claiming('a', ['quay.io/**']));
    assert.deepEqual(speaker(store.snapshot(), 'ghcr.io/x'), []);
    assert.deepEqual(speaker(store.snapshot(), 'quay.io/x'), ['a']);
    store.remove('a');
    assert.deepEqual(speaker(store.snapshot(), 'quay.io/x'), []);
    assert.deepEqual([...store.snapshot().policies.keys()], ['b']);
    assert.equal(store.version(), 3);
    assert.equal(store.snapshot().version, 3);
  });

  test('does nothing for a name that it does not have', () => {
    const store = createPolicyStore();
    store.remove('none');
    assert.equal(store.version(), 0);
  });

  test('lets the images of a removed policy fall to the next one', () => {
    const store = createPolicyStore();
    store.replace([claiming('all', ['**']), claiming('app', ['ghcr.io/acme/app'])]);
    store.remove('app');
    assert.deepEqual(speaker(store.snapshot(), 'ghcr.io/acme/app'), ['all']);
  });

  test('never changes a snapshot that was taken', () => {
    const store = createPolicyStore();
    store.replace([claiming('a', ['ghcr.io/acme/app', 'ghcr.io/a*', `**@sha256:${'a'.repeat(64)}`])]);
    const taken = store.snapshot();
    store.set(claiming('b', ['ghcr.io/acme/app', 'ghcr.io/a*']));
    store.set(claiming('a', ['quay.io/x']));
    store.remove('b');
    store.replace([]);
    assert.deepEqual(speaker(taken, 'ghcr.io/acme/app'), ['a']);
    assert.deepEqual(speaker(taken, 'ghcr.io/ab'), ['a']);
    assert.deepEqual(speaker(taken, `nginx@sha256:${'a'.repeat(64)}`), ['a']);
    assert.deepEqual(speaker(store.snapshot(), 'ghcr.io/acme/app'), []);
  });

  test('is after any edits as if it had been filled anew', () => {
    const edits = fc.array(
      fc.tuple(
        fc.constantFrom('p', 'q', 'r'),
        fc.option(fc.array(anyPattern, { minLength: 1, maxLength: 3 }), { freq: 2 }),
      ),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(edits, fc.array(anyReference, { minLength: 3, maxLength: 3 }), (list, images) => {
        const edited = createPolicyStore();
        for (const [name, patterns] of list) {
          if (patterns === null) edited.remove(name);
          else edited.set(claiming(name, patterns));
        }
        const fresh = createPolicyStore();
        fresh.replace(edited.snapshot().policies.values());
        for (const image of images)
          assert.deepEqual(speaker(edited.snapshot(), image), speaker(fresh.snapshot(), image));
        for (const name of ['p', 'q', 'r']) edited.remove(name);
        assert.deepEqual(edited.snapshot().index, createPolicyStore().snapshot().index);
      }),
      { numRuns: 500 },
    );
  });

  test('takes an edit among 10,000 policies in less than 50 ms, with hosts or with globs all different', () => {
    const store = createPolicyStore();
    store.replace(Array.from({ length: 10_000 }, (_, index) => claiming(`p${index}`, patternsOf(index))));
    // The best of several: the machine may be busy with something else.
    const times = Array.from({ length: 5 }, (_, round) => {
      const policy = claiming('p5000', patternsOf(20_000 + round));
      const started = processorTime();
      store.set(policy);
      return processorTime() - started;
    });
    assert.ok(Math.min(...times) < 50, `${times.join(', ')} ms`);
    assert.deepEqual(speaker(store.snapshot(), 'ghcr.io/team-20004-x/y'), ['p5000']);
    assert.deepEqual(speaker(store.snapshot(), 'a-9999.example.net/y'), ['p9999']);
  });
});
