// SPDX-License-Identifier: Apache-2.0
import type { PullIdentity } from '../../core/registry/credentials/pull-identity.ts';
import type { Configuration } from '../../core/config/types.ts';
import { errorText } from '../../core/text.ts';
import type { SecretLookup } from '../../core/policy/signers/common/signer-kind.ts';
import { silentLogger } from '../../core/observe.ts';
import { namespaceOf, type AnyImagePolicy, type NamespacedImagePolicy } from '../../core/policy/documents/kinds.ts';
import type { ImagePolicy } from '../../core/policy/documents/image-policy.gen.ts';
import type { NamespaceContext } from '../../core/policy/types.ts';
import { secretNames } from '../../core/policy/signers/signers.ts';
import { chainKeychains } from '../../core/registry/credentials/keychains.ts';
import type { Keychain } from '../../core/registry/types.ts';
import { apiPath, isStatus, type KubeApi, type KubeObject } from '../../operator/kubernetes/api-client.ts';
import type { KubeConfigSelection } from '../../operator/kubernetes/kube-config.ts';
import { secretEntry, type SecretObject } from '../../operator/policies/policy-secrets.ts';
import { createPullSecrets } from '../../operator/policies/pull-secrets.ts';
import { runningImages, type PodObject } from '../../operator/scan/running-images.ts';
import { NAME_LABEL } from '../inputs/namespace.ts';
import { UsageError } from '../output/exit.ts';
import { connect } from './connection.ts';
import { readClusterConfiguration } from './cluster-configuration.ts';
import type { Inventory, InventoryItem } from '../scan/inventory.ts';
import type { PodName } from '../scan/report.ts';

export interface ClusterOptions {
  readonly selection: KubeConfigSelection;
  /** What to do without a cluster, for the error. */
  readonly advice?: string;
  /** Undefined: the one that Cosignet has in the cluster. */
  readonly configuration?: Configuration | undefined;
  /** Where Cosignet is installed: its Secrets hold keys of policies and credentials of registries. */
  readonly releaseNamespace: string;
  /** Of whoever runs this; tried after the Pods' own. */
  readonly keychain: Keychain;
  readonly warn: (text: string) => void;
}

export interface RunningOptions {
  /** Undefined: all but those that admission leaves out. */
  readonly namespace?: string;
  /** A label selector of Pods. */
  readonly selector?: string;
}

export interface WhichPolicies {
  readonly namespace?: string | undefined;
  readonly all?: boolean;
}

/** What commands read of a cluster. Every call may fail with `ApiError`. */
export interface Cluster {
  /** The one that was given, or the cluster's. */
  readonly configuration: Configuration;
  /** Where manifests without a namespace go, as with kubectl. */
  readonly defaultNamespace: string;
  /** With its labels; one that is not there (yet) has none but its name. */
  namespace(name: string): Promise<NamespaceContext>;
  /** All of them, by their names. */
  namespaces(): Promise<readonly NamespaceContext[]>;
  running(options: RunningOptions): Promise<Inventory>;
  /**
   * Of the cluster, and of this namespace or all. Those of namespaces are left out, with a warning, where they may not be
   * seen, unless `all` are needed.
   */
  policies(which?: WhichPolicies): Promise<readonly AnyImagePolicy[]>;
  /** Values of Secrets that these policies name, to compile each of them with. */
  secrets(policies: readonly AnyImagePolicy[]): Promise<(policy: AnyImagePolicy) => SecretLookup>;
  close(): Promise<void>;
}

const POLICIES = '/apis/cosignet.dev/v1';
const NAMESPACES = '/api/v1/namespaces';
const PAGE = '500';

