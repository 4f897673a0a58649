// SPDX-License-Identifier: Apache-2.0
import { createListeners, type Listen } from '../../core/listeners.ts';
import type { Clock, Logger } from '../../core/observe.ts';
import type { CompileContext } from '../../core/policy/compile/compile-context.ts';
import { namespaceOf, policyName, splitPolicyName, type AnyImagePolicy } from '../../core/policy/documents/kinds.ts';
import type { Evaluator } from '../../core/policy/evaluator/evaluator.ts';
import type { PolicyStore } from '../../core/policy/store/store.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import type { KubeApi } from '../kubernetes/api-client.ts';
import type { EventNote, EventRecorder } from '../kubernetes/events.ts';
import type { SharedKubeConfig } from '../kubernetes/kube-config.ts';
import type { PartlyRead, ReflectorTimings } from '../kubernetes/reflector.ts';
import type { QueueMetrics } from '../kubernetes/work-queue.ts';
import type { FollowKms } from '../kms/kms-keys.ts';
import { CompiledPolicies, isCompiling, ownKms, ownSecrets } from './compiled-policies.ts';
import { followDemands } from './followed-demands.ts';
import {
  ImagePolicyOperator,
  POLICY_GROUP,
  POLICY_VERSION,
  type ImagePolicyOperatorOptions,
} from './image-policy-operator.ts';
import { createKeySightings, type KeySightings } from './key-sightings.ts';
import { endsByItself } from './policy-endings.ts';
import { createPolicySecrets, secretEntry } from './policy-secrets.ts';
import { mayBeShadowed, shadowersOf } from './shadowing.ts';

/** What a policy is compiled with, beside the configuration. */
export type CompileMeans = Pick<CompileContext, 'secret' | 'kms' | 'prepareDemand'>;

