// SPDX-License-Identifier: Apache-2.0
// Which images of a request are checked at all: UPDATE, terminating objects, exclusions, mirror pods.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { harness, objectOf, podOf, podReview, reviewOf, SIGNED, UNSIGNED, untilGone } from '../reviews.ts';
import type { Body, Overrides } from '../reviews.ts';

const DELETED = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a'] };

async function ask(review: Body, overrides?: Overrides): Promise<{ allowed: boolean; asked: string[] }> {
  const { handle, asked } = harness(overrides);
  const { response } = await handle('validate', review, untilGone());
  return { allowed: response.allowed, asked };
}

const engineDown = (): Promise<never> => Promise.reject(new Error('down'));

function update(resource: string, oldObject: Body, object: Body, request: Body = {}): Body {
  return reviewOf(resource, object, { operation: 'UPDATE', oldObject, ...request });
}

describe('UPDATE', () => {
  test('an image that the same container had is not checked again', async () => {
    const review = update('pods', podOf([UNSIGNED]), podOf([UNSIGNED], { labels: { a: 'b' } }));
    assert.deepEqual(await ask(review), { allowed: true, asked: [] });
  });

  test('a changed image is checked, and only that', async () => {
    const review = update('pods', podOf([UNSIGNED, SIGNED]), podOf([UNSIGNED, 'registry.example.com/unsigned/new']));
    assert.deepEqual(await ask(review), { allowed: false, asked: ['registry.example.com/unsigned/new'] });
  });

  test('an image that another container had is checked', async () => {
    const review = update('pods', podOf([UNSIGNED, SIGNED]), podOf([SIGNED, UNSIGNED]));
    assert.deepEqual(await ask(review), { allowed: false, asked: [SIGNED, UNSIGNED] });
  });

  test('an image that moved to another list is checked', async () => {
    const container = { name: 'a', image: UNSIGNED };
    const old = objectOf('deployments', { containers: [container] });
    const review = update('deployments', old, objectOf('deployments', { initContainers: [container] }));
    assert.deepEqual(await ask(review), { allowed: false, asked: [UNSIGNED] });
  });

  test('an image of a volume is no excuse for a container of the same name, nor the reverse', async () => {
    const volumes = objectOf('jobs', { volumes: [{ name: 'a', image: { reference: UNSIGNED } }] });
    const containers = objectOf('jobs', { containers: [{ name: 'a', image: UNSIGNED }] });
    assert.equal((await ask(update('jobs', volumes, containers))).allowed, false);
    assert.equal((await ask(update('jobs', containers, volumes))).allowed, false);
  });

  test('containers may change their order', async () => {
    const [first, second] = [
      { name: 'a', image: UNSIGNED },
      { name: 'b', image: SIGNED },
    ];
    const old = objectOf('deployments', { containers: [first, second] });
    const review = update('deployments', old, objectOf('deployments', { containers: [second, first] }));
    assert.deepEqual(await ask(review), { allowed: true, asked: [] });
  });

  test('a second container of the same name with another image is checked', async () => {
    const old = objectOf('pods', { containers: [{ name: 'a', image: SIGNED }] });
    const object = objectOf('pods', {
      containers: [
        { name: 'a', image: SIGNED },
        { name: 'a', image: UNSIGNED },
      ],
    });
    assert.deepEqual(await ask(update('pods', old, object)), { allowed: false, asked: [UNSIGNED] });
  });

  test('a new volume and a new ephemeral container are checked', async () => {
    const volume = {
      ...podOf([SIGNED]),
      spec: { containers: [{ name: 'c0', image: SIGNED }], volumes: [{ name: 'v', image: { reference: UNSIGNED } }] },
    };
    assert.equal((await ask(update('pods', podOf([SIGNED]), volume))).allowed, false);
    const debug = {
      spec: { containers: [{ name: 'c0', image: SIGNED }], ephemeralContainers: [{ name: 'd', image: UNSIGNED }] },
    };
    const review = update('pods', podOf([SIGNED]), debug, { subResource: 'ephemeralcontainers' });
    assert.deepEqual(await ask(review), { allowed: false, asked: [UNSIGNED] });
  });

  test('scaling and changing the image in one update is checked', async () => {
    const old = { spec: { replicas: 0, template: { spec: { containers: [{ name: 'a', image: SIGNED }] } } } };
    const object = { spec: { replicas: 5, template: { spec: { containers: [{ name: 'a', image: UNSIGNED }] } } } };
    assert.equal((await ask(update('deployments', old, object))).allowed, false);
  });

  for (const [what, oldObject] of [
    ['no old object', null],
    ['an empty old object', {}],
    ['an old object that cannot be read', { spec: { containers: 'c0' } }],
    [
      'an old object of which one part cannot be read',
      { spec: { containers: [{ name: 'c0', image: UNSIGNED }], volumes: 1 } },
    ],
  ] as const) {
    test(`${what} exempts nothing`, async () => {
      const review = podReview([UNSIGNED], { operation: 'UPDATE', oldObject });
      assert.deepEqual(await ask(review), { allowed: false, asked: [UNSIGNED] });
    });
  }

  test('CREATE with an old object, which no API server sends, is checked in full', async () => {
    assert.equal((await ask(podReview([UNSIGNED], { oldObject: podOf([UNSIGNED]) }))).allowed, false);
  });
});

