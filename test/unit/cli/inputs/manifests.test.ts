// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { readManifests, type Manifests } from '../../../../cli/inputs/manifests.ts';
import { parseConfiguration } from '../../../../core/config/configuration.ts';
import type { Terminal } from '../../../../cli/output/terminal.ts';
import { WORKLOADS } from '../../../../webhook/admission/request/workloads.ts';

function terminalWith(text: string | Uint8Array): Terminal {
  return {
    out: () => undefined,
    err: () => undefined,
    input: () => Readable.from([Buffer.from(text)]),
    environment: {},
    signal: new AbortController().signal,
  };
}

const read = (text: string | Uint8Array, configuration = ''): Promise<Manifests> =>
  readManifests(['-'], terminalWith(text), parseConfiguration(configuration).workloads);

async function shown(text: string, configuration?: string): Promise<readonly string[]> {
  const { images } = await read(text, configuration);
  return images.map(({ image, namespace = '-', place }) => `${place.line} ${namespace} ${image} ${place.object}`);
}

async function fault(text: string | Uint8Array, configuration?: string): Promise<string> {
  try {
    await read(text, configuration);
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : 'no error';
  }
  return 'nothing is wrong';
}

const named = (resource: string) =>
  `workloads: [{group: tekton.dev, version: v1, resource: ${resource}, images: ['spec.steps[*].image', 'spec.pod.containers[*].image']}]`;

describe('rendered manifests', () => {
  test('give every image of every list of a Pod, with its place', async () => {
    const { images } = await read(`apiVersion: v1
kind: Pod
metadata: {name: all, namespace: shop}
spec:
  initContainers:
  - {name: i, image: example.com/i}
  containers:
  - name: a
    image: example.com/a
  - name: b
    image: example.com/b
  ephemeralContainers:
  - {name: e, image: example.com/e}
  volumes:
  - {name: none, emptyDir: {}}
  - name: v
    image:
      reference: example.com/v
`);
    assert.deepEqual(
      images.map(({ image, place: { line, field } }) => [image, line, field]),
      [
        ['example.com/a', 9, 'spec.containers[0].image'],
        ['example.com/b', 11, 'spec.containers[1].image'],
        ['example.com/i', 6, 'spec.initContainers[0].image'],
        ['example.com/e', 13, 'spec.ephemeralContainers[0].image'],
        ['example.com/v', 18, 'spec.volumes[1].image.reference'],
      ],
    );
    assert.equal(images[0]?.place.file, '-');
    assert.equal(images[0]?.place.object, 'Pod shop/all');
    assert.equal(images[0]?.namespace, 'shop');
  });

  for (const { group, version, kind, podSpec } of WORKLOADS) {
    test(`give the images of a ${kind}`, async () => {
      let value: object = { containers: [{ name: 'a', image: 'example.com/a' }] };
      for (const field of podSpec.toReversed()) value = { [field]: value };
      const apiVersion = group === '' ? version : `${group}/${version}`;
      const [line] = await shown(JSON.stringify({ apiVersion, kind, metadata: { name: 'x' }, ...value }));
      assert.equal(line, `1 - example.com/a ${kind} x`);
    });
  }

  test('give those of custom resources that hold Pods, and of nothing that only looks like it', async () => {
    const text = `apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web}
spec: {template: {spec: {containers: [{image: example.com/rollout}]}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rollouts}
spec: {schema: {properties: {containers: {type: array, items: {image: {type: string}}}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: text}
data: {pod.yaml: "containers: [{image: example.com/text}]"}
`;
    assert.deepEqual(await shown(text), ['4 - example.com/rollout Rollout web']);
  });

  describe('of custom resources that the configuration names', () => {
    const task = `apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: build, namespace: ci}
spec:
  steps:
  - image: example.com/a
  - {image: $(params.image)}
  - {ref: {name: shared}}
  pod: {containers: [{image: example.com/b}]}
`;

    test('give what is at the paths, each once, whatever their version', async () => {
      assert.deepEqual(await shown(task), ['9 ci example.com/b Task ci/build']);
      const found = ['9 ci example.com/b Task ci/build', '6 ci example.com/a Task ci/build'];
      assert.deepEqual(await shown(task, named('tasks')), found);
      assert.deepEqual(await shown(task.replace('tekton', 'other'), named('tasks')), [
        '9 ci example.com/b Task ci/build',
      ]);
    });

    for (const [kind, resource] of [
      ['Gateway', 'gateways'],
      ['Proxy', 'proxies'],
      ['Ingress', 'ingresses'],
      ['Sheep', 'sheep'],
    ] as const) {
      test(`know ${kind} as ${resource}`, async () => {
        assert.equal((await shown(task.replace('Task', kind), named(resource))).length, 2);
      });
    }

    test('are refused where they have another shape', async () => {
      assert.match(
        await fault('apiVersion: tekton.dev/v1\nkind: Task\nspec:\n  steps: x\n', named('tasks')),
        /^UsageError: -:4: spec\.steps: must be a list$/,
      );
      assert.match(
        await fault('apiVersion: tekton.dev/v1\nkind: Task\nspec: {steps: [{image: 7}]}\n', named('tasks')),
        /^UsageError: -:3: spec\.steps\[0\]\.image: must be a string$/,
      );
    });
  });

  test('are of several documents, empty ones too, and of Lists, with merged anchors, as helm and kubectl write them', async () => {
    const text = `---
# Source: shop/templates/a.yaml
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: one, namespace: a}
  spec: {containers: [{image: example.com/one}]}
- apiVersion: v1
  kind: Pod
  metadata: {generateName: two-}
  spec: &two
    containers: [{image: example.com/two}]
---
apiVersion: v1
kind: PodList
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: three}
  spec:
    <<: *two
`.replace('<<: *two', 'containers: [{<<: {image: example.com/three}}]');
    assert.deepEqual(await shown(text), [
      '10 a example.com/one Pod a/one',
      '15 - example.com/two Pod two-',
      '24 - example.com/three Pod three',
    ]);
  });

  test('leave out what is filled in later in a template, and not in a Pod', async () => {
    const template = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{image: " "}, {name: none}, {image: example.com/a}]}}}
