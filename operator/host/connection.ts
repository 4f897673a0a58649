// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { createListeners, type Listen } from '../../core/listeners.ts';
import type { KubeApi } from '../kubernetes/api-client.ts';
import { createEventRecorder, type EventRecorder } from '../kubernetes/events.ts';
import { kubeApiOf, loadKubeConfig, type SharedKubeConfig } from '../kubernetes/kube-config.ts';
import { LeaderElection } from '../kubernetes/leader.ts';
import type { ClusterOptions } from './cluster-options.ts';

/** How this replica connects to the API server. */
export interface Connection {
  readonly kubeConfig: SharedKubeConfig;
  readonly api: KubeApi;
  readonly events: EventRecorder;
}

/** Throws where no cluster is configured. */
export function connect({ identity, log, clock, metrics }: ClusterOptions): Connection {
  const kubeConfig = loadKubeConfig();
  const api = kubeApiOf(kubeConfig);
  const events = createEventRecorder({ api, identity, log, clock, onDropped: () => metrics.eventDropped() });
  return { kubeConfig, api, events };
}

/** Whether this replica leads. */
export interface Leadership {
  readonly election: LeaderElection;
  readonly onStarted: Listen<void>;
  readonly isLeader: () => boolean;
}

/** Begins with `election.start`. */
export function standForElection(
  { namespace, name, identity, log, clock }: ClusterOptions,
  { api }: Connection,
): Leadership {
  const started = createListeners();
  const election = new LeaderElection({
    api,
    namespace,
    name,
    identity: `${identity}_${randomUUID()}`,
    onStarted: started.tell,
    onStopped: () => undefined,
    log,
    monotonic: () => performance.now(),
    clock,
  });
  return { election, onStarted: started.listen, isLeader: () => election.isLeader };
}