describe('terminating objects', () => {
  test('can lose a finalizer although nothing can be checked now', async () => {
    const review = update('pods', podOf([UNSIGNED], DELETED), podOf([UNSIGNED], { ...DELETED, finalizers: [] }));
    assert.equal((await ask(review, { decide: engineDown })).allowed, true);
  });

  test('can lose a finalizer whatever else is odd about them', async () => {
    const many = Array.from({ length: 1500 }, (_, index) => ({ name: `c${index}`, image: '' }));
    const odd = (metadata: Body): Body => objectOf('pods', { containers: many, imagePullSecrets: 7 }, metadata);
    assert.equal((await ask(update('pods', odd(DELETED), odd({ ...DELETED, finalizers: [] })))).allowed, true);
  });

  test('are checked where an image changes', async () => {
    const review = update('pods', podOf([SIGNED], DELETED), podOf([UNSIGNED], DELETED));
    assert.deepEqual(await ask(review), { allowed: false, asked: [UNSIGNED] });
  });

  test('are not made by a deletionTimestamp that a user writes on CREATE', async () => {
    assert.equal((await ask(reviewOf('pods', podOf([UNSIGNED], DELETED)))).allowed, false);
  });

  test('are not made by a deletionTimestamp in the new object only', async () => {
    assert.equal((await ask(update('pods', podOf([SIGNED]), podOf([UNSIGNED], DELETED)))).allowed, false);
  });
});

describe('what an object says of itself', () => {
  for (const [what, metadata] of [
    [
      'annotations of ours',
      {
        annotations: {
          'cosignet.dev/verified': 'true',
          'cosignet.dev/skip': 'true',
          'cosignet.dev/digest': 'sha256:0',
        },
      },
    ],
    [
      'labels of ours',
      { labels: { 'cosignet.dev/ignore': 'true', 'admission.cosignet.dev/ignore': 'true', app: 'cosignet' } },
    ],
    [
      'the mirror annotation',
      { annotations: { 'kubernetes.io/config.mirror': 'x', 'kubernetes.io/config.source': 'file' } },
    ],
    [
      'an owner',
      { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'a', uid: 'u', controller: true }] },
    ],
    [
      'a node as owner',
      { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u', controller: true }] },
    ],
    ['another namespace', { namespace: 'kube-system' }],
    ['our namespace', { namespace: 'cosignet' }],
  ] as const) {
    test(`${what}: changes nothing`, async () => {
      assert.deepEqual(await ask(reviewOf('pods', podOf([UNSIGNED], metadata))), { allowed: false, asked: [UNSIGNED] });
    });
  }

  test('replicas 0 changes nothing', async () => {
    const object = { spec: { replicas: 0, template: { spec: { containers: [{ name: 'a', image: UNSIGNED }] } } } };
    for (const resource of ['deployments', 'replicasets', 'statefulsets', 'replicationcontrollers']) {
      assert.equal((await ask(reviewOf(resource, object))).allowed, false, resource);
    }
  });
});

describe('exclusions', () => {
  for (const [namespace, allowed] of [
    ['kube-system', true],
    ['cosignet', true],
    ['default', false],
    ['kube-system-2', false],
    ['Kube-System', false],
    ['kube', false],
  ] as const) {
    test(`a Pod in ${namespace} is ${allowed ? 'not checked' : 'checked'}`, async () => {
      assert.deepEqual(await ask(podReview([UNSIGNED], { namespace })), { allowed, asked: allowed ? [] : [UNSIGNED] });
    });
  }

  test('outside of a cluster the empty own namespace excludes nothing', async () => {
    assert.equal((await ask(podReview([UNSIGNED], { namespace: '' }), { ownNamespace: '' })).allowed, false);
  });
});

describe('mirror pods', () => {
  const MIRROR = { annotations: { 'kubernetes.io/config.mirror': 'hash' } };
  const NODE = { userInfo: { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] } };

  test('made by a node are not checked', async () => {
    assert.deepEqual(await ask(reviewOf('pods', podOf([UNSIGNED], MIRROR), NODE)), { allowed: true, asked: [] });
  });

  for (const [what, review] of [
    ['the annotation by a user', reviewOf('pods', podOf([UNSIGNED], MIRROR))],
    ['a node without the annotation', reviewOf('pods', podOf([UNSIGNED]), NODE)],
    [
      'a user called like a node',
      reviewOf('pods', podOf([UNSIGNED], MIRROR), {
        userInfo: { username: 'system:node:n1', groups: ['system:authenticated'] },
      }),
    ],
    [
      'a group of a longer name',
      reviewOf('pods', podOf([UNSIGNED], MIRROR), { userInfo: { groups: ['system:nodes2', 'system:node'] } }),
    ],
    ['a label in place of the annotation', reviewOf('pods', podOf([UNSIGNED], { labels: MIRROR.annotations }), NODE)],
    ['an update by a node', update('pods', podOf([SIGNED], MIRROR), podOf([UNSIGNED], MIRROR), NODE)],
    [
      'a Deployment by a node',
      reviewOf('deployments', objectOf('deployments', { containers: [{ name: 'a', image: UNSIGNED }] }, MIRROR), NODE),
    ],
    [
      'a creation by a node in a sub-resource',
      reviewOf('pods', podOf([UNSIGNED], MIRROR), { ...NODE, subResource: 'ephemeralcontainers' }),
    ],
    [
      'ephemeral containers by a node',
      update('pods', podOf([SIGNED]), podOf([UNSIGNED], MIRROR), { ...NODE, subResource: 'ephemeralcontainers' }),
    ],
  ] as const) {
    test(`${what}: checked`, async () => {
      assert.equal((await ask(review)).allowed, false);
    });
  }
});
