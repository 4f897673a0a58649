// SPDX-License-Identifier: Apache-2.0
// Namespaces that must never wait for Cosignet, and are looked at all the same.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { harness, objectOf, podReview, reviewOf, SIGNED, UNSIGNED, type Body, type Overrides } from '../reviews.ts';

const NAMESPACE = 'flux-system';
const inside = (...images: string[]) => podReview(images, { namespace: NAMESPACE });

async function answered(review: Body, endpoint: 'mutate' | 'validate', overrides: Overrides = {}) {
  const configuration = { auditedNamespaces: [NAMESPACE], ...overrides.configuration };
  const { handle, ...seen } = harness({ ...overrides, configuration });
  const { response } = await handle(endpoint, review, new AbortController());
  return { ...seen, response };
}

describe('in an audited namespace', () => {
  test('what policies refuse is admitted, and recorded with its verdict', async () => {
    const { response, records, results, denials } = await answered(inside(UNSIGNED), 'validate');
    assert.equal(response.allowed, true);
    assert.deepEqual(results, ['allowed']);
    const [verdict] = records.flatMap(({ decisions }) => decisions);
    assert.deepEqual([verdict?.verdict.code, verdict?.mode], ['NoSignature', 'Audit']);
    assert.match(JSON.stringify(response.auditAnnotations), /NoSignature/);
    assert.deepEqual(denials, []);
  });

  test('a signed tag is verified, though nobody pinned it', async () => {
    const { response, records } = await answered(inside(SIGNED), 'validate');
    assert.equal(response.allowed, true);
    assert.deepEqual(
      records.flatMap(({ decisions }) => decisions.map(({ verdict }) => verdict.code)),
      ['Verified'],
    );
  });

  test('nothing is changed, and nothing asked, where it is asked to mutate', async () => {
    const { response, asked, results } = await answered(inside(SIGNED, UNSIGNED), 'mutate');
    assert.equal(response.allowed, true);
    assert.equal(response.patch, undefined);
    assert.deepEqual([asked, results], [[], ['skipped']]);
  });

  for (const [what, review, overrides] of [
    ['an engine that throws', inside(UNSIGNED), { decide: () => Promise.reject(new Error('broken')) }],
    ['labels that fail', inside(UNSIGNED), { namespaceContext: () => Promise.reject(new Error('broken')) }],
    ['credentials that fail', inside(UNSIGNED), { keychainFor: () => assert.fail('broken') }],
    ['a Pod of another shape', reviewOf('pods', {}, { namespace: NAMESPACE }), {}],
    ['a kind without images', reviewOf('configmaps', {}, { namespace: NAMESPACE }), {}],
    ['images that are no list', reviewOf('jobs', objectOf('jobs', { containers: {} }), { namespace: NAMESPACE }), {}],
  ] as const) {
    test(`${what} keeps nothing waiting, and does elsewhere`, async () => {
      const here = await answered(review, 'validate', overrides);
      assert.equal(here.response.allowed, true);
      assert.deepEqual(here.denials, []);
      const elsewhere = await answered(review, 'validate', { ...overrides, configuration: { auditedNamespaces: [] } });
      assert.equal(elsewhere.response.allowed, false);
    });
  }

  test('is no other, and the request says which it is, not the object', async () => {
    const object = { ...Object(inside(UNSIGNED)['request']).object, metadata: { namespace: NAMESPACE } };
    const forged = reviewOf('pods', object, { namespace: 'shop' });
    assert.equal((await answered(forged, 'validate')).response.allowed, false);
    assert.equal((await answered(podReview([UNSIGNED], { namespace: 'flux' }), 'validate')).response.allowed, false);
  });

  test('a review whose caller gave up is admitted, too', async () => {
    const stopped: Overrides = {
      decide: ({ signal }) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    };
    const { handle } = harness({ ...stopped, configuration: { auditedNamespaces: [NAMESPACE], deadlineSeconds: 1 } });
    const { response } = await handle('validate', inside(UNSIGNED), new AbortController());
    assert.equal(response.allowed, true);
  });
});
