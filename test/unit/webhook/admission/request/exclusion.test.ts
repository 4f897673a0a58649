// SPDX-License-Identifier: Apache-2.0
// What a node may bring past the decision, and nothing more.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isExcludedNamespace } from '../../../../../webhook/admission/request/exclusion.ts';
import { harness, podOf, reviewOf, untilGone } from '../../reviews.ts';
import type { Body } from '../../reviews.ts';

async function asked(resource: string, object: Body, request: Body = {}): Promise<readonly string[]> {
  const { handle, asked: images } = harness();
  await handle('validate', reviewOf(resource, object, request), untilGone());
  return images;
}

describe("a node's Pod", () => {
  const node = { userInfo: { groups: ['system:nodes'] } };

  for (const annotations of [{}, { other: 'x' }, { 'kubernetes.io/config.mirror': 1 }, 'text', null]) {
    test(`with the annotations ${JSON.stringify(annotations)} is checked`, async () => {
      assert.deepEqual(await asked('pods', podOf(['nginx'], { annotations }), node), ['nginx']);
    });
  }

  test('that is a mirror is not checked, and is where anybody else or another request brings it', async () => {
    const mirror = podOf(['nginx'], { annotations: { 'kubernetes.io/config.mirror': 'x' } });
    assert.deepEqual(await asked('pods', mirror, node), []);
    assert.deepEqual(await asked('pods', mirror), ['nginx']);
    assert.deepEqual(await asked('pods', mirror, { ...node, operation: 'UPDATE' }), ['nginx']);
  });
});

test('a namespace is excluded by its whole name, and no namespace never is', () => {
  assert.equal(isExcludedNamespace('own', 'own', []), true);
  assert.equal(isExcludedNamespace('kube-system', 'own', ['kube-system']), true);
  assert.equal(isExcludedNamespace('kube-system-2', 'own', ['kube-system']), false);
  assert.equal(isExcludedNamespace('', '', ['']), false);
});
