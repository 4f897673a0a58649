// SPDX-License-Identifier: Apache-2.0
// What of a request is decided on, apart from the decision.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseReview } from '../../../../../webhook/admission/request/review.ts';
import { scopeOf } from '../../../../../webhook/admission/request/scope.ts';
import type { Scope } from '../../../../../webhook/admission/request/scope.ts';
import { objectOf, podOf, podReview, reviewOf } from '../../reviews.ts';
import type { Body } from '../../reviews.ts';

function scopeFor(review: unknown): Scope {
  const parsed = parseReview(review);
  assert.ok('request' in parsed);
  return scopeOf(parsed.request, { ownNamespace: 'cosignet', excludedNamespaces: ['kube-system'], workloads: [] });
}

function refusalOf(review: unknown): string {
  const scope = scopeFor(review);
  assert.equal(scope.kind, 'refused');
  return 'message' in scope ? scope.message : '';
}

function many(count: number): Body {
  return podReview(Array.from({ length: count }, (_, index) => `nginx:${index}`));
}

describe('nothing is decided', () => {
  const mirror = podOf(['nginx'], { annotations: { 'kubernetes.io/config.mirror': 'x' } });
  const cases: readonly (readonly [string, Body])[] = [
    ['ExcludedNamespace', podReview(['nginx'], { namespace: 'kube-system' })],
    ['ExcludedNamespace', podReview(['nginx'], { namespace: 'cosignet' })],
    ['Delete', podReview(['nginx'], { operation: 'DELETE', object: null })],
    ['MirrorPod', reviewOf('pods', mirror, { userInfo: { groups: ['system:nodes'] } })],
    ['Unchanged', podReview(['nginx'], { operation: 'UPDATE', oldObject: podOf(['nginx']) })],
    ['Unchanged', podReview([])],
  ];
  for (const [why, review] of cases) {
    test(`for ${why}`, () => assert.deepEqual(scopeFor(review), { kind: 'nothing', why }));
  }
});

describe('a request is refused', () => {
  test('for a kind that has no images', () => {
    const review = reviewOf('configmaps', {}, { resource: { group: 'x', version: 'v1', resource: 'configmaps' } });
    assert.match(refusalOf(review), /^configmaps\.x \(Unknown, v1\) carries no images/);
    const scale = { operation: 'UPDATE', subResource: 'scale' };
    assert.match(refusalOf(reviewOf('deployments', {}, scale)), /^deployments\/scale\.apps \(Deployment, v1\) carries/);
  });

  test('without a namespace, which no Pod is', () => {
    assert.match(refusalOf(podReview(['nginx'], { namespace: '' })), /request\.namespace: must not be empty/);
  });

  test('for an operation that starts nothing and was not asked for', () => {
    assert.match(refusalOf(podReview(['nginx'], { operation: 'CONNECT' })), /^operation CONNECT is not checked/);
  });

  test('without an object, or with one of another shape', () => {
    assert.match(refusalOf(podReview([], { object: null })), /request\.object: must be an object/);
    assert.equal(refusalOf(reviewOf('pods', {})), 'malformed Pod: spec: must be an object');
    const containers = refusalOf(reviewOf('jobs', objectOf('jobs', { containers: {} })));
    assert.equal(containers, 'malformed Job: spec.template.spec.containers: must be a list');
    const secrets = objectOf('jobs', { containers: [{ image: 'nginx' }], imagePullSecrets: {} });
    assert.equal(
      refusalOf(reviewOf('jobs', secrets)),
      'malformed Job: spec.template.spec.imagePullSecrets: must be a list',
    );
  });

  test('with more than a thousand images', () => {
    assert.equal(scopeFor(many(1000)).kind, 'decide');
    assert.equal(refusalOf(many(1001)), 'more than 1000 images in one Pod');
  });
});

test('a Pod is checked by its images and by what it pulls them with', () => {
  const spec = {
    containers: [{ name: 'a', image: 'nginx' }],
    imagePullSecrets: [{ name: 'pull' }],
    serviceAccountName: 'robot',
  };
  const scope = scopeFor(reviewOf('pods', objectOf('pods', spec)));
  assert.ok(scope.kind === 'decide');
  const [place, slot] = ['/spec/containers/0/image', '/spec/containers/a'];
  assert.deepEqual(scope.fields, [{ path: place, slot, list: 'containers', name: 'a', image: 'nginx' }]);
  assert.deepEqual(scope.pull, { namespace: 'default', imagePullSecrets: ['pull'], serviceAccountName: 'robot' });
  assert.equal(scope.row.kind, 'Pod');
});