/** The cluster of the kubeconfig. Fails with `UsageError` where there is none. */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const { kubeConfig, api } = connect(options.selection, options.advice);
  const { releaseNamespace, warn } = options;
  const configuration = options.configuration ?? (await readClusterConfiguration(api, releaseNamespace, warn));
  const configured = configuration.registries.flatMap(({ credentialsSecret }) => credentialsSecret ?? []);
  const own = await readSecrets(api, { namespace: releaseNamespace, names: configured, warn });
  const pullSecrets = createPullSecrets({
    api,
    registries: () => configuration.registries,
    ownSecret: (name) => own.get(name),
    log: silentLogger,
  });
  const keychain = (source: PullIdentity) => withOwn(pullSecrets(source), options.keychain);
  return {
    configuration,
    defaultNamespace: kubeConfig.getContextObject(kubeConfig.getCurrentContext())?.namespace ?? 'default',
    async namespace(name) {
      try {
        const { metadata } = await api.call<KubeObject>({ path: apiPath(NAMESPACES, name) });
        return { name, labels: metadata.labels ?? {} };
      } catch (error) {
        if (!isStatus(error, 404)) throw error;
        return { name, labels: { [NAME_LABEL]: name } };
      }
    },
    async namespaces() {
      const found = await namespaceContexts(api);
      return [...found.values()].toSorted(({ name: a = '' }, { name: b = '' }) => (a < b ? -1 : 1));
    },
    async running({ namespace, selector }) {
      const path = namespace === undefined ? '/api/v1/pods' : apiPath(NAMESPACES, namespace, 'pods');
      const query = { fieldSelector: 'status.phase=Running', ...(selector && { labelSelector: selector }) };
      const [pods, contexts] = await Promise.all([
        listAll<PodObject>(api, path, query),
        namespaceContexts(api, namespace),
      ]);
      const leftOut = new Set(namespace === undefined ? [...configuration.excludedNamespaces, releaseNamespace] : []);
      const covered = pods.filter(({ metadata }) => !leftOut.has(metadata.namespace ?? ''));
      const where = namespace === undefined ? 'all namespaces' : `namespace ${namespace}`;
      return {
        items: itemsOf(covered, contexts, keychain),
        source: `Pods of ${where}${selector ? `, ${selector}` : ''}, at ${kubeConfig.getCurrentCluster()?.server ?? ''}`,
      };
    },
    async policies({ namespace, all = false } = {}) {
      const listed = await listAll<ImagePolicy & KubeObject>(api, `${POLICIES}/imagepolicies`, {});
      // Which kind it is says the collection that it came from: a namespace's own must never pass for the cluster's.
      const cluster = listed.map((policy) => Object.assign(policy, { kind: 'ImagePolicy' as const }));
      return [...cluster, ...(await namespacedPolicies(api, namespace, all ? undefined : warn))];
    },
    async secrets(policies) {
      const found = new Map<string | undefined, ReadonlyMap<string, SecretObject>>();
      for (const [home, group] of Map.groupBy(policies, namespaceOf)) {
        const namespace = home ?? releaseNamespace;
        found.set(
          home,
          await readSecrets(api, { namespace, names: group.flatMap(({ spec }) => secretNames(spec)), warn }),
        );
      }
      return (policy) => (name, key) => secretEntry(found.get(namespaceOf(policy))?.get(name), key);
    },
    close: () => kubeConfig.close(),
  };
}

/** Without the kind there are none. Without the right to see them they are left out, and `warn` is told, if it is given. */
async function namespacedPolicies(
  api: KubeApi,
  namespace: string | undefined,
  warn: ((text: string) => void) | undefined,
): Promise<readonly AnyImagePolicy[]> {
  const plural = 'namespacedimagepolicies';
  const path = namespace === undefined ? `${POLICIES}/${plural}` : apiPath(`${POLICIES}/namespaces`, namespace, plural);
  try {
    const listed = await listAll<NamespacedImagePolicy & KubeObject>(api, path, {});
    return listed.map((policy) => Object.assign(policy, { kind: 'NamespacedImagePolicy' as const }));
  } catch (error) {
    if (isStatus(error, 404)) return [];
    if (warn === undefined || !isStatus(error, 403)) throw error;
    warn(`what NamespacedImagePolicies add is left out: ${errorText(error)}`);
    return [];
  }
}

