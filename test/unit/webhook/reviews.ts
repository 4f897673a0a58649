// SPDX-License-Identifier: Apache-2.0
// Builders for the tests of the webhook: reviews as an API server writes them, and an engine that knows its images by name.
import assert from 'node:assert/strict';
import { digestOf } from '../../../core/image/digest.ts';
import { silentLogger } from '../../../core/observe.ts';
import { createReviewHandler } from '../../../webhook/admission/handler.ts';
import type { Denial, ReviewRecord } from '../../../core/verdict/review-record.ts';
import type { ReviewHandler, ReviewHandlerDependencies } from '../../../webhook/admission/handler.ts';
import type { CallerPresence } from '../../../webhook/http/door.ts';
import type { Digest } from '../../../core/image/digest.ts';
import type { Decide, Verdict } from '../../../core/verdict/types.ts';
import type { AdmissionReviewResponse } from '../../../webhook/admission/answer/response.ts';

export const SIGNED = 'registry.example.com/signed/app:1';
export const UNSIGNED = 'registry.example.com/unsigned/app:1';

export type Body = Record<string, unknown>;

/** The digest that the engine below resolves an image to. */
export function digestFor(image: string): Digest {
  return digestOf(Buffer.from(image));
}

/** The text that a verified tag is pinned to. */
export function pinnedFor(image: string): string {
  return `${image}@${digestFor(image)}`;
}

export function verdictFor(image: string, change: Partial<Verdict> = {}): Verdict {
  const signed = image.startsWith('registry.example.com/signed/');
  const at = image.indexOf('@');
  const named = at < 0 ? image : image.slice(0, at);
  const digest = at < 0 ? digestFor(image) : image.slice(at + 1);
  return {
    image,
    resolved: `${named.replace(/:\w+$/, '')}@${digest}`,
    outcome: signed ? 'allowed' : 'denied',
    mode: 'Enforce',
    code: signed ? 'Verified' : 'NoSignature',
    policies: ['test'],
    message: signed ? `image ${image} is signed` : `image ${image} has no signature`,
    remedy: signed ? '' : `Sign it: cosign sign ${image}`,
    signers: [],
    registryRequests: 1,
    ...change,
  };
}

export const decideByName: Decide = async ({ image }) => verdictFor(image);

export interface Harness {
  readonly handle: ReviewHandler;
  /** Images asked of the engine, in order. */
  readonly asked: string[];
  readonly denials: Denial[];
  readonly records: ReviewRecord[];
  readonly results: string[];
}

export type Overrides = Partial<Omit<ReviewHandlerDependencies, 'configuration'>> & {
  readonly configuration?: Partial<ReturnType<ReviewHandlerDependencies['configuration']>>;
};

export function harness({ configuration, decide = decideByName, ...rest }: Overrides = {}): Harness {
  const asked: string[] = [];
  const denials: Denial[] = [];
  const records: ReviewRecord[] = [];
  const results: string[] = [];
  const handle = createReviewHandler({
    namespaceContext: async (name) => ({ name, labels: {} }),
    keychainFor: () => ({ resolve: async () => [] }),
    configuration: () => ({
      enforcement: 'PerPolicy',
      pinDigests: 'Pods',
      excludedNamespaces: ['kube-system'],
      auditedNamespaces: [],
      workloads: [],
      deadlineSeconds: 9,
      ...configuration,
    }),
    ownNamespace: 'cosignet',
    log: silentLogger,
    clock: Date.now,
    observe: {
      request: ({ result }) => void results.push(result),
      denied: (denial) => void denials.push(denial),
      reviewed: (record) => void records.push(record),
    },
    ...rest,
    decide: (request) => {
      asked.push(request.image);
      return decide(request);
    },
  });
  return { handle, asked, denials, records, results };
}

const KINDS: Record<string, { group: string; kind: string }> = {
  pods: { group: '', kind: 'Pod' },
  podtemplates: { group: '', kind: 'PodTemplate' },
  replicationcontrollers: { group: '', kind: 'ReplicationController' },
  daemonsets: { group: 'apps', kind: 'DaemonSet' },
  deployments: { group: 'apps', kind: 'Deployment' },
  replicasets: { group: 'apps', kind: 'ReplicaSet' },
  statefulsets: { group: 'apps', kind: 'StatefulSet' },
  cronjobs: { group: 'batch', kind: 'CronJob' },
  jobs: { group: 'batch', kind: 'Job' },
};
export const RESOURCES = Object.keys(KINDS);

/** A PodSpec inside of the object of a resource. */
export function objectOf(resource: string, podSpec: unknown, metadata: Body = {}): Body {
  const meta = { name: 'x', ...metadata };
  if (resource === 'pods') return { metadata: meta, spec: podSpec };
  if (resource === 'podtemplates') return { metadata: meta, template: { spec: podSpec } };
  const workload = { template: { spec: podSpec } };
  return { metadata: meta, spec: resource === 'cronjobs' ? { jobTemplate: { spec: workload } } : workload };
}

export function reviewOf(resource: string, object: unknown, request: Body = {}): Body {
  const { group, kind } = KINDS[resource] ?? { group: '', kind: 'Unknown' };
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group, version: 'v1', kind },
      resource: { group, version: 'v1', resource },
      operation: 'CREATE',
      namespace: 'default',
      name: 'x',
      userInfo: { username: 'jane', groups: ['system:authenticated'] },
      object,
      oldObject: null,
      dryRun: false,
      ...request,
    },
  };
}

export function podReview(images: readonly string[], request: Body = {}): Body {
  return reviewOf('pods', podOf(images), request);
}

/** A Pod with the containers `c0`, `c1` and so on. */
export function podOf(images: readonly string[], metadata: Body = {}): Body {
  return objectOf('pods', { containers: images.map((image, index) => ({ name: `c${index}`, image })) }, metadata);
}

export const untilGone = (): CallerPresence => new AbortController();

/** The operations of a response's patch, as the API server would read them. */
export function patchOf({ response }: AdmissionReviewResponse): { op: string; path: string; value: string }[] {
  if (response.patch === undefined) return [];
  assert.equal(response.patchType, 'JSONPatch');
  return JSON.parse(Buffer.from(response.patch, 'base64').toString('utf8'));
}
