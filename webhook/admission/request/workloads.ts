// SPDX-License-Identifier: Apache-2.0
import type { ReviewRequest } from './review.ts';

/** A kind that carries a PodSpec. */
export interface Workload {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly resource: string;
  /** Where the PodSpec is. */
  readonly podSpec: readonly string[];
  /** Sub-resources whose object is this kind and whose images can change. */
  readonly subResources: readonly string[];
  /** The API server refuses each change of the images. */
  readonly immutable: boolean;
}

/**
 * Every built-in kind that holds a PodSpec (k8s.io/api: PodSpec and all users of PodTemplateSpec), a row each. The rules
 * of the chart's webhooks are made of these rows (`node test/checks/chart.ts --write`).
 */
export const WORKLOADS: readonly Workload[] = [
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
  podSpec: readonly string[],
  rest: Partial<Pick<Workload, 'subResources' | 'immutable'>> = {},
): Workload {
  return { group, version: 'v1', kind, resource, podSpec, subResources: [], immutable: false, ...rest };
}

/** The row for a request; resource and kind must both agree. Undefined: not a request for us to decide. */
export function findWorkload(request: ReviewRequest): Workload | undefined {
  const { kind, resource, subResource } = request;
  return WORKLOADS.find(
    (row) =>
      row.resource === resource.resource &&
      row.group === resource.group &&
      row.version === resource.version &&
      row.kind === kind.kind &&
      row.group === kind.group &&
      row.version === kind.version &&
      (subResource === '' || row.subResources.includes(subResource)),
  );
}

export function isPod(row: Workload): boolean {
  return row.kind === 'Pod';
}
