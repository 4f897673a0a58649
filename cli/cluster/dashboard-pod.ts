// SPDX-License-Identifier: Apache-2.0
import { apiPath, isStatus, type KubeApi, type KubeObject } from '../../operator/kubernetes/api-client.ts';
import type { KubeConfigSelection } from '../../operator/kubernetes/kube-config.ts';
import { UsageError } from '../output/exit.ts';
import { connect } from './connection.ts';

export interface DashboardPod {
  readonly name: string;
  readonly port: number;
  readonly leads: boolean;
}

export interface WantedPod {
  readonly releaseNamespace: string;
  /** Undefined: the one that knows most. */
  readonly pod: string | undefined;
}

interface Pod extends KubeObject {
  readonly spec?: { readonly containers?: readonly { readonly ports?: readonly Port[] }[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

interface Port {
  readonly name?: string;
  readonly containerPort: number;
}

interface Lease extends KubeObject {
  readonly spec?: { readonly holderIdentity?: string };
}

/** Of the container, as the chart calls it where the dashboard is on. */
const PORT = 'dashboard';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces';

/**
 * The Pod whose dashboard to look at: the leading replica looks at what runs, one that is ready answers reviews. Fails
 * with `UsageError` where there is none, with `ApiError` where Pods can't be listed.
 */
export async function dashboardPod(selection: KubeConfigSelection, wanted: WantedPod): Promise<DashboardPod> {
  const { kubeConfig, api } = connect(selection);
  try {
    const { releaseNamespace, pod } = wanted;
    const leases = await listIfAllowed<Lease>(api, LEASES, releaseNamespace, 'leases');
    const pods = await list<Pod>(api, '/api/v1/namespaces', releaseNamespace, 'pods');
    const found = servingOf(
      pods,
      leases.map(({ spec }) => spec?.holderIdentity ?? ''),
    );
    const [first] = found.toSorted(byRank);
    if (first === undefined) throw new UsageError(nothingServed(releaseNamespace));
    const named = pod === undefined ? first : found.find(({ name }) => name === pod);
    if (named !== undefined) return named;
    throw new UsageError(`no Pod ${pod} serves a dashboard; these do: ${found.map(({ name }) => name).join(', ')}`);
  } finally {
    await kubeConfig.close();
  }
}

interface Serving extends DashboardPod {
  readonly isReady: boolean;
}

/** `holders`: of leases; the leader's has a Pod's name and what tells its processes apart. */
function servingOf(pods: readonly Pod[], holders: readonly string[]): readonly Serving[] {
  return pods.flatMap(({ metadata, spec, status }) => {
    const ports = (spec?.containers ?? []).flatMap((container) => container.ports ?? []);
    const port = ports.find((one) => one.name === PORT)?.containerPort;
    const isReady =
      status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false;
    const { name } = metadata;
    const leads = holders.some((holder) => holder.startsWith(`${name}_`));
    return port === undefined ? [] : [{ name, port, isReady, leads }];
  });
}

function byRank(a: Serving, b: Serving): number {
  return rankOf(b) - rankOf(a) || (a.name < b.name ? -1 : 1);
}

function rankOf({ isReady, leads }: Serving): number {
  return Number(isReady) * 2 + Number(leads);
}

function nothingServed(namespace: string): string {
  return `no Pod in namespace ${namespace} serves a dashboard: install Cosignet with dashboard.enabled=true, or name its namespace with --release-namespace`;
}

// oxlint-disable-next-line max-params -- a path and who asks for it
async function list<T>(api: KubeApi, group: string, namespace: string, plural: string): Promise<readonly T[]> {
  const { items } = await api.call<{ items?: readonly T[] | null }>({ path: apiPath(group, namespace, plural) });
  return items ?? [];
}

/** Who may not see leases sees one replica as good as another. */
// oxlint-disable-next-line max-params -- a path and who asks for it
async function listIfAllowed<T>(api: KubeApi, group: string, namespace: string, plural: string): Promise<readonly T[]> {
  try {
    return await list<T>(api, group, namespace, plural);
  } catch (error) {
    if (!isStatus(error, 403)) throw error;
    return [];
  }
}
