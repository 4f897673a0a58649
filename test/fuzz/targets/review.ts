// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { silentLogger } from '../../../core/observe.ts';
import type { Decide } from '../../../core/verdict/types.ts';
import { shapeOf } from '../../../core/json-shape.ts';
import { HttpFault, parseJson, SHAPE_LIMITS } from '../../../webhook/http/body.ts';
import { createReviewHandler } from '../../../webhook/admission/handler.ts';
import { mutateJson } from '../engine/structured.ts';
import type { Target } from '../engine/target.ts';
import { requireLine } from './refusals.ts';

/** Ten images of 1,500 characters each, and how many more there are. */
const LONGEST_REFUSAL = 16_000;

const EXCLUDED: ReadonlySet<unknown> = new Set(['cosignet', 'kube-system']);

const denyAll: Decide = async ({ image }) => ({
  image,
  outcome: 'denied',
  mode: 'Enforce',
  code: 'NoSignature',
  policies: ['all'],
  message: `image ${JSON.stringify(image)} has no signature`,
  remedy: 'Sign it',
  signers: [],
  registryRequests: 0,
});

const handle = createReviewHandler({
  decide: denyAll,
  namespaceContext: async (name) => ({ name, labels: {} }),
  keychainFor: () => ({ resolve: async () => [] }),
  configuration: () => ({
    enforcement: 'PerPolicy',
    pinDigests: 'All',
    excludedNamespaces: ['kube-system'],
    auditedNamespaces: [],
    workloads: [
      {
        group: 'example.com',
        version: 'v1',
        resource: 'runs',
        podSpec: ['spec', 'template', 'spec'],
        images: [['spec', 'steps', '*', 'image']],
      },
    ],
    deadlineSeconds: 9,
  }),
  ownNamespace: 'cosignet',
  log: silentLogger,
  clock: Date.now,
  observe: { request() {}, denied() {} },
});

/**
 * Input: the body of a review, checked by an engine that denies everything. The handler never rejects, and answers with
 * the request's uid and one plain line; it admits only where nothing new would run.
 */
export const review: Target = {
  name: 'review',
  maximumBytes: 256 * 1024,
  maximumMilliseconds: 500,
  mutators: [mutateJson],
  dictionary: [
    'containers',
    'initContainers',
    'ephemeralContainers',
    'volumes',
    'image',
    'reference',
    'operation',
    'UPDATE',
    'CREATE',
    'DELETE',
    'CONNECT',
    'oldObject',
    'object',
    'namespace',
    'subResource',
    'ephemeralcontainers',
    'kubernetes.io/config.mirror',
    'system:nodes',
    'deletionTimestamp',
    'ownerReferences',
    'kube-system',
    'scale',
    'jobTemplate',
    'template',
    'spec',
  ],
  check: async (input) => {
    const parsed = bodyOf(input);
    if (parsed === undefined) return;
    const { body } = parsed;
    for (const endpoint of ['validate', 'mutate'] as const) {
      const { response } = await handle(endpoint, body, new AbortController());
      assert.equal(response.patch, undefined);
      const uid = at(at(body, 'request'), 'uid');
      assert.ok(response.uid === uid || response.uid === '', 'another uid');
      if (response.allowed) requireNothingNew(body);
      else requireLines(response.status?.message ?? '');
      assert.ok(JSON.stringify(response).length < 64 * 1024, 'a very long answer');
    }
  },
};

function bodyOf(input: Buffer): { readonly body: unknown } | undefined {
  const shape = shapeOf(input, SHAPE_LIMITS);
  // Such a body is refused while it comes.
  if (typeof shape === 'string') return undefined;
  try {
    return { body: parseJson({ bytes: input, containers: shape.containers, charge: () => {} }) };
  } catch (error) {
    if (!(error instanceof HttpFault)) throw error;
    requireLine(error.message);
    return undefined;
  }
}

/** What may be admitted unchecked, written apart from the tables under test: any `image` in any list counts. */
function requireNothingNew(body: unknown): void {
  const request = at(body, 'request');
  if (EXCLUDED.has(at(request, 'namespace')) || at(request, 'operation') === 'DELETE') return;
  if (isMirrorPod(request)) return;
  const resource = at(at(request, 'resource'), 'resource');
  const held = at(request, 'operation') === 'UPDATE' ? imagesIn(resource, at(request, 'oldObject')) : [];
  for (const image of imagesIn(resource, at(request, 'object'))) {
    if (resource !== 'pods' && !mayBeRead(image)) continue;
    assert.ok(held.includes(image), `admitted ${JSON.stringify(image)} unchecked`);
  }
}

/** In a template, what no kubelet can read is left to what fills it in; of a Pod everything is decided. */
function mayBeRead(image: string): boolean {
  return image !== '' && image.replaceAll(/[A-Z0-9]/gi, '').replaceAll(/[-._/:@[\]+]/g, '') === '';
}

function isMirrorPod(request: unknown): boolean {
  const groups = at(at(request, 'userInfo'), 'groups');
  const annotations = at(at(at(request, 'object'), 'metadata'), 'annotations');
  return (
    Array.isArray(groups) &&
    groups.includes('system:nodes') &&
    at(request, 'operation') === 'CREATE' &&
    at(at(request, 'resource'), 'resource') === 'pods' &&
    typeof at(annotations, 'kubernetes.io/config.mirror') === 'string'
  );
}

const POD_SPECS = new Map([
  ['pods', ['spec']],
  ['podtemplates', ['template', 'spec']],
  ['cronjobs', ['spec', 'jobTemplate', 'spec', 'template', 'spec']],
]);
const LISTS = ['containers', 'initContainers', 'ephemeralContainers', 'volumes'];

/** Every image text of the PodSpec, where the resource keeps it. */
function imagesIn(resource: unknown, object: unknown): readonly string[] {
  const podSpec = (POD_SPECS.get(String(resource)) ?? ['spec', 'template', 'spec']).reduce(at, object);
  return LISTS.flatMap((list) => entriesOf(at(podSpec, list)).flatMap(imageOf));
}

function entriesOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function imageOf(entry: unknown): readonly string[] {
  const image = at(entry, 'image');
  const text = typeof image === 'string' ? image : at(image, 'reference');
  return typeof text === 'string' ? [text] : [];
}

function at(holder: unknown, field: string): unknown {
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, field)
    ? Reflect.get(holder, field)
    : undefined;
}

/** A line an image. */
function requireLines(message: string): void {
  assert.ok(message.length <= LONGEST_REFUSAL, 'a long message');
  for (const line of message.split('\n')) requireLine(line, LONGEST_REFUSAL);
}
