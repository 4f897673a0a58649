// SPDX-License-Identifier: Apache-2.0
// Custom resources that the configuration names.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfiguration } from '../../../../../core/config/configuration.ts';
import type { PullIdentity } from '../../../../../core/registry/credentials/pull-identity.ts';
import { harness, objectOf, patchOf, pinnedFor, reviewOf, SIGNED, UNSIGNED, untilGone } from '../../reviews.ts';
import type { Body, Harness, Overrides } from '../../reviews.ts';

const { workloads } = parseConfiguration(`
workloads:
- {group: argoproj.io, version: v1alpha1, resource: rollouts, podSpec: spec.template.spec}
- {group: batch.example.com, version: v1, resource: sets, podSpec: 'spec.jobs[*].template.spec'}
- {group: tekton.dev, version: v1, resource: tasks, images: ['spec.steps[*].image', spec.stepTemplate.image]}
- {group: example.com, version: v1, resource: pods, podSpec: spec}
`);

const KINDS: Record<string, string> = { rollouts: 'Rollout', sets: 'Set', tasks: 'Task', pods: 'Pod' };

function customReview(resource: string, object: unknown, request: Body = {}): Body {
  const row = workloads.find((one) => one.resource === resource);
  assert.ok(row);
  const { group, version } = row;
  return reviewOf('', object, {
    kind: { group, version, kind: KINDS[resource] },
    resource: { group, version, resource },
    ...request,
  });
}

interface Asked extends Pick<Harness, 'asked'> {
  readonly allowed: boolean;
  readonly message: string;
  readonly patch: ReturnType<typeof patchOf>;
}

async function ask(review: Body, { configuration, ...rest }: Overrides = {}): Promise<Asked> {
  const { handle, asked } = harness({ configuration: { workloads, ...configuration }, ...rest });
  const answer = await handle('mutate', review, untilGone());
  const { allowed, status } = answer.response;
  return { allowed, message: status?.message ?? '', patch: patchOf(answer), asked };
}

const rollout = (image: unknown): Body => ({ spec: { template: { spec: { containers: [{ name: 'web', image }] } } } });
const task = (...images: readonly unknown[]): Body => ({ spec: { steps: images.map((image) => ({ image })) } });

const set = (...images: readonly string[]): Body => ({
  spec: { jobs: images.map((image) => ({ template: { spec: { containers: [{ name: 'a', image }] } } })) },
});

const job = (image: string, secret: string, serviceAccountName?: string): Body => ({
  template: {
    spec: { containers: [{ name: 'a', image }], imagePullSecrets: [{ name: secret }], serviceAccountName },
  },
});

async function update(resource: string, oldObject: Body, object: Body): Promise<readonly string[]> {
  return (await ask(customReview(resource, object, { operation: 'UPDATE', oldObject }))).asked;
}

