// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { exceedsDepth } from '../../../../webhook/http/body.ts';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('exceedsDepth', () => {
  test('agrees with the depth of what is parsed, whatever is in its strings', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 0, max: 6 }), (value, maximum) => {
        assert.equal(exceedsDepth(Buffer.from(JSON.stringify(value)), maximum), depthOf(value) > maximum);
      }),
    );
  });

  for (const [text, maximum, expected] of [
    ['["[[[["]', 1, false],
    ['["\\"[[[["]', 1, false],
    ['["\\\\",[]]', 1, true],
    ['[[],[],[]]', 2, false],
    ['{"a":{"b":[]}}', 2, true],
  ] as const) {
    test(`${text} ${expected ? 'exceeds' : 'keeps to'} ${maximum}`, () => {
      assert.equal(exceedsDepth(Buffer.from(text), maximum), expected);
    });
  }
});
