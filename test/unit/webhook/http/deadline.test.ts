// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { parseGoDuration, remainingMilliseconds } from '../../../../webhook/http/deadline.ts';

describe('parseGoDuration', () => {
  for (const [text, milliseconds] of [
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['1m0s', 60_000],
    ['1.5s', 1500],
    ['500ms', 500],
    ['2m', 120_000],
    ['', undefined],
    ['10', undefined],
    ['-10s', undefined],
    ['10s10s', undefined],
    ['s', undefined],
    ['1e3s', undefined],
    ['Infinitys', undefined],
    ['999999999999999999999s', undefined],
    [' 10s', undefined],
  ] as const) {
    test(`reads ${JSON.stringify(text)} as ${milliseconds}`, () => {
      assert.equal(parseGoDuration(text), milliseconds);
    });
  }
});

describe('remainingMilliseconds', () => {
  for (const [what, deadlineSeconds, arrival, expected] of [
    ['the configured deadline alone', 9, { elapsedMilliseconds: 0 }, 9000],
    ['the earlier of two', 9, { elapsedMilliseconds: 0, timeoutMilliseconds: 30_000 }, 9000],
    ['half a second before the API server gives up', 30, { elapsedMilliseconds: 0, timeoutMilliseconds: 10_000 }, 9500],
    ['half of a very short time', 30, { elapsedMilliseconds: 0, timeoutMilliseconds: 400 }, 200],
    ['less what has passed', 9, { elapsedMilliseconds: 1000 }, 8000],
    ['never less than nothing', 9, { elapsedMilliseconds: 100_000 }, 0],
  ] as const) {
    test(`is ${what}`, () => {
      assert.equal(remainingMilliseconds(deadlineSeconds, arrival), expected);
    });
  }
});
