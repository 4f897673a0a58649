// SPDX-License-Identifier: Apache-2.0
import { oneLine } from '../../../core/text.ts';
import type { WorkloadConfiguration } from '../../../core/config/types.ts';
import type { FieldPath } from '../../../core/formats/field-path.ts';
import type { ReviewRequest } from './review.ts';

/** A kind that carries PodSpecs or images. */
export interface Workload {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly resource: string;
  /** Where the PodSpec is; undefined: it has none. */
  readonly podSpec?: FieldPath;
  /** Where images are beside it. */
  readonly images: readonly FieldPath[];
  /** What is not there is not needed: a custom resource may get its PodSpec elsewhere. */
  readonly optional: boolean;
  /** Sub-resources whose object is this kind and whose images can change. */
  readonly subResources: readonly string[];
  /** The API server refuses each change of the images. */
  readonly immutable: boolean;
}

/** The API server's bound of a kind's name. */
const KIND_MOST = 63;

/**
 * Every built-in kind that holds a PodSpec (k8s.io/api: PodSpec and all users of PodTemplateSpec), a row each. The rules
 * of the chart's webhooks are made of these rows (`node test/checks/chart.ts --write`).
 */
export const WORKLOADS: readonly (Workload & { readonly podSpec: FieldPath })[] = [
  workload('', 'Pod', 'pods', ['spec'], { subResources: ['ephemeralcontainers'] }),
  workload('', 'ReplicationController', 'replicationcontrollers', ['spec', 'template', 'spec']),
  workload('', 'PodTemplate', 'podtemplates', ['template', 'spec']),
  workload('apps', 'Deployment', 'deployments', ['spec', 'template', 'spec']),
  workload('apps', 'ReplicaSet', 'replicasets', ['spec', 'template', 'spec']),
  workload('apps', 'StatefulSet', 'statefulsets', ['spec', 'template', 'spec']),
  workload('apps', 'DaemonSet', 'daemonsets', ['spec', 'template', 'spec']),
  workload('batch', 'Job', 'jobs', ['spec', 'template', 'spec'], { immutable: true }),
  workload('batch', 'CronJob', 'cronjobs', ['spec', 'jobTemplate', 'spec', 'template', 'spec']),
];

// oxlint-disable-next-line max-params -- one row of the table above
function workload(
  group: string,
  kind: string,
  resource: string,
  podSpec: FieldPath,
  rest: Partial<Pick<Workload, 'subResources' | 'immutable'>> = {},
): Workload & { readonly podSpec: FieldPath } {
  const always = { version: 'v1', images: [], optional: false, subResources: [], immutable: false };
  return { ...always, group, kind, resource, podSpec, ...rest };
}

/** The row for a request; resource and kind must both agree. Undefined: not a request for us to decide. */
export function findWorkload(
  request: ReviewRequest,
  configured: readonly WorkloadConfiguration[],
): Workload | undefined {
  const { kind, resource, subResource } = request;
  const builtIn = WORKLOADS.find(
    (row) =>
      row.resource === resource.resource &&
      row.group === resource.group &&
      row.version === resource.version &&
      row.kind === kind.kind &&
      row.group === kind.group &&
      row.version === kind.version &&
      (subResource === '' || row.subResources.includes(subResource)),
  );
  return builtIn ?? configuredWorkload(request, configured);
}

/** Custom resources go by their resource: their kind is only for people to read. */
function configuredWorkload(
  { kind, resource, subResource }: ReviewRequest,
  configured: readonly WorkloadConfiguration[],
): Workload | undefined {
  const found = configured.find(
    (row) =>
      row.resource === resource.resource &&
      row.group === resource.group &&
      row.version === resource.version &&
      row.group === kind.group &&
      row.version === kind.version,
  );
  if (found === undefined || subResource !== '') return undefined;
  return { ...found, kind: oneLine(kind.kind, KIND_MOST), optional: true, subResources: [], immutable: false };
}

export function isPod(row: Workload): boolean {
  // A custom resource may be called so, too.
  return row.kind === 'Pod' && row.group === '';
}
