// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { imageSchemaPaths } from '../../../../../webhook/admission/request/image-fields.ts';
import {
  harness,
  objectOf,
  patchOf,
  pinnedFor,
  RESOURCES,
  reviewOf,
  SIGNED,
  UNSIGNED,
  untilGone,
} from '../../reviews.ts';
import type { Body } from '../../reviews.ts';

// Written out by hand from the Kubernetes API reference, not derived from the table under test.
const POINTERS: Record<string, string> = {
  pods: '/spec',
  podtemplates: '/template/spec',
  replicationcontrollers: '/spec/template/spec',
  daemonsets: '/spec/template/spec',
  deployments: '/spec/template/spec',
  replicasets: '/spec/template/spec',
  statefulsets: '/spec/template/spec',
  cronjobs: '/spec/jobTemplate/spec/template/spec',
  jobs: '/spec/template/spec',
};
const PLACES: [string, string, string, (image: unknown) => Body][] = [
  ['containers', 'container "c"', '/containers/1/image', (image) => twoOf('containers', { name: 'c', image })],
  [
    'initContainers',
    'init container "c"',
    '/initContainers/1/image',
    (image) => twoOf('initContainers', { name: 'c', image }),
  ],
  [
    'sidecars',
    'init container "c"',
    '/initContainers/1/image',
    (image) => twoOf('initContainers', { name: 'c', image, restartPolicy: 'Always' }),
  ],
  [
    'ephemeralContainers',
    'ephemeral container "c"',
    '/ephemeralContainers/1/image',
    (image) => twoOf('ephemeralContainers', { name: 'c', image }),
  ],
  [
    'volumes',
    'volume "c"',
    '/volumes/1/image/reference',
    (reference) => ({
      containers: [{ name: 'ok', image: pinnedFor(SIGNED) }],
      volumes: [
        { name: 'other', emptyDir: {} },
        { name: 'c', image: { reference } },
      ],
    }),
  ],
];

/** A good container first, then the one in question: a check of the first one only does not suffice. */
function twoOf(list: string, container: Body): Body {
  const good = { name: 'ok', image: pinnedFor(SIGNED) };
  return { containers: [good], [list]: [good, container] };
}

for (const resource of RESOURCES) {
  for (const [place, label, pointer, podSpec] of PLACES) {
    describe(`${place} of ${resource}`, () => {
      for (const endpoint of ['mutate', 'validate'] as const) {
        test(`an unsigned image is refused by ${endpoint} and the message names its place`, async () => {
          const review = reviewOf(resource, objectOf(resource, podSpec(UNSIGNED)));
          const { response } = await harness().handle(endpoint, review, untilGone());
          assert.equal(response.allowed, false);
          assert.equal(response.status?.code, 403);
          assert.ok(response.status?.message.includes(label), response.status?.message);
          assert.equal(response.patch, undefined);
        });
      }

      test('a signed image is admitted and pinned in its place', async () => {
        const { handle } = harness({ configuration: { pinDigests: 'All' } });
        const answer = await handle('mutate', reviewOf(resource, objectOf(resource, podSpec(SIGNED))), untilGone());
        assert.equal(answer.response.allowed, true);
        const path = `${POINTERS[resource]}${pointer}`;
        assert.deepEqual(patchOf(answer), [{ op: 'replace', path, value: pinnedFor(SIGNED) }]);
      });

      for (const [what, image] of [
        ['a number', 7],
        ['a list', ['a']],
        ['an object', {}],
        ['a boolean', true],
      ] as const) {
        test(`${what} in the place of an image is refused and the field is named`, async () => {
          const review = reviewOf(resource, objectOf(resource, podSpec(image)));
          const { response } = await harness().handle('validate', review, untilGone());
          assert.equal(response.allowed, false);
          const field = `${POINTERS[resource]}${pointer}`.slice(1).replace('/1/', '[1].').split('/').join('.');
          assert.ok((response.status?.message ?? '').endsWith(`${field}: must be a string`), field);
        });
      }

      test('an empty image is refused in a Pod, and left to its Pods in a template', async () => {
        for (const empty of ['', undefined, null]) {
          const review = reviewOf(resource, objectOf(resource, podSpec(empty)));
          const { response } = await harness().handle('validate', review, untilGone());
          assert.equal(response.allowed, resource !== 'pods');
          if (resource === 'pods') assert.ok(response.status?.message.includes(label));
        }
      });
    });
  }
}

