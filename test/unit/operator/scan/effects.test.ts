// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEffects } from '../../../../operator/scan/effects.ts';
import type { PolicyEffect } from '../../../../operator/scan/policy-effect.ts';

const JUNE = Date.UTC(2026, 5, 1, 12, 0, 0, 789);
const effect = (wouldDeny: number): PolicyEffect => ({ wouldDeny, undecided: 0, sample: [], observedGeneration: 1 });
const of = (effects: Readonly<Record<string, number>>): ReadonlyMap<string, PolicyEffect> =>
  new Map(Object.entries(effects).map(([name, wouldDeny]) => [name, effect(wouldDeny)]));

test('nothing is said of a policy that was not looked at', () => {
  assert.equal(createEffects(() => JUNE).of('a'), undefined);
});

test('what was found is told with its time in whole seconds', () => {
  const effects = createEffects(() => JUNE);
  assert.deepEqual(effects.put(of({ a: 1, b: 2 })), ['a', 'b']);
  assert.deepEqual(effects.of('a'), { ...effect(1), observedAt: '2026-06-01T12:00:00Z' });
  assert.equal(effects.of('b')?.wouldDeny, 2);
});

test('the same again is no news, and keeps the time at which it was found first', () => {
  const time = { now: JUNE };
  const effects = createEffects(() => time.now);
  effects.put(of({ a: 1, b: 2 }));
  time.now += 60_000;
  assert.deepEqual(effects.put(of({ a: 1, b: 3 })), ['b']);
  assert.equal(effects.of('a')?.observedAt, '2026-06-01T12:00:00Z');
  assert.equal(effects.of('b')?.observedAt, '2026-06-01T12:01:00Z');
});

test('of a policy that this look left out the former answer stays', () => {
  const effects = createEffects(() => JUNE);
  effects.put(of({ a: 1, b: 2 }));
  assert.deepEqual(effects.put(of({ b: 5 })), ['b']);
  assert.equal(effects.of('a')?.wouldDeny, 1);
});

test('a policy that is gone is forgotten, and is news when it comes back', () => {
  const effects = createEffects(() => JUNE);
  effects.put(of({ a: 1, b: 2 }));
  effects.keepOnly(new Set(['b']));
  assert.equal(effects.of('a'), undefined);
  assert.equal(effects.of('b')?.wouldDeny, 2);
  assert.deepEqual(effects.put(of({ a: 1, b: 2 })), ['a']);
});