async function listAll<T extends KubeObject>(
  api: KubeApi,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<readonly T[]> {
  const items: T[] = [];
  let token: string | undefined;
  do {
    const page: { items?: readonly T[] | null; metadata?: { continue?: string } } = await api.call({
      path,
      query: { ...query, limit: PAGE, ...(token && { continue: token }) },
    });
    items.push(...(page.items ?? []));
    token = page.metadata?.continue;
  } while (token);
  return items;
}

async function namespaceContexts(api: KubeApi, only?: string): Promise<ReadonlyMap<string, NamespaceContext>> {
  const objects = only === undefined ? await listAll(api, NAMESPACES, {}) : [await existing(api, only)];
  return new Map(objects.map(({ metadata: { name, labels = {} } }) => [name, { name, labels }]));
}

/** Fails with `UsageError` where there is none of this name: a report about nothing would look like a good one. */
async function existing(api: KubeApi, name: string): Promise<KubeObject> {
  try {
    return await api.call<KubeObject>({ path: apiPath(NAMESPACES, name) });
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    throw new UsageError(`the cluster has no namespace "${name}"`, { cause: error });
  }
}

/** Each image once for a namespace and the credentials of its Pods. */
function itemsOf(
  pods: readonly PodObject[],
  contexts: ReadonlyMap<string, NamespaceContext>,
  keychainFor: (source: PullIdentity) => Keychain,
): readonly InventoryItem[] {
  const items = new Map<string, InventoryItem & { readonly pods: PodName[] }>();
  for (const pod of pods) {
    const { name, namespace = '' } = pod.metadata;
    const context = contexts.get(namespace);
    // It went while we looked.
    if (context === undefined) continue;
    const { images, ...credentials } = runningImages(pod);
    const source = { namespace, ...credentials };
    for (const { written: image, runs } of images) {
      const key = JSON.stringify([image, runs, source]);
      const asked = { image, ...(runs !== undefined && { runs }) };
      const item = items.get(key) ?? { ...asked, namespace: context, keychain: keychainFor(source), pods: [] };
      item.pods.push({ namespace, name, ...workloadOf(pod) });
      items.set(key, item);
    }
  }
  return [...items.values()];
}

interface Owned {
  readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly controller?: boolean }[];
}

/** A ReplicaSet of a Deployment is called as it, and the hash of its template. */
function workloadOf({ metadata }: PodObject & { readonly metadata: Owned }): { readonly workload?: string } {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return {};
  const { kind, name } = owner;
  const hash = `-${metadata.labels?.['pod-template-hash'] ?? ''}`;
  const isOfDeployment = kind === 'ReplicaSet' && hash !== '-' && name.endsWith(hash);
  return { workload: isOfDeployment ? `Deployment ${name.slice(0, -hash.length)}` : `${kind} ${name}` };
}

function withOwn(pods: Keychain, own: Keychain): Keychain {
  return { ...chainKeychains([pods, own]), ...(pods.id !== undefined && { id: pods.id }) };
}

interface SecretNames {
  readonly namespace: string;
  readonly names: readonly string[];
  readonly warn: (text: string) => void;
}

/** What is not there, or not ours to read, is left out: the policy that names it is then not Ready, as it would be. */
async function readSecrets(api: KubeApi, { namespace, names, warn }: SecretNames): Promise<Map<string, SecretObject>> {
  const found = new Map<string, SecretObject>();
  for (const name of new Set(names)) {
    try {
      found.set(name, await api.call<SecretObject>({ path: apiPath(NAMESPACES, namespace, 'secrets', name) }));
    } catch (error) {
      if (!isStatus(error, 403) && !isStatus(error, 404)) throw error;
      warn(`Secret ${namespace}/${name} is not used: ${errorText(error)}`);
    }
  }
  return found;
}
