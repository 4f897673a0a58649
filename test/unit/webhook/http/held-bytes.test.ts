// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createHeldBytes } from '../../../../webhook/http/held-bytes.ts';

/** Bodies by name, and which of them gave way, in their order. */
function scene(limits: { all?: number; strangers?: number; source?: number }) {
  const { all = 1000, strangers = 1000, source = 1000 } = limits;
  const held = createHeldBytes({ heldBytes: all, strangersBytes: strangers, strangersOfSourceBytes: source });
  const gone: string[] = [];
  const open = (name: string, from: string, isAuthenticated = false) =>
    held.open({ source: from, isAuthenticated }, () => gone.push(name));
  return { gone, open };
}

describe('bytes that are held', () => {
  test('by strangers of one address are bounded, which costs no other address anything', () => {
    const { gone, open } = scene({ source: 100 });
    const [first, other, second] = [open('first', 'a'), open('other', 'b'), open('second', 'a')];
    assert.ok(first.take(60) && other.take(90) && second.take(60));
    assert.deepEqual(gone, ['first']);
    assert.ok(!second.take(60), 'more than one address may hold');
    assert.deepEqual(gone, ['first']);
  });

  test('by strangers of all addresses are bounded, and leave the rest to API servers', () => {
    const { gone, open } = scene({ all: 200, strangers: 100 });
    const [first, second] = [open('first', 'a'), open('second', 'b')];
    assert.ok(first.take(60) && second.take(60));
    assert.deepEqual(gone, ['first']);
    assert.ok(open('server', 'c', true).take(140));
    assert.deepEqual(gone, ['first']);
  });

  test('give way in the order of their last step', () => {
    const { gone, open } = scene({ all: 100 });
    const [first, second] = [open('first', 'a'), open('second', 'a')];
    assert.ok(first.take(30) && second.take(30) && first.take(10));
    assert.ok(open('third', 'a').take(50));
    assert.deepEqual(gone, ['second']);
  });

  test('of a whole body, and those of API servers, give way to none', () => {
    const { gone, open } = scene({ all: 100 });
    const whole = open('whole', 'a');
    assert.ok(whole.take(50));
    whole.complete();
    assert.ok(open('server', 'b', true).take(50));
    assert.ok(!open('late', 'c').take(10));
    assert.deepEqual(gone, []);
    whole.release();
    assert.ok(open('next', 'c').take(50));
  });
});
