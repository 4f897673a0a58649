// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hasExpired, nextChange } from '../../../../core/policy/lifetime.ts';
import { compiled, publicKeyPem } from '../../../fakes/engine.ts';

const at = (milliseconds: number) => new Date(milliseconds).toISOString();
const pem = publicKeyPem('release');
const exception = compiled('exception', { images: ['**'], action: 'Allow', expiresAt: at(5000) });
const windows = compiled('windows', { images: ['**'], keys: [{ pem, notBefore: at(1000), notAfter: at(3000) }] });

describe('the instants at which policies decide otherwise by themselves', () => {
  test('come one after the other', () => {
    const found = [0];
    while (Number.isFinite(found.at(-1))) found.push(nextChange([exception, windows], found.at(-1) ?? 0));
    assert.deepEqual(found, [0, 1000, 3001, 5000, Infinity]);
    assert.equal(nextChange([compiled('lasting', { images: ['**'], keys: [{ pem }] })], 0), Infinity);
  });

  test('are the ones from which on an exception covers nothing', () => {
    assert.deepEqual(
      [4999, 5000, 5001].map((now) => hasExpired(exception, now)),
      [false, true, true],
    );
    assert.equal(hasExpired(windows, 1e15), false);
  });
});