describe('a custom resource', () => {
  test('is decided on because the configuration names it, and refused as unknown where it does not', async () => {
    const { allowed, message, asked } = await ask(customReview('rollouts', rollout(SIGNED)));
    assert.deepEqual([allowed, message, asked], [true, '', [SIGNED]]);
    const unknown = await ask(customReview('rollouts', rollout(SIGNED)), { configuration: { workloads: [] } });
    assert.equal(unknown.allowed, false);
    assert.match(unknown.message, /rollouts\.argoproj\.io .* carries no images that Cosignet knows/);
    assert.deepEqual(unknown.asked, []);
  });

  test('is refused for an image of its Pods like a template, in the same words', async () => {
    const { allowed, message } = await ask(customReview('rollouts', rollout(UNSIGNED)));
    assert.equal(allowed, false);
    const template = await ask(reviewOf('deployments', rollout(UNSIGNED)));
    assert.equal(message, template.message);
    assert.match(message, /^container "web": .*unsigned\/app:1 has no signature/);
  });

  test('is refused for an image in any place that a path leads to, which is named', async () => {
    const { allowed, message, asked } = await ask(customReview('tasks', task(SIGNED, UNSIGNED)));
    assert.equal(allowed, false);
    assert.match(message, /^field "spec\.steps\[1\]\.image": /);
    assert.deepEqual(asked, [SIGNED, UNSIGNED]);
    const single = await ask(customReview('tasks', { spec: { stepTemplate: { image: UNSIGNED } } }));
    assert.match(single.message, /^field "spec\.stepTemplate\.image": /);
  });

  test('may have its Pods in a list: each counts, with the pull secrets of all', async () => {
    const pulls: PullIdentity[] = [];
    const object = { spec: { jobs: [job(SIGNED, 'one'), job(UNSIGNED, 'two', 'robot')] } };
    const { asked, message } = await ask(customReview('sets', object), {
      keychainFor: (pull) => {
        pulls.push(pull);
        return { resolve: async () => [] };
      },
    });
    assert.deepEqual(asked, [SIGNED, UNSIGNED]);
    assert.match(message, /^container "a": .*unsigned/);
    assert.deepEqual(pulls, [{ namespace: 'default', imagePullSecrets: ['one', 'two'], serviceAccountName: 'robot' }]);
  });

  test('that gets its Pods or images elsewhere, or has them filled in, is left to those Pods', async () => {
    for (const review of [
      customReview('rollouts', { spec: { workloadRef: { kind: 'Deployment', name: 'web' } } }),
      customReview('tasks', { spec: { steps: [{ ref: { name: 'shared' } }] } }),
      customReview('tasks', task('$(params.image)', '', null)),
      customReview('rollouts', rollout('{{inputs.image}}')),
    ]) {
      const { allowed, asked } = await ask(review);
      assert.deepEqual([allowed, asked], [true, []], JSON.stringify(review));
    }
  });

  for (const [what, resource, object, message] of [
    ['a number as image', 'tasks', task(7), 'malformed Task: spec.steps[0].image: must be a string'],
    ['a text as list', 'tasks', { spec: { steps: 'a' } }, 'malformed Task: spec.steps: must be a list'],
    [
      'a text as PodSpec',
      'rollouts',
      { spec: { template: { spec: 'a' } } },
      'malformed Rollout: spec.template.spec: must be an object',
    ],
    [
      'a list as PodSpec',
      'rollouts',
      { spec: { template: { spec: [] } } },
      'malformed Rollout: spec.template.spec: must be an object',
    ],
    [
      'a text as container',
      'sets',
      { spec: { jobs: [{ template: { spec: { containers: ['a'] } } }] } },
      'malformed Set: spec.jobs[0].template.spec.containers[0]: must be an object',
    ],
    [
      'more images than anybody writes',
      'tasks',
      task(...Array.from({ length: 1001 }, () => SIGNED)),
      'more than 1000 images in one Task',
    ],
    ['no object', 'tasks', null, 'malformed AdmissionReview: request.object: must be an object'],
  ] as const) {
    test(`with ${what} is refused without asking the engine`, async () => {
      const { allowed, message: said, asked } = await ask(customReview(resource, object));
      assert.deepEqual([allowed, said, asked], [false, message, []]);
    });
  }

  for (const [what, request] of [
    ['another version', { resource: { group: 'tekton.dev', version: 'v2', resource: 'tasks' } }],
    ['another group', { resource: { group: 'evil.dev', version: 'v1', resource: 'tasks' } }],
    ['a kind of another group', { kind: { group: 'evil.dev', version: 'v1', kind: 'Task' } }],
    ['a sub-resource', { subResource: 'status', operation: 'UPDATE' }],
    ['no namespace', { namespace: '' }],
  ] as const) {
    test(`is refused in a review of ${what}: a wrong registration must not look like protection`, async () => {
      const { allowed, asked } = await ask(customReview('tasks', task(SIGNED), request));
      assert.deepEqual([allowed, asked], [false, []]);
    });
  }

  test('is pinned like a template: with pinDigests All, in every place', async () => {
    for (const [review, path] of [
      [customReview('rollouts', rollout(SIGNED)), '/spec/template/spec/containers/0/image'],
      [customReview('tasks', task('$(params.a)', SIGNED)), '/spec/steps/1/image'],
    ] as const) {
      assert.deepEqual((await ask(review)).patch, []);
      const { patch } = await ask(review, { configuration: { pinDigests: 'All' } });
      assert.deepEqual(patch, [{ op: 'replace', path, value: pinnedFor(SIGNED) }]);
    }
  });

  test('that is called Pod is no Pod', async () => {
    const object = objectOf('pods', { containers: [{ name: 'a', image: SIGNED }] });
    assert.deepEqual((await ask(customReview('pods', object))).patch, []);
    const mirror = objectOf(
      'pods',
      { containers: [{ name: 'a', image: UNSIGNED }] },
      { annotations: { 'kubernetes.io/config.mirror': 'x' } },
    );
    const review = customReview('pods', mirror, { userInfo: { username: 'n', groups: ['system:nodes'] } });
    assert.equal((await ask(review)).allowed, false);
  });
});

describe('an update of a custom resource', () => {
  test('leaves alone an image that was in the same place', async () => {
    assert.deepEqual(await update('tasks', task(UNSIGNED, 'a'), task(UNSIGNED, 'b')), ['b']);
    assert.deepEqual(await update('rollouts', rollout(UNSIGNED), rollout(UNSIGNED)), []);
  });

  test('checks what moved to another place', async () => {
    assert.deepEqual(await update('tasks', task('a', 'b'), task('b', 'a')), ['b', 'a']);
    const template = { spec: { stepTemplate: { image: 'a' } } };
    assert.deepEqual(await update('tasks', template, task('a')), ['a']);
    assert.deepEqual(await update('sets', set('a', 'b'), set('a', 'a')), ['a']);
  });

  test('checks all where the old object cannot be read', async () => {
    assert.deepEqual(await update('tasks', { spec: { steps: 'x' } }, task('a')), ['a']);
  });
});
