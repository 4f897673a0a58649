// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTally } from '../../../../operator/telemetry/tally.ts';

function taken<Labels>(take: (each: (labels: Labels, sum: number) => void) => void): [Labels, number][] {
  const all: [Labels, number][] = [];
  take((labels, sum) => all.push([labels, sum]));
  return all;
}

test('counts come together by all of their labels', () => {
  const { add, take } = createTally<{ code: string; mode: string }>(['code', 'mode']);
  add({ code: 'a', mode: 'x' }, 1);
  add({ code: 'a', mode: 'y' }, 2);
  add({ code: 'b', mode: 'x' }, 3);
  add({ mode: 'x', code: 'a' }, 4);
  assert.deepEqual(taken(take), [
    [{ code: 'a', mode: 'x' }, 5],
    [{ code: 'a', mode: 'y' }, 2],
    [{ code: 'b', mode: 'x' }, 3],
  ]);
});

test('what was taken is not taken again', () => {
  const { add, take } = createTally<{ code: string }>(['code']);
  assert.deepEqual(taken(take), []);
  add({ code: 'a' }, 1);
  assert.deepEqual(taken(take), [[{ code: 'a' }, 1]]);
  assert.deepEqual(taken(take), []);
  add({ code: 'a' }, 2);
  assert.deepEqual(taken(take), [[{ code: 'a' }, 2]]);
});

test('what has no labels has one count', () => {
  const { add, take } = createTally<Readonly<Record<string, string>>>([]);
  add({}, 1);
  add({}, 2);
  assert.deepEqual(taken(take), [[{}, 3]]);
});