export interface ClusterPoliciesOptions {
  readonly kubeConfig: SharedKubeConfig;
  readonly api: KubeApi;
  readonly events: EventRecorder;
  /** The release's: Secrets of the cluster's policies are there. */
  readonly namespace: string;
  readonly namespacedPolicies: boolean;
  readonly compile: (policy: AnyImagePolicy, means: CompileMeans) => CompiledPolicy;
  readonly evaluator: Evaluator;
  /** How keys of a KMS are followed; without what the policies themselves give. */
  readonly followKms: FollowKms;
  readonly store: PolicyStore;
  readonly isLeader: () => boolean;
  /** Left out where nothing looks at what runs. */
  readonly affected?: ImagePolicyOperatorOptions['affected'];
  readonly queueMetrics: QueueMetrics;
  readonly onPartlyRead?: PartlyRead;
  readonly timings: Partial<ReflectorTimings>;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Policies, and the Secrets that they and the configuration name, as the cluster has them. */
export interface ClusterPolicies {
  readonly operator: ImagePolicyOperator;
  readonly book: CompiledPolicies;
  /** Policies were compiled anew; their names. */
  readonly onCompiled: Listen<readonly string[]>;
  /** Signatures by these signers of a policy counted. */
  readonly counted: KeySightings['saw'];
  /** A Secret of the release's namespace changed; its name. */
  readonly onSecret: Listen<string>;
  /** Why they can't be relied on yet, beside what the operator's collections say. */
  readonly notReady: () => readonly string[];
  /** The configuration changed: all that was compiled by it is compiled again. */
  reconfigured(): void;
  /** Rejects where the operator could not start; watches that fail go on by themselves. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Policies name Secrets, and demands that are compiled apart: either that changes has its policies compiled anew. Those
 * that know each other are put together here.
 */
export function followClusterPolicies(options: ClusterPoliciesOptions): ClusterPolicies {
  const { api, events, namespace, store, isLeader, affected, queueMetrics, log, clock } = options;
  const compiled = createListeners<readonly string[]>();
  const secretChanged = createListeners<string>();
  const book = new CompiledPolicies({
    compile: (policy) => {
      const home = namespaceOf(policy);
      return options.compile(policy, {
        secret: (secret, key) =>
          home === undefined
            ? secretEntry(operator.secret(secret), key)
            : policySecrets.lookup({ namespace: home, name: secret }, key),
        kms: kmsKeys.lookup,
        prepareDemand: demands.prepareFor({ name: policyName(policy), owner: home ?? '' }),
      });
    },
    onRemoved: (name) => {
      demands.forget(name);
      sightings.forget(name);
    },
    store,
    onCompiled: (names) => {
      // Policies that another may shadow are looked at again at every change.
      operator.enqueueStatus([...names, ...namesOf(book, mayBeShadowed)]);
      compiled.tell(names);
    },
  });
  const kmsKeys = options.followKms({
    named: () => book.namedKms(),
    onChange: ({ text }) => book.kmsChanged(text),
  });
  const demands = followDemands({
    evaluator: options.evaluator,
    onChange: (name) => book.recompile(name),
    monotonic: () => performance.now(),
  });
  const sightings = createKeySightings({
    clock,
    isKnown: (name) => book.get(name) !== undefined,
    onNews: (name) => operator.enqueueSeen(name),
  });
  let look: NodeJS.Timeout | undefined;
  const policySecrets = createPolicySecrets({
    api,
    named: () => book.namedSecrets(),
    onChange: (secret) => book.secretChanged(secret.name, secret.namespace),
    log,
    queueMetrics,
  });
  const operator: ImagePolicyOperator = new ImagePolicyOperator({
    kubeConfig: options.kubeConfig,
    api,
    namespace,
    book,
    namespacedPolicies: options.namespacedPolicies,
    isLeader,
    onSecret: secretChanged.tell,
    onReadyChanged: (policy, ready) => {
      events.record({
        regarding: policyReference(policyName(policy), policy.metadata['uid']),
        type: ready.status === 'True' ? 'Normal' : 'Warning',
        reason: ready.reason,
        action: 'Compile',
        note: ready.message,
      });
    },
    ...(affected && { affected }),
    isPending: (policy) =>
      ownSecrets(policy).some((secret) => policySecrets.isPending(secret)) ||
      ownKms(policy).some((reference) => kmsKeys.isPending(reference)) ||
      isUnderWay(book, policyName(policy)),
    lastSeen: sightings.lastSeen,
    shadowedBy: (policy) => shadowersOf(policy, store.snapshot().policies.values(), clock()),
    log,
    clock,
    queueMetrics,
    ...(options.onPartlyRead && { onPartlyRead: options.onPartlyRead }),
    timings: options.timings,
  });
  return {
    operator,
    book,
    onCompiled: compiled.listen,
    onSecret: secretChanged.listen,
    counted: sightings.saw,
    notReady() {
      if (!operator.isSynced) return [];
      const secrets = policySecrets.isSettled() ? [] : ['Secrets of namespaced policies were not read yet'];
      const compiling = demands.isSettled() ? [] : ['conditions and schemas of policies are being compiled'];
      const keys = kmsKeys.isSettled() ? [] : ['keys of a KMS were not read yet'];
      return [...secrets, ...keys, ...compiling];
    },
    reconfigured() {
      kmsKeys.reconfigured();
      book.recompileAll();
    },
    start() {
      policySecrets.start();
      look = setInterval(() => operator.enqueueStatus(namesOf(book, mayChangeWithTime)), LOOK).unref();
      return operator.start();
    },
    async stop() {
      clearInterval(look);
      demands.stop();
      await Promise.all([operator.shutdown(), policySecrets.stop(), kmsKeys.stop()]);
    },
  };
}

/** Milliseconds: how late the status may tell that something ended. What is decided does not wait for it. */
const LOOK = 20_000;

/** Time alone may change its status: its own end, a key's, or that of one in whose shadow it is. */
function mayChangeWithTime(compiled: CompiledPolicy): boolean {
  return endsByItself(compiled) || mayBeShadowed(compiled);
}

function namesOf(book: CompiledPolicies, which: (compiled: CompiledPolicy) => boolean): readonly string[] {
  return book.entries().flatMap(({ policy, compiled }) => (which(compiled) ? [policyName(policy)] : []));
}

function isUnderWay(book: CompiledPolicies, name: string): boolean {
  const entry = book.get(name);
  return entry !== undefined && isCompiling(entry.compiled);
}

/** `name` as `policyName` has it. */
export function policyReference(name: string, uid: unknown): EventNote['regarding'] {
  const parts = splitPolicyName(name);
  const kind = parts.namespace === undefined ? 'ImagePolicy' : 'NamespacedImagePolicy';
  const reference = { apiVersion: `${POLICY_GROUP}/${POLICY_VERSION}`, kind, ...parts };
  return typeof uid === 'string' ? { ...reference, uid } : reference;
}
