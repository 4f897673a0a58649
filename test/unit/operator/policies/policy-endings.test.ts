// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ImagePolicySpec } from '../../../../core/policy/documents/image-policy.gen.ts';
import { countEndings, endingConditions, endsByItself } from '../../../../operator/policies/policy-endings.ts';
import { compiled, publicKeyPem } from '../../../fakes/engine.ts';

const DAY = 86_400_000;
const END = Date.parse('2026-07-01T00:00:00Z');
const exception: ImagePolicySpec = { images: ['**'], action: 'Allow', expiresAt: '2026-07-01T00:00:00Z' };
const key = { name: 'release', pem: publicKeyPem('release') };
const rotated: ImagePolicySpec = { images: ['**'], keys: [{ ...key, notAfter: '2026-07-01T00:00:00Z' }, key] };

const shown = (spec: ImagePolicySpec, now: number) =>
  endingConditions(compiled('policy', spec), now).map(({ type, status, reason }) => `${type} ${status} ${reason}`);

describe('what of a policy ends by itself', () => {
  test('is told two weeks before, and when an exception is over', () => {
    assert.deepEqual(shown(exception, END - 14 * DAY - 1), ['Expiring False Lasting', 'Expired False InForce']);
    assert.deepEqual(shown(exception, END - 14 * DAY), ['Expiring True EndsSoon', 'Expired False InForce']);
    assert.deepEqual(shown(exception, END - 1), ['Expiring True EndsSoon', 'Expired False InForce']);
    assert.deepEqual(shown(exception, END), ['Expiring False Lasting', 'Expired True Expired']);
  });

  test('names the key, and is no word about the policy', () => {
    const [condition, ...others] = endingConditions(compiled('policy', rotated), END - DAY);
    assert.match(condition?.message ?? '', /^key "release" \(sha256:[0-9a-f]{12}\) ends at 2026-07-01T00:00:00Z\.$/);
    assert.deepEqual(others, []);
    // One that was rotated is no news for ever.
    assert.deepEqual(shown(rotated, END), ['Expiring False Lasting']);
  });

  test('is not spoken of where nothing does', () => {
    const lasting = compiled('policy', { images: ['**'], keys: [key] });
    assert.deepEqual([endingConditions(lasting, END), endsByItself(lasting)], [[], false]);
    assert.equal(endsByItself(compiled('policy', rotated)), true);
  });

  test('is counted', () => {
    const all = [compiled('a', exception), compiled('b', rotated), compiled('c', { ...exception, images: ['a:b:c'] })];
    assert.deepEqual(countEndings(all, END - DAY), { expiring: 3, expired: 0 });
    // The one with a fault goes on denying.
    assert.deepEqual(countEndings(all, END), { expiring: 0, expired: 1 });
  });
});
