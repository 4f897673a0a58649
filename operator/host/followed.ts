// SPDX-License-Identifier: Apache-2.0
import { createListeners, type Listen } from '../../core/listeners.ts';
import { createNamespaces, type Namespaces } from '../kubernetes/namespaces.ts';
import type { Secret } from '../kubernetes/secret.ts';
import { outdatedReason, staleAfter, syncReasons } from '../kubernetes/sync.ts';
import { followClusterPolicies, type ClusterPolicies } from '../policies/follow-policies.ts';
import type { Effects } from '../scan/effects.ts';
import type { ClusterOptions } from './cluster-options.ts';
import type { Connection, Leadership } from './connection.ts';

/** What decisions rest on, as the cluster has it, and whether it may be relied on. */
export interface Followed {
  readonly policies: ClusterPolicies;
  readonly namespaces: Namespaces;
  readonly onNamespaces: Listen<void>;
  /** A Secret of the release's namespace, as last seen. */
  readonly secret: (name: string) => Secret | undefined;
  /** Those Secrets; undefined: not listed yet. Before the first list every Secret looks missing. */
  readonly secrets: () => { readonly get: (name: string) => Secret | undefined } | undefined;
  /** Everything was listed once. */
  readonly synced: Promise<unknown>;
  /** Why no requests should come here; empty: this replica knows what it would decide by. */
  readonly notReady: () => readonly string[];
  /** Why nothing may be decided by it any more. */
  readonly outdated: () => string | undefined;
  /** Rejects where the operator could not start; watches that fail go on by themselves. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface FollowedParts {
  readonly connection: Connection;
  readonly leadership: Leadership;
  /** Undefined: nothing looks at what runs. */
  readonly effects: Effects | undefined;
}

export function followCluster(options: ClusterOptions, parts: FollowedParts): Followed {
  const { connection, leadership, effects } = parts;
  const { namespace, configuration, compile, evaluator, followKms, store, metrics, log, clock } = options;
  const { maxPolicyAgeSeconds, namespacedPolicies } = configuration.configuration();
  const maximumAge = maxPolicyAgeSeconds * 1000;
  // A quiet watch is heard of when it ends: several times within what may be relied on.
  const timings = { watch: Math.min(60_000, maximumAge / 4) };
  const policies = followClusterPolicies({
    ...connection,
    namespace,
    namespacedPolicies,
    compile,
    evaluator,
    followKms,
    store,
    isLeader: leadership.isLeader,
    ...(effects && { affected: effects.of }),
    queueMetrics: metrics.queue,
    onPartlyRead: metrics.partlyRead,
    timings,
    log,
    clock,
  });
  const namespacesChanged = createListeners();
  const namespaces = createNamespaces({
    api: connection.api,
    onChange: namespacesChanged.tell,
    onPartlyRead: metrics.partlyRead,
    timings,
    log,
  });
  const { operator } = policies;
  const collections = [...operator.reflectors, namespaces.reflector];
  const secret = (name: string) => operator.secret(name);
  return {
    policies,
    namespaces,
    onNamespaces: namespacesChanged.listen,
    secret,
    secrets: () => (operator.secrets.isSynced ? { get: secret } : undefined),
    synced: Promise.all(collections.map(({ synced }) => synced)),
    notReady: () => [...syncReasons(collections, performance.now(), staleAfter(maximumAge)), ...policies.notReady()],
    outdated: () => outdatedReason(collections, performance.now(), maximumAge),
    start() {
      const started = policies.start();
      namespaces.reflector.start();
      return started;
    },
    async stop() {
      await Promise.all([policies.stop(), namespaces.reflector.stop()]);
    },
  };
}
