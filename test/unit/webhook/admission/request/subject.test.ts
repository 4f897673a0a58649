// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { ObjectReference } from '../../../../../core/verdict/review-record.ts';
import { parseReview } from '../../../../../webhook/admission/request/review.ts';
import { subjectOf } from '../../../../../webhook/admission/request/subject.ts';
import { harness, podOf, podReview, reviewOf, UNSIGNED, untilGone, type Body } from '../../reviews.ts';

const OWNER = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5f', uid: 'a-1', controller: true };

function subjectFor(review: Body): ObjectReference | undefined {
  const parsed = parseReview(review);
  if ('fault' in parsed) return assert.fail(parsed.fault.message);
  return subjectOf(parsed.request);
}

function made(metadata: Body): Body {
  return reviewOf('pods', podOf([UNSIGNED], metadata));
}

describe('the object that a refusal is told about', () => {
  test('is the controller of a Pod that was to be made', () => {
    const other = { ...OWNER, name: 'other', controller: false };
    const subject = subjectFor(made({ ownerReferences: [other, OWNER] }));
    assert.deepEqual(subject, { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5f', uid: 'a-1' });
  });

  test('is the object itself where it exists and was to change', () => {
    const change = { operation: 'UPDATE', name: 'web', oldObject: { metadata: { uid: 'd-1' } } };
    const metadata = { ownerReferences: [OWNER] };
    assert.deepEqual(subjectFor(reviewOf('deployments', { metadata }, change)), {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: 'web',
      uid: 'd-1',
    });
  });

  test('is nothing for a Pod that nobody owns', () => {
    assert.equal(subjectFor(made({})), undefined);
    assert.equal(subjectFor(made({ ownerReferences: null })), undefined);
    assert.equal(subjectFor(made({ ownerReferences: [{ ...OWNER, controller: undefined }] })), undefined);
  });

  for (const [what, change] of [
    ['a node, which no namespace has', { apiVersion: 'v1', kind: 'Node' }],
    ['a name with a path in it', { name: '../../secrets' }],
    ['a name with a line break', { name: 'web\nforged' }],
    ['a kind that is a sentence', { kind: 'Replica Set' }],
    ['a version that is a path', { apiVersion: 'apps/v1/../..' }],
    ['a uid that is a number', { uid: 7 }],
    ['no name', { name: '' }],
  ] as const) {
    test(`is nothing where the owner has ${what}`, () => {
      assert.equal(subjectFor(made({ ownerReferences: [{ ...OWNER, ...change }] })), undefined);
    });
  }

  test('is found or not, but never fails, whatever the owner references are', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (ownerReferences) => {
        const subject = subjectFor(made({ ownerReferences }));
        assert.ok(subject === undefined || subject.name.length > 0);
      }),
    );
  });
});

describe('a denial', () => {
  test('carries the object to tell it about', async () => {
    const { handle, denials } = harness();
    await handle('validate', made({ ownerReferences: [OWNER] }), untilGone());
    assert.equal(denials[0]?.subject?.name, 'web-5f');
  });

  test('does not exist for a dry run, and so neither Event nor notification', async () => {
    const { handle, denials, records } = harness();
    await handle('validate', podReview([UNSIGNED], { dryRun: true }), untilGone());
    assert.equal(denials.length, 0);
    assert.equal(records[0]?.dryRun, true);
  });
});
