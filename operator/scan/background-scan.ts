// SPDX-License-Identifier: Apache-2.0
import type { Configuration } from '../../core/config/types.ts';
import type { Clock, Logger } from '../../core/observe.ts';
import type { PolicySnapshot } from '../../core/policy/store/store.ts';
import type { Keychain } from '../../core/registry/types.ts';
import type { Decide } from '../../core/verdict/types.ts';
import type { KubeApi } from '../kubernetes/api-client.ts';
import type { Namespaces } from '../kubernetes/namespaces.ts';
import type { Effects } from './effects.ts';
import type { PolicyEffect } from './policy-effect.ts';
import type { PullIdentity } from '../../core/registry/credentials/pull-identity.ts';
import { Reflector, type PartlyRead, type ReflectorTimings } from '../kubernetes/reflector.ts';
import { ReportWriter } from './report-writer.ts';
import { createRequestBudget } from './request-budget.ts';
import { Rescan, type RescanOptions, type RescanTimings } from './rescan.ts';
import { createPodKeeper, POD_SELECTION, type PodObject } from './running-images.ts';

export interface BackgroundScanOptions {
  readonly api: KubeApi;
  /** The release's own namespace: admission does not look at it. */
  readonly namespace: string;
  /** The release's. */
  readonly name: string;
  readonly configuration: () => Pick<Configuration, 'excludedNamespaces' | 'deadlineSeconds' | 'backgroundScan'>;
  readonly policies: () => PolicySnapshot;
  readonly namespaces: Pick<Namespaces, 'context'>;
  readonly keychainFor: (pull: PullIdentity) => Keychain;
  readonly decide: Decide;
  readonly isLeader: () => boolean;
  /** The policies are known: before, every image would look as if none covered it. */
  readonly ready: Promise<unknown>;
  /** Where what is found is kept. */
  readonly effects: Effects;
  /** What these policies would do is not what it was. */
  readonly onAffected: (policies: readonly string[]) => void;
  readonly onPartlyRead?: PartlyRead;
  readonly onSweep?: RescanOptions['onSweep'];
  readonly log: Logger;
  readonly monotonic: () => number;
  readonly clock: Clock;
  readonly timings?: { readonly reflector?: Partial<ReflectorTimings>; readonly rescan?: Partial<RescanTimings> };
}

export interface BackgroundScan {
  start(): void;
  /** Policies came, went or were compiled anew. */
  policiesChanged(): void;
  /** Namespaces changed, or this replica leads now. */
  nudge(): void;
  stop(): Promise<void>;
}

/** Without the right to watch Pods it is asked for no more often than this; a full list is large and rarely needed. */
const WATCH: Partial<ReflectorTimings> = { relist: 6 * 3_600_000, backoff: { first: 1_000, most: 60_000 } };

/** Follows what runs and decides about it; nothing else waits for it. */
export function createBackgroundScan(options: BackgroundScanOptions): BackgroundScan {
  const { api, namespace, configuration, log, monotonic } = options;
  let stopped = false;

  const reflector = new Reflector<PodObject>({
    api,
    name: 'pods',
    path: '/api/v1/pods',
    fieldSelector: 'status.phase=Running',
    reading: { selection: POD_SELECTION, keep: createPodKeeper() },
    onChanges: () => rescan.nudge(),
    ...(options.onPartlyRead && { onPartlyRead: options.onPartlyRead }),
    log,
    timings: { ...WATCH, ...options.timings?.reflector },
  });
  const reports = new ReportWriter({
    api,
    name: options.name,
    format: () => configuration().backgroundScan.reports,
    isLeader: options.isLeader,
    log,
  });
  const rescan: Rescan = new Rescan({
    pods: () => reflector.list(),
    isLeftOut: (name) => name === namespace || configuration().excludedNamespaces.includes(name),
    policies: options.policies,
    namespaceContext: options.namespaces.context,
    keychainFor: options.keychainFor,
    decide: options.decide,
    deadline: () => configuration().deadlineSeconds * 1000,
    budget: createRequestBudget({ perMinute: () => configuration().backgroundScan.requestsPerMinute, monotonic }),
    isLeader: options.isLeader,
    publish,
    report: (running) => reports.write(running),
    onSweep: options.onSweep,
    log,
    monotonic,
    clock: options.clock,
    ...(options.timings?.rescan && { timings: options.timings.rescan }),
  });

  function publish(found: ReadonlyMap<string, PolicyEffect>): void {
    options.effects.keepOnly(options.policies().policies);
    const changed = options.effects.put(found);
    if (changed.length > 0) options.onAffected(changed);
  }

  return {
    start() {
      // What runs is the longest list of all: it must not keep the API server, or this thread, from what admission needs.
      void options.ready.then(() => stopped || reflector.start());
      void Promise.all([reflector.synced, options.ready]).then(() => stopped || rescan.start());
    },
    policiesChanged: () => rescan.policiesChanged(),
    nudge: () => rescan.nudge(),
    async stop() {
      stopped = true;
      await Promise.all([reflector.stop(), rescan.stop(), reports.stop()]);
    },
  };
}