`;
    assert.deepEqual(await shown(template), ['4 - example.com/a Deployment web']);
    const pod = `apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{image: ""}]}
`;
    assert.deepEqual(await shown(pod), ['4 -  Pod web']);
  });

  test('give the labels of Namespaces', async () => {
    const { namespaces } = await read(
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {tier: gold, n: 1}}\n',
    );
    assert.deepEqual([...namespaces], [['shop', { tier: 'gold' }]]);
  });

  for (const [what, text, expected] of [
    ['is no YAML', 'apiVersion: v1\nkind: [', /^UsageError: -:\d: /],
    ['has a key twice', 'apiVersion: v1\nkind: Pod\nkind: Job\n', /^UsageError: -:3: Map keys must be unique/],
    ['is no object', 'apiVersion: v1\nkind: Pod\n---\n- 1\n', /^UsageError: -:4: not a Kubernetes object/],
    [
      'has no kind',
      'image: example.com/a\n',
      /^UsageError: -:1: not a Kubernetes object: it has no apiVersion and kind/,
    ],
    [
      'has an image that is no text',
      'apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: 7\n',
      /^UsageError: -:5: spec\.containers\[0\]\.image: must be a string$/,
    ],
    ['is not UTF-8', Buffer.from([0x61, 0xff]), /^UsageError: -: /],
  ] as const) {
    test(`are refused with file and line where something ${what}`, async () => {
      assert.match(await fault(text), expected);
    });
  }

  test('are refused where aliases unfold to too much', async () => {
    const levels = Array.from(
      { length: 12 },
      (_, index) => `  l${index + 1}: &l${index + 1} [${`*l${index},`.repeat(9)}]`,
    );
    const text = `apiVersion: v1\nkind: Pod\nspec:\n  l0: &l0 [1]\n${levels.join('\n')}\n`;
    assert.match(await fault(text), /^UsageError: -: .*alias/);
  });

  describe('in files', () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    });
    after(() => rm(folder, { recursive: true }));

    test('are those of a folder, with its names; one that is not there is refused', async () => {
      await writeFile(
        path.join(folder, 'pod.yaml'),
        'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{image: x}]}\n',
      );
      await writeFile(path.join(folder, 'README.md'), 'nothing');
      const { images } = await readManifests([folder], terminalWith(''));
      assert.deepEqual(
        images.map(({ place: { file, line } }) => [file, line]),
        [[path.join(folder, 'pod.yaml'), 4]],
      );
      await assert.rejects(
        readManifests([path.join(folder, 'none.yaml')], terminalWith('')),
        /none\.yaml: no such file or folder/,
      );
    });
  });
});
