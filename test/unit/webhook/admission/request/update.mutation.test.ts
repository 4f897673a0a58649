// SPDX-License-Identifier: Apache-2.0
// What an update or an open template leaves unjudged, and nothing more.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { harness, objectOf, reviewOf, untilGone } from '../../reviews.ts';
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

test('an image that a template leaves open is left to its Pods, which are judged', async () => {
  const { handle, asked: images } = harness();
  const open = { containers: [{ name: 'a', image: '' }] };
  const template = await handle('validate', reviewOf('jobs', objectOf('jobs', open)), untilGone());
  assert.equal(template.response.allowed, true);
  const pod = await handle('validate', reviewOf('pods', objectOf('pods', open)), untilGone());
  assert.equal(pod.response.allowed, false);
  assert.match(pod.response.status?.message ?? '', /no image is named/);
  assert.deepEqual(images, []);
});