describe('malformed shapes', () => {
  for (const [what, object, message] of [
    ['no spec', { metadata: {} }, 'malformed Pod: spec: must be an object'],
    ['a list as spec', { spec: [] }, 'malformed Pod: spec: must be an object'],
    ['an object as list', { spec: { containers: { image: 'a' } } }, 'malformed Pod: spec.containers: must be a list'],
    ['a text as list', { spec: { initContainers: 'a' } }, 'malformed Pod: spec.initContainers: must be a list'],
    [
      'a text as container',
      { spec: { ephemeralContainers: ['a'] } },
      'malformed Pod: spec.ephemeralContainers[0]: must be an object',
    ],
    ['null as container', { spec: { containers: [null] } }, 'malformed Pod: spec.containers[0]: must be an object'],
    [
      'a number as name',
      { spec: { containers: [{ name: 1, image: 'a' }] } },
      'malformed Pod: spec.containers[0].name: must be a string',
    ],
    [
      'a text as image volume',
      { spec: { volumes: [{ name: 'v', image: 'a' }] } },
      'malformed Pod: spec.volumes[0].image.reference: must be a string',
    ],
    [
      'pull secrets in one text',
      { spec: { containers: [{ image: 'a' }], imagePullSecrets: 's' } },
      'malformed Pod: spec.imagePullSecrets: must be a list',
    ],
    [
      'a text as pull secret',
      { spec: { containers: [{ image: 'a' }], imagePullSecrets: ['s'] } },
      'malformed Pod: spec.imagePullSecrets[0]: must be',
    ],
    [
      'a number as service account',
      { spec: { containers: [{ image: 'a' }], serviceAccountName: 1 } },
      'malformed Pod: spec.serviceAccountName: must be a string',
    ],
    [
      'more images than any Pod has',
      { spec: { containers: Array.from({ length: 1001 }, (_, index) => ({ name: `c${index}`, image: SIGNED })) } },
      'more than 1000 images in one Pod',
    ],
    [
      'more pull secrets than any Pod has',
      { spec: { containers: [{ image: 'a' }], imagePullSecrets: Array.from({ length: 65 }, () => ({ name: 's' })) } },
      'malformed Pod: spec.imagePullSecrets: more than 64 entries',
    ],
    ['no object at all', null, 'malformed AdmissionReview: request.object: must be an object'],
  ] as const) {
    test(`${what}: refused without asking the engine`, async () => {
      const { handle, asked } = harness();
      const { response } = await handle('validate', reviewOf('pods', object), untilGone());
      assert.equal(response.allowed, false);
      assert.equal(response.status?.code, 400);
      assert.ok(response.status.message.startsWith(message), response.status.message);
      assert.deepEqual(asked, []);
    });
  }

  test('lists that are null, as Go writes empty ones, hold nothing', async () => {
    const object = {
      spec: { containers: [{ name: 'a', image: pinnedFor(SIGNED) }], initContainers: null, volumes: null },
    };
    assert.equal((await harness().handle('validate', reviewOf('pods', object), untilGone())).response.allowed, true);
  });
});

describe('what carries no images', () => {
  for (const [what, request] of [
    [
      'another resource',
      {
        resource: { group: '', version: 'v1', resource: 'configmaps' },
        kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      },
    ],
    [
      'a resource of the same name in another group',
      { resource: { group: 'evil.io', version: 'v1', resource: 'pods' } },
    ],
    [
      'another version',
      { resource: { group: '', version: 'v2', resource: 'pods' }, kind: { group: '', version: 'v2', kind: 'Pod' } },
    ],
    [
      'a kind of the same group that does not fit its resource',
      { kind: { group: '', version: 'v1', kind: 'PodTemplate' } },
    ],
    ['a kind that does not fit its resource', { kind: { group: 'apps', version: 'v1', kind: 'Deployment' } }],
    [
      'pods/exec',
      { subResource: 'exec', kind: { group: '', version: 'v1', kind: 'PodExecOptions' }, operation: 'CONNECT' },
    ],
    ['pods/status', { subResource: 'status', operation: 'UPDATE' }],
    [
      'deployments/scale',
      {
        resource: { group: 'apps', version: 'v1', resource: 'deployments' },
        subResource: 'scale',
        kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
        operation: 'UPDATE',
      },
    ],
    [
      'a Deployment with a sub-resource of Pods',
      {
        resource: { group: 'apps', version: 'v1', resource: 'deployments' },
        subResource: 'ephemeralcontainers',
        kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      },
    ],
    [
      'DELETE of another resource',
      {
        resource: { group: '', version: 'v1', resource: 'secrets' },
        kind: { group: '', version: 'v1', kind: 'Secret' },
        operation: 'DELETE',
      },
    ],
    ['CONNECT to a Pod', { operation: 'CONNECT' }],
    ['a Pod without a namespace', { namespace: '' }],
  ] as const) {
    test(`${what}: refused, as a wrong registration must not look like protection`, async () => {
      const { handle } = harness();
      for (const endpoint of ['mutate', 'validate'] as const) {
        const { response } = await handle(
          endpoint,
          reviewOf('pods', objectOf('pods', { containers: [] }), request),
          untilGone(),
        );
        assert.equal(response.allowed, false);
        assert.equal(response.status?.code, 400);
      }
    });
  }

  test('DELETE of a workload is allowed: nothing starts by it', async () => {
    const { handle, asked } = harness();
    const review = reviewOf('pods', null, {
      operation: 'DELETE',
      oldObject: objectOf('pods', twoOf('containers', { image: UNSIGNED })),
    });
    assert.equal((await handle('validate', review, untilGone())).response.allowed, true);
    assert.deepEqual(asked, []);
  });
});

describe('imageSchemaPaths', () => {
  test('lists four paths for each of the nine kinds, dotted from the object', () => {
    const paths = imageSchemaPaths().map(({ apiVersion, kind, path }) => `${apiVersion} ${kind} ${path}`);
    assert.equal(new Set(paths).size, 36);
    for (const expected of [
      'v1 Pod spec.ephemeralContainers[].image',
      'v1 Pod spec.volumes[].image.reference',
      'v1 PodTemplate template.spec.containers[].image',
      'apps/v1 Deployment spec.template.spec.initContainers[].image',
      'batch/v1 CronJob spec.jobTemplate.spec.template.spec.volumes[].image.reference',
    ]) {
      assert.ok(paths.includes(expected), expected);
    }
  });
});
