// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { AdmissionResponse, Stage } from './stage.ts';

/** A workload as far as the demo writes it. */
export interface Workload {
  readonly apiVersion: string;
  readonly kind: 'Pod' | 'Deployment';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: object;
}

export interface Admission {
  readonly allowed: boolean;
  /** The API server's word to the user; empty if admitted. */
  readonly message: string;
  /** The object as it would be stored. */
  readonly stored: Workload;
}

/** What the API server does with a CREATE: asks `/mutate`, applies its patch, asks `/validate` about the result. */
export async function create(workload: Workload, stage: Stage): Promise<Admission> {
  const mutated = await stage.post('/mutate', reviewOf(workload));
  if (!mutated.allowed) return refused(mutated, workload);
  const stored = mutated.patch === undefined ? workload : patched(workload, mutated.patch);
  const validated = await stage.post('/validate', reviewOf(stored));
  return validated.allowed ? { allowed: true, message: '', stored } : refused(validated, stored);
}

export function pod(name: string, containers: readonly string[], initContainers: readonly string[] = []): Workload {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'demo' },
    spec: { containers: named('app', containers), initContainers: named('init', initContainers) },
  };
}

function named(prefix: string, images: readonly string[]): readonly object[] {
  return images.map((image, index) => ({ name: `${prefix}${index}`, image }));
}

export function deployment(name: string, image: string): Workload {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'demo' },
    spec: {
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'app', image }] } },
    },
  };
}

/** All images of a stored object, wherever they stand. */
export function imagesOf(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'image' && typeof inner === 'string' ? [inner] : imagesOf(inner),
  );
}

function refused(response: AdmissionResponse, stored: Workload): Admission {
  return { allowed: false, message: response.status?.message ?? '', stored };
}

function reviewOf(object: Workload): object {
  const [group, version] = object.kind === 'Pod' ? ['', 'v1'] : ['apps', 'v1'];
  const resource = { group, version, resource: object.kind === 'Pod' ? 'pods' : 'deployments' };
  const kind = { group, version, kind: object.kind };
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: randomUUID(),
      kind,
      resource,
      requestKind: kind,
      requestResource: resource,
      name: object.metadata.name,
      namespace: object.metadata.namespace,
      operation: 'CREATE',
      userInfo: { username: 'demo' },
      object,
      oldObject: null,
      dryRun: false,
    },
  };
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value: unknown;
}

/** The one operation that Cosignet uses: replace a string that is there. */
function patched(workload: Workload, patch: string): Workload {
  const operations: readonly Operation[] = JSON.parse(Buffer.from(patch, 'base64').toString('utf8'));
  const copy = structuredClone(workload);
  for (const { op, path, value } of operations) {
    if (op !== 'replace') throw new Error(`the patch has an operation ${op}`);
    const steps = path.slice(1).split('/');
    const last = steps.pop() ?? '';
    const parent = steps.reduce<unknown>((node, step) => Reflect.get(Object(node), step), copy);
    Reflect.set(Object(parent), last, value);
  }
  return copy;
}
