// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../core/errors.ts';
import { explainImage, explanationDocument, explanationText, type Explanation } from '../../core/verdict/explain.ts';
import { PUBLIC_GOOD } from '../../core/config/trust-root-settings.ts';
import type { Configuration } from '../../core/config/types.ts';
import type { PolicySnapshot } from '../../core/policy/store/store.ts';
import type { NamespaceContext } from '../../core/policy/types.ts';
import { anonymousKeychain } from '../../core/registry/credentials/keychains.ts';
import { configurationOf } from '../inputs/configuration.ts';
import { documentText } from '../output/document.ts';
import { EXIT, UsageError, type ExitCode } from '../output/exit.ts';
import { namespaceContext, silentPolicies, type NamespaceOptions } from '../inputs/namespace.ts';
import { loadPolicySource, type PolicyOptions } from '../inputs/policies.ts';
import type { Terminal } from '../output/terminal.ts';
import { asksCluster, openChosenCluster, type ClusterChoice } from '../cluster/chosen-cluster.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { compiledStore } from '../cluster/policy-store.ts';

export interface ExplainOptions extends Pick<PolicyOptions, 'policies'>, NamespaceOptions, ClusterChoice {
  /** For each namespace of the cluster. */
  readonly allNamespaces?: boolean;
  readonly output: ExplainFormat;
}

export type ExplainFormat = 'text' | 'json' | 'yaml';

/** Prints which policies apply to each image, and why. Asks no registry, so it verifies nothing: always 0. */
export async function explain(
  images: readonly string[],
  options: ExplainOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  if (options.allNamespaces === true && options.namespace !== undefined)
    throw new UsageError('give either --namespace or --all-namespaces');
  const cluster = asksCluster(options, options.policies.length > 0)
    ? await openChosenCluster(options, anonymousKeychain, terminal)
    : undefined;
  try {
    const configuration = cluster?.configuration ?? (await configurationOf(options));
    const snapshot = await snapshotOf(options, configuration, cluster);
    const namespaces = await namespacesOf(options, cluster);
    const silent = namespaces.map((each) => silentPolicies(snapshot, each)).find((text) => text !== undefined);
    if (silent !== undefined) terminal.err(silent);
    const around = { ...configuration, now: Date.now() };
    const explanations = images.flatMap((image) =>
      namespaces.map((namespace) => explainImage(image, namespace, snapshot, around)),
    );
    print(explanations, options, terminal);
  } catch (error) {
    throw error instanceof EngineError ? new UsageError(error.message) : error;
  } finally {
    await cluster?.close();
  }
  return EXIT.allowed;
}

async function snapshotOf(
  options: ExplainOptions,
  configuration: Configuration,
  cluster: Cluster | undefined,
): Promise<PolicySnapshot> {
  const trustRoots = [PUBLIC_GOOD, ...configuration.trustRoots.map(({ name }) => name)];
  const { namespacedPolicies } = configuration;
  const store =
    cluster === undefined || options.policies.length > 0
      ? await loadPolicySource(options, { trustRoots, namespacedPolicies })
      : await compiledStore(await cluster.policies(), { configuration, trustRoots, cluster });
  return store.snapshot();
}

async function namespacesOf(
  options: ExplainOptions,
  cluster: Cluster | undefined,
): Promise<readonly NamespaceContext[]> {
  if (options.allNamespaces === true) {
    if (cluster === undefined) throw new UsageError('--all-namespaces are those of a cluster: name it by --context');
    return cluster.namespaces();
  }
  const name = options.namespace ?? cluster?.defaultNamespace;
  if (name === undefined) return [namespaceContext(options)];
  const there = await cluster?.namespace(name);
  const given = namespaceContext({ ...options, namespace: name });
  return [{ ...given, labels: { ...there?.labels, ...given.labels } }];
}

function print(explanations: readonly Explanation[], { output }: ExplainOptions, terminal: Terminal): void {
  if (output === 'text') return explanations.forEach((each) => terminal.out(explanationText(each)));
  terminal.out(documentText(explanations.map(explanationDocument), output));
}
