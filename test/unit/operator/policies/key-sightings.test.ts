// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createKeySightings, withLastSeen } from '../../../../operator/policies/key-sightings.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-06-01T00:00:00Z');

function sightings() {
  const state = { now: START, news: [] as string[] };
  const seen = createKeySightings({
    clock: () => state.now,
    isKnown: (policy) => policy !== 'unknown',
    onNews: (policy) => state.news.push(policy),
  });
  return { state, seen };
}

describe('sightings of keys', () => {
  test('are news once an hour for each key, however often it counts', () => {
    const { state, seen } = sightings();
    for (let count = 0; count < 1000; count += 1) {
      state.now += 3_600;
      seen.saw('prod', ['release']);
    }
    assert.deepEqual(state.news, ['prod']);
    assert.equal(seen.lastSeen('prod', 'release'), START + HOUR);
    state.now += 3_600;
    seen.saw('prod', ['release', 'other']);
    seen.saw('prod', ['other']);
    assert.deepEqual(state.news, ['prod', 'prod']);
  });

  test('are not kept of policies that there are not, or are not any more', () => {
    const { state, seen } = sightings();
    seen.saw('unknown', ['release']);
    seen.saw('prod', ['release']);
    seen.forget('prod');
    assert.deepEqual([seen.lastSeen('unknown', 'release'), seen.lastSeen('prod', 'release')], [undefined, undefined]);
    assert.deepEqual(state.news, ['prod']);
  });

  const key = { name: 'release', fingerprint: 'sha256:1', algorithm: 'x' };
  const written = { ...key, lastSeen: '2026-06-01T00:00:00Z' };
  const shown = (before: object, seen: number | undefined) =>
    withLastSeen([key], [{ ...written, ...before }], () => seen)[0]?.lastSeen;

  test('stay as written until what is known is an hour newer', () => {
    assert.equal(shown({}, undefined), '2026-06-01T00:00:00Z');
    assert.equal(shown({}, START + HOUR - 1), '2026-06-01T00:00:00Z');
    assert.equal(shown({}, START + HOUR + 999), '2026-06-01T01:00:00Z');
  });

  test('are of one key: another one of the name has its own', () => {
    assert.equal(shown({ fingerprint: 'sha256:2' }, undefined), undefined);
    assert.equal(shown({ name: 'other' }, START), '2026-06-01T00:00:00Z');
    assert.equal(shown({ lastSeen: 'nonsense' }, START), '2026-06-01T00:00:00Z');
  });
});
