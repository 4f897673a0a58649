// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseReview } from '../../../../../webhook/admission/request/review.ts';
import { podReview, reviewOf } from '../../reviews.ts';

function faultOf(review: unknown): string {
  const parsed = parseReview(review);
  assert.ok('fault' in parsed, 'the review was taken for a good one');
  return parsed.fault.message;
}

function withRequest(change: Record<string, unknown>): Record<string, unknown> {
  return podReview(['a'], change);
}

describe('parseReview', () => {
  test('reads what an API server writes', () => {
    const review = reviewOf(
      'pods',
      { spec: {} },
      { subResource: 'ephemeralcontainers', operation: 'UPDATE', oldObject: { spec: { a: 1 } }, dryRun: true },
    );
    assert.deepEqual(parseReview(review), {
      request: {
        uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
        kind: { group: '', version: 'v1', kind: 'Pod' },
        resource: { group: '', version: 'v1', resource: 'pods' },
        subResource: 'ephemeralcontainers',
        operation: 'UPDATE',
        namespace: 'default',
        name: 'x',
        user: 'jane',
        groups: ['system:authenticated'],
        dryRun: true,
        object: { spec: {} },
        oldObject: { spec: { a: 1 } },
      },
    });
  });

  for (const [what, review, message] of [
    ['no object', 17, 'not a JSON object'],
    ['a list', [], 'not a JSON object'],
    ['another version', { ...podReview([]), apiVersion: 'admission.k8s.io/v1beta1' }, 'apiVersion: must be'],
    ['another kind', { ...podReview([]), kind: 'ConversionReview' }, 'kind: must be AdmissionReview'],
    ['no request', { ...podReview([]), request: undefined }, 'request: must be an object'],
    ['no uid', withRequest({ uid: '' }), 'request.uid: must not be empty'],
    ['an overlong uid', withRequest({ uid: 'u'.repeat(300) }), 'request.uid: longer than'],
    ['a kind of text', withRequest({ kind: 'Pod' }), 'request.kind: must be an object'],
    ['no resource', withRequest({ resource: null }), 'request.resource: must be an object'],
    [
      'a nameless resource',
      withRequest({ resource: { version: 'v1' } }),
      'request.resource.resource: must not be empty',
    ],
    ['a number as sub-resource', withRequest({ subResource: 1 }), 'request.subResource: must be a string'],
    ['an unknown operation', withRequest({ operation: 'PATCH' }), 'request.operation: must be one of'],
    ['a list as namespace', withRequest({ namespace: [] }), 'request.namespace: must be a string'],
    ['a text as object', withRequest({ object: '{}' }), 'request.object: must be an object or null'],
    ['a list as old object', withRequest({ oldObject: [] }), 'request.oldObject: must be an object or null'],
    ['groups in one text', withRequest({ userInfo: { groups: 'system:nodes' } }), 'request.userInfo.groups'],
    ['a group that is no text', withRequest({ userInfo: { groups: [1] } }), 'request.userInfo.groups'],
  ] as const) {
    test(`refuses ${what} and names the field`, () => {
      assert.ok(faultOf(review).startsWith(`malformed AdmissionReview: ${message}`), faultOf(review));
    });
  }

  test('keeps the uid of a malformed review, so that the API server takes the answer', () => {
    const parsed = parseReview(withRequest({ operation: 'PATCH' }));
    assert.equal('fault' in parsed && parsed.fault.uid, '705ab4f5-6393-11e8-b7cc-42010a800002');
  });

  test('puts no line break of a caller into the message', () => {
    assert.doesNotMatch(faultOf(withRequest({ operation: 'A\nadmitted' })), /\n/);
  });

  test('returns a value for any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (whole, request) => {
        assert.ok('fault' in parseReview(whole));
        parseReview({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
      }),
    );
  });
});
