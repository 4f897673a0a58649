// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { compareVersions, isInRange } from '../../../../release/inputs/versions.ts';

describe('version ranges of advisories', () => {
  for (const [range, inside, outside] of [
    ['<1.4.3', ['1.4.2', '0.9.9', '1.4.3-rc.1'], ['1.4.3', '1.4.10', '2.0.0']],
    ['<=1.4.3', ['1.4.3', '1.4.3+build'], ['1.4.4']],
    ['>1.4.3', ['1.4.4', '1.10.0'], ['1.4.3']],
    ['>=4.0.0 <4.0.4', ['4.0.0', '4.0.3'], ['3.9.9', '4.0.4']],
    ['<3.0.4 || >=4.0.0 <4.0.4', ['1.0.0', '4.0.1'], ['3.0.4', '3.9.0', '4.0.4']],
    ['=1.2.3', ['1.2.3'], ['1.2.4', '1.2.2']],
  ] as const) {
    test(`${range} holds ${inside.join(', ')} and not ${outside.join(', ')}`, () => {
      for (const version of inside) assert.ok(isInRange(version, range), version);
      for (const version of outside) assert.ok(!isInRange(version, range), version);
    });
  }

  for (const range of ['', '1.2.3', '<1.2', '~1.2.3', '<1.2.3 ||', '< 1.2.3', '>=1.0.0 <x', '>=1.0.0 || <1.0']) {
    test(`${JSON.stringify(range)} is refused, rather than holding nothing`, () => {
      assert.throws(() => isInRange('1.0.0', range), SyntaxError);
    });
  }

  test('numbers are compared as numbers', () => {
    const version = fc.tuple(fc.nat(999), fc.nat(999), fc.nat(999));
    fc.assert(
      fc.property(version, version, (a, b) => {
        const wanted = a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
        assert.equal(Math.sign(compareVersions(a.join('.'), b.join('.'))), Math.sign(wanted));
      }),
    );
  });
});
