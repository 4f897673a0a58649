// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conditionPatch } from '../../../../operator/registration/conditions.ts';

const condition = (name: string, expression = 'true') => ({ name, expression });

test('a match condition that is not wanted is taken out, and those that are come in their order', () => {
  const wanted = [{ name: 'a.cosignet.dev', matchConditions: [condition('one'), condition('two')] }];
  const patched = (...conditions: readonly object[]) =>
    conditionPatch([{ name: 'other' }, { name: 'a.cosignet.dev', matchConditions: conditions }], wanted);
  assert.deepEqual(patched(condition('one'), condition('two')), []);
  const right = [{ op: 'add', path: '/webhooks/1/matchConditions', value: wanted[0]?.matchConditions }];
  for (const conditions of [
    [condition('of-a-former-release'), condition('one'), condition('two')],
    [condition('two'), condition('one')],
    [condition('one', 'false'), condition('two')],
    [condition('one')],
    [],
  ]) {
    assert.deepEqual(patched(...conditions), right);
  }
});

test('a webhook without match conditions gets rid of those that it has', () => {
  const live = [{ name: 'a.cosignet.dev', matchConditions: [condition('never', 'false')] }];
  assert.deepEqual(conditionPatch(live, [{ name: 'a.cosignet.dev' }]), [
    { op: 'add', path: '/webhooks/0/matchConditions', value: [] },
  ]);
  assert.deepEqual(conditionPatch([{ name: 'a.cosignet.dev' }], [{ name: 'a.cosignet.dev' }]), []);
  assert.deepEqual(conditionPatch([{ ...live[0], name: 'theirs' }], [{ name: 'a.cosignet.dev' }]), []);
});
