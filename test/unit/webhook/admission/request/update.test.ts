// SPDX-License-Identifier: Apache-2.0
// What an update or an open template leaves unchecked, and nothing more.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  digestFor,
  harness,
  objectOf,
  patchOf,
  pinnedFor,
  reviewOf,
  SIGNED,
  UNSIGNED,
  untilGone,
} from '../../reviews.ts';
import type { Body } from '../../reviews.ts';

async function asked(resource: string, object: Body, request: Body = {}): Promise<readonly string[]> {
  const { handle, asked: images } = harness();
  await handle('validate', reviewOf(resource, object, request), untilGone());
  return images;
}

function podSpec(images: readonly string[]): Body {
  return { containers: images.map((image) => ({ name: 'same', image })) };
}

describe('an update', () => {
  test('leaves alone each image that one container of the name had', async () => {
    const oldObject = objectOf('pods', podSpec(['a', 'b']));
    assert.deepEqual(
      await asked('pods', objectOf('pods', podSpec(['b', 'a'])), { operation: 'UPDATE', oldObject }),
      [],
    );
    assert.deepEqual(await asked('pods', objectOf('pods', podSpec(['b', 'c'])), { operation: 'UPDATE', oldObject }), [
      'c',
    ]);
  });
});

test('an image that a template leaves open is left to its Pods, which are checked', async () => {
  const { handle, asked: images } = harness();
  const open = { containers: [{ name: 'a', image: '' }] };
  const template = await handle('validate', reviewOf('jobs', objectOf('jobs', open)), untilGone());
  assert.equal(template.response.allowed, true);
  const pod = await handle('validate', reviewOf('pods', objectOf('pods', open)), untilGone());
  assert.equal(pod.response.allowed, false);
  assert.match(pod.response.status?.message ?? '', /no image is named/);
  assert.deepEqual(images, []);
});

describe('what no Pod can start with', () => {
  for (const image of ['', ' ', '\t', '$(IMAGE)', '{{ .Values.image }}', 'no image', '<none>']) {
    test(`${JSON.stringify(image)} passes in templates, and not in a Pod`, async () => {
      const open = { containers: [{ name: 'a', image }] };
      for (const resource of ['deployments', 'statefulsets', 'cronjobs']) {
        const { response } = await harness().handle(
          'validate',
          reviewOf(resource, objectOf(resource, open)),
          untilGone(),
        );
        assert.equal(response.allowed, true, resource);
      }
      const { response } = await harness().handle('validate', reviewOf('pods', objectOf('pods', open)), untilGone());
      assert.equal(response.allowed, false);
    });
  }

  test('is not what some Pod could: that is checked in templates too', async () => {
    for (const image of ['Nginx:1', 'nginx:', 'a_b.io/x', `x@sha512:${'a'.repeat(128)}`, 'nginx/', UNSIGNED]) {
      const object = objectOf('deployments', podSpec([image]));
      assert.deepEqual(await asked('deployments', object), [image]);
    }
  });
});

async function apply(
  resource: string,
  image: string,
  held: string,
  endpoint: 'mutate' | 'validate' = 'mutate',
): Promise<{ images: readonly string[]; patch: ReturnType<typeof patchOf>; allowed: boolean }> {
  const { handle, asked: images } = harness();
  const request = { operation: 'UPDATE', oldObject: objectOf(resource, podSpec([held])) };
  const review = await handle(endpoint, reviewOf(resource, objectOf(resource, podSpec([image])), request), untilGone());
  return { images, patch: patchOf(review), allowed: review.response.allowed };
}

describe('a tag that is applied again to a Job, whose images are immutable', () => {
  test('is checked as the digest that it was pinned to, and stays pinned to it', async () => {
    const { images, patch, allowed } = await apply('jobs', SIGNED, pinnedFor(SIGNED));
    assert.equal(allowed, true);
    assert.deepEqual(images, [pinnedFor(SIGNED)]);
    const path = '/spec/template/spec/containers/0/image';
    assert.deepEqual(patch, [{ op: 'replace', path, value: pinnedFor(SIGNED) }]);
  });

  test('is refused where that digest is not signed', async () => {
    const { patch, allowed } = await apply('jobs', UNSIGNED, `${UNSIGNED}@${digestFor('x')}`);
    assert.deepEqual([allowed, patch], [false, []]);
  });

  test('is taken as written where it is another tag, and in what may change', async () => {
    for (const [resource, held] of [
      ['jobs', pinnedFor(`${SIGNED}0`)],
      ['jobs', pinnedFor(UNSIGNED)],
      ['deployments', pinnedFor(SIGNED)],
    ] as const) {
      const { images, patch } = await apply(resource, SIGNED, held);
      assert.deepEqual([images, patch], [[SIGNED], []], `${resource} ${held}`);
    }
  });

  test('gets no patch from the validating webhook, which can not give one', async () => {
    const { patch, allowed } = await apply('jobs', SIGNED, pinnedFor(SIGNED), 'validate');
    assert.deepEqual([allowed, patch], [true, []]);
  });
});
