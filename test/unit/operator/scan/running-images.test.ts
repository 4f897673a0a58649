// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  createPodKeeper,
  runningImage,
  runningImages,
  type PodObject,
} from '../../../../operator/scan/running-images.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;

const containers = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `c-${index}`, image: `docker.io/acme/app:${index}` }));

describe('what runs of an image', () => {
  const HUB = `docker.io/library/nginx@${DIGEST}`;
  for (const [what, written, imageId, image, runs] of [
    ['gets the digest that the node pulled', 'nginx:1', HUB, `docker.io/library/nginx:1@${DIGEST}`, HUB],
    [
      'also with the prefix of docker',
      'acme/app',
      `docker-pullable://acme/app@${DIGEST}`,
      `docker.io/acme/app:latest@${DIGEST}`,
      `docker.io/acme/app@${DIGEST}`,
    ],
    [
      'tells another repository apart, whose digest is none of its own',
      'nginx:1',
      `example.com/nginx@${DIGEST}`,
      'nginx:1',
      `example.com/nginx@${DIGEST}`,
    ],
    ['is as written where that has a digest', `nginx@${DIGEST}`, HUB.replace(DIGEST, OTHER), `nginx@${DIGEST}`],
    ['is as written where the node names an image of its own', 'nginx:1', DIGEST, 'nginx:1'],
    ['is as written where nothing is known', 'nginx:1', '', 'nginx:1'],
    ['is as written where that is no reference', 'NOT:', HUB, 'NOT:'],
    ['is as written where the node writes nonsense', 'nginx:1', '<img>@@', 'nginx:1'],
  ] as const) {
    test(what, () =>
      assert.deepEqual(runningImage(written, imageId), { image, written, ...(runs !== undefined && { runs }) }),
    );
  }
});

describe('the images of a Pod', () => {
  const pod: PodObject = {
    metadata: { name: 'app-1', namespace: 'shop', resourceVersion: '7', labels: { big: 'x'.repeat(60) } },
    spec: {
      containers: [
        { name: 'a', image: 'example.com/a:1' },
        { name: 'b', image: 'example.com/b:1' },
        { name: 'again', image: 'example.com/b:1' },
      ],
      initContainers: [{ name: 'i', image: 'example.com/i:1' }],
      ephemeralContainers: [{ name: 'e', image: 'example.com/e:1' }],
      volumes: [{}, { image: {} }, { image: { reference: 'example.com/v:1' } }],
      imagePullSecrets: [{ name: 'pull' }, {}],
    },
    status: {
      // In another order than the containers: they are told apart by name.
      containerStatuses: [
        { name: 'b', imageID: `example.com/b@${OTHER}` },
        { name: 'a', imageID: `example.com/a@${DIGEST}` },
      ],
      initContainerStatuses: [{ name: 'i', imageID: `example.com/i@${DIGEST}` }],
      ephemeralContainerStatuses: [{ name: 'e', imageID: `example.com/e@${DIGEST}` }],
    },
  };

  test('are those of all containers and volumes; one that the node tells no digest of stays as written', () => {
    const { images } = runningImages(pod);
    assert.deepEqual(
      images.map(({ image }) => image),
      [
        `example.com/a:1@${DIGEST}`,
        `example.com/b:1@${OTHER}`,
        'example.com/b:1',
        `example.com/i:1@${DIGEST}`,
        `example.com/e:1@${DIGEST}`,
        'example.com/v:1',
      ],
    );
  });

  test('come with what they were pulled with', () => {
    const { imagePullSecrets, serviceAccountName } = runningImages(pod);
    assert.deepEqual(
      { imagePullSecrets, serviceAccountName },
      { imagePullSecrets: ['pull'], serviceAccountName: 'default' },
    );
  });

  test('are all that is kept of a Pod, once for all Pods that run the same', () => {
    const keep = createPodKeeper();
    const kept = keep(pod);
    const sibling = keep({ ...pod, metadata: { name: 'app-2', namespace: 'shop', resourceVersion: '8' } });
    assert.deepEqual(kept.metadata, { name: 'app-1', namespace: 'shop', resourceVersion: '7' });
    assert.deepEqual(Object.keys(kept), ['metadata', 'runs']);
    assert.equal(kept.runs, sibling.runs);
  });

  test('are so many of a Pod at most, and what is left out is told', () => {
    const keep = createPodKeeper();
    for (const [count, left] of [
      [64, []],
      [65, ['images']],
    ] as const) {
      const cut: string[] = [];
      const { runs } = keep({ metadata: { name: 'many' }, spec: { containers: containers(count) } }, cut);
      assert.deepEqual([runs?.images.length, cut], [64, left]);
    }
  });

  test('are none where a Pod has nothing', () => {
    assert.deepEqual(runningImages({ metadata: { name: 'empty' } }).images, []);
  });
});
