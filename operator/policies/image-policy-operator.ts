// SPDX-License-Identifier: Apache-2.0
import k8sOperator, { type OperatorLogger, type ResourceEvent, type ResourceMeta } from '@dot-i/k8s-operator';
import { errorText } from '../../core/text.ts';
import type { Clock, Logger } from '../../core/observe.ts';
import { joinPolicyName, policyName, splitPolicyName, type AnyImagePolicy } from '../../core/policy/documents/kinds.ts';
import type { AffectedStatus, ImagePolicyStatus } from '../../core/policy/documents/image-policy.gen.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import { apiPath, isStatus, ONLY_METADATA, type KubeApi, type KubeObject } from '../kubernetes/api-client.ts';
import type { Secret } from '../kubernetes/secret.ts';
import type { SharedKubeConfig } from '../kubernetes/kube-config.ts';
import type { CompiledPolicies, PolicyEntry } from './compiled-policies.ts';
import { POLICY_READING, SECRET_READING } from './policy-reading.ts';
import { isSameStatus, readyOf, seenStatusOf, statusOf } from './policy-status.ts';
import { Reflector, type Change, type PartlyRead, type ReflectorTimings } from '../kubernetes/reflector.ts';
import { createWorkQueue, type QueueMetrics, type WorkQueue } from '../kubernetes/work-queue.ts';

// A CommonJS package: its module object is the default import, in Node and in a bundle alike.
const { default: Operator, ResourceEventType, ResourceMetaImpl } = k8sOperator;

export const POLICY_GROUP = 'cosignet.dev';
export const POLICY_VERSION = 'v1';
export const POLICY_PLURAL = 'imagepolicies';
export const NAMESPACED_POLICY_PLURAL = 'namespacedimagepolicies';
/** Helm keeps whole releases in Secrets; nobody refers to them. */
const SECRET_SELECTOR = 'type!=helm.sh/release.v1';
/** Status writes at a time, each for another namespace. */
const STATUS_WRITERS = 4;

export interface ImagePolicyOperatorOptions {
  readonly kubeConfig: SharedKubeConfig;
  readonly api: KubeApi;
  /** The operator's own: Secrets are read here and nowhere else by this class. */
  readonly namespace: string;
  readonly book: CompiledPolicies;
  /** Whether NamespacedImagePolicies are followed too. */
  readonly namespacedPolicies: boolean;
  readonly isLeader: () => boolean;
  readonly onSecret: (name: string) => void;
  /** `Ready` was written with another status or reason than before. */
  readonly onReadyChanged?: (
    policy: AnyImagePolicy,
    ready: { status: string; reason: string; message: string },
  ) => void;
  /** What the scan of running Pods found; left out where there is no scan, and its old results are removed. */
  readonly affected?: (name: string) => AffectedStatus | undefined;
  /** What it refers to is being read: it denies meanwhile, and its status waits for what comes of it. */
  readonly isPending?: (policy: AnyImagePolicy) => boolean;
  /** When a signer of a policy last counted here, milliseconds since the epoch. */
  readonly lastSeen?: (policy: string, signer: string) => number | undefined;
  readonly shadowedBy?: (policy: CompiledPolicy) => readonly string[];
  readonly log: Logger;
  readonly clock: Clock;
  readonly queueMetrics?: QueueMetrics;
  readonly onPartlyRead?: PartlyRead;
  readonly timings?: Partial<ReflectorTimings>;
}

/**
 * Watches policies of both kinds and the Secrets beside us. A change is in force before anything is written;
 * the leader then writes the status, with retries of its own.
 */
export class ImagePolicyOperator extends Operator {
  readonly policies: Reflector<KubeObject>;
  /** Undefined: switched off. */
  readonly namespacedPolicies: Reflector<KubeObject> | undefined;
  readonly secrets: Reflector<KubeObject>;
  readonly #options: ImagePolicyOperatorOptions;
  readonly #statusQueue: WorkQueue;
  readonly #reflectors = new Map<string, Reflector<KubeObject>>();

  constructor(options: ImagePolicyOperatorOptions) {
    super(operatorLogger(options.log));
    // The base class made its own, which opens a connection for each call.
    this.kubeConfig = options.kubeConfig;
    this.#options = options;
    this.#statusQueue = createWorkQueue({
      name: 'policy-status',
      process: (name) => this.#writeStatus(name),
      workers: STATUS_WRITERS,
      // One namespace's many policies don't keep the others' waiting, nor the cluster's.
      partyOf: (name) => splitPolicyName(name).namespace ?? '',
      log: options.log,
      ...(options.queueMetrics && { metrics: options.queueMetrics }),
    });
    this.policies = this.#reflector(POLICY_GROUP, POLICY_VERSION, POLICY_PLURAL);
    this.namespacedPolicies = options.namespacedPolicies
      ? this.#reflector(POLICY_GROUP, POLICY_VERSION, NAMESPACED_POLICY_PLURAL)
      : undefined;
    this.secrets = this.#reflector('', 'v1', 'secrets', options.namespace);
  }

  get isSynced(): boolean {
    return this.reflectors.every((reflector) => reflector.isSynced);
  }

  get reflectors(): readonly Reflector<KubeObject>[] {
    return [this.policies, ...(this.namespacedPolicies ? [this.namespacedPolicies] : []), this.secrets];
  }

  /** When the API server last confirmed the policies of both kinds, as `performance.now`. */
  get policiesHeardAt(): number {
    return Math.min(this.policies.lastHeardAt, this.namespacedPolicies?.lastHeardAt ?? Infinity);
  }

  secret(name: string): Secret | undefined {
    return this.secrets.get(name, this.#options.namespace);
  }

  /** Policies were compiled, or this replica leads now: their status may have to be written. */
  enqueueStatus(names: readonly string[] = this.#options.book.names()): void {
    if (!this.#options.isLeader() || !this.isSynced) return;
    for (const name of names) this.#statusQueue.add(name);
  }

  /** Keys of the policy counted here, for the first time in an hour; whoever leads can't know it of other replicas. */
  enqueueSeen(name: string): void {
    if (this.isSynced) this.#statusQueue.add(name);
  }

  override stop(): void {
    void this.shutdown();
  }

  async shutdown(): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.stop()));
    await this.#statusQueue.stop();
  }

  protected override async init(): Promise<void> {
    // A rejection here would be a bug: the watches retry by themselves.
    const kinds = this.namespacedPolicies ? [POLICY_PLURAL, NAMESPACED_POLICY_PLURAL] : [POLICY_PLURAL];
    const policies = kinds.map((plural) =>
      this.watchResource(POLICY_GROUP, POLICY_VERSION, plural, (event) => this.#onPolicy(event)),
    );
    const secrets = this.watchResource('', 'v1', 'secrets', this.#onSecret, this.#options.namespace);
    await Promise.all([...policies, secrets]);
    this.enqueueStatus();
  }

  /** Resolves after the first complete list. The base class's own ends the process at the first error of a watch. */
  // oxlint-disable-next-line max-params -- the base class's signature
  protected override async watchResource(
    group: string,
    version: string,
    plural: string,
    onEvent: (event: ResourceEvent) => Promise<void>,
    namespace?: string,
  ): Promise<void> {
    const reflector = this.#reflector(group, version, plural, namespace);
    this.#handlers.set(reflector.name, onEvent);
    reflector.start();
    await reflector.synced;
  }

  readonly #handlers = new Map<string, (event: ResourceEvent) => Promise<void>>();

  /** The base class's own has `undefined` for a host. */
  // oxlint-disable-next-line max-params -- the base class's signature
  protected override getCustomResourceApiUri(
    group: string,
    version: string,
    plural: string,
    namespace?: string,
  ): string {
    const server = this.kubeConfig.getCurrentCluster()?.server.replace(/\/$/, '') ?? '';
    return server + collectionPath({ group, version, plural, ...(namespace !== undefined && { namespace }) });
  }

  protected override async setResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
    return this.patchResourceStatus(meta, status);
  }

  /** With the version that was looked at; rejects on every failure, where the base class gives null. */
  protected override async patchResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
    const plural = pluralOf(meta);
    const { namespace } = meta;
    const named = { group: POLICY_GROUP, version: POLICY_VERSION, plural };
    const collection = collectionPath(namespace === undefined ? named : { ...named, namespace });
    const written = await this.#options.api.call<KubeObject>({
      method: 'PATCH',
      path: apiPath(collection, meta.name, 'status'),
      contentType: 'application/merge-patch+json',
      accept: ONLY_METADATA,
      body: { metadata: { resourceVersion: meta.resourceVersion }, status },
    });
    return metaOf(plural, written);
  }

  async #onPolicy({ type, object, meta }: ResourceEvent): Promise<void> {
    const { book } = this.#options;
    // Which kind it is says the collection that it came from.
    const policy: unknown = { ...object, apiVersion: meta.apiVersion, kind: meta.kind };
    const key = joinPolicyName(meta);
    if (type === ResourceEventType.Deleted || !isPolicy(policy)) book.delete(key);
    else book.set(policy);
    this.enqueueStatus([key]);
  }

  readonly #onSecret = async ({ meta }: ResourceEvent): Promise<void> => {
    this.#options.book.secretChanged(meta.name);
    this.#options.onSecret(meta.name);
  };

  async #writeStatus(name: string): Promise<void> {
    const entry = this.#options.book.get(name);
    if (!entry || this.#options.isPending?.(entry.policy) === true) return;
    const { policy } = entry;
    const status = this.#statusNow(entry);
    if (isSameStatus(policy, status)) return;
    try {
      // A merge patch leaves alone what it doesn't name, and removes what is null.
      await this.patchResourceStatus(metaOf(pluralOf(policy), policy), {
        ...status,
        affected: status.affected ?? null,
      });
    } catch (thrown) {
      // Deleted meanwhile, or changed: the watch brings the news, and with it another turn.
      if (isStatus(thrown, 404)) return;
      throw thrown;
    }
    this.#report(policy, readyOf(status));
  }

  /** What this replica would have it say: all of it, or, where it doesn't lead, which keys counted. */
  #statusNow({ policy, compiled }: PolicyEntry): ImagePolicyStatus {
    const { isLeader, shadowedBy, lastSeen, clock } = this.#options;
    const name = policyName(policy);
    const input = {
      policy,
      compiled,
      shadowedBy: shadowedBy?.(compiled) ?? [],
      affected: this.#affected(name, policy),
      lastSeen: (signer: string) => lastSeen?.(name, signer),
      now: clock(),
    };
    return isLeader() ? statusOf(input) : seenStatusOf(input);
  }

  /** Until this replica has scanned, what another found stands. */
  #affected(name: string, { status }: AnyImagePolicy): AffectedStatus | undefined {
    const { affected } = this.#options;
    return affected && (affected(name) ?? status?.affected);
  }

  #report(policy: AnyImagePolicy, ready: ReturnType<typeof readyOf>): void {
    const before = readyOf(policy.status);
    if (!ready || (before?.status === ready.status && before.reason === ready.reason)) return;
    this.#options.onReadyChanged?.(policy, ready);
  }

  // oxlint-disable-next-line max-params -- as watchResource
  #reflector(group: string, version: string, plural: string, namespace?: string): Reflector<KubeObject> {
    const name = namespace === undefined ? plural : `${namespace}/${plural}`;
    const known = this.#reflectors.get(name);
    if (known) return known;
    const { api, log, timings, onPartlyRead } = this.#options;
    const reflector = new Reflector<KubeObject>({
      api,
      name,
      path: collectionPath({ group, version, plural, ...(namespace !== undefined && { namespace }) }),
      ...(plural === 'secrets' && { fieldSelector: SECRET_SELECTOR }),
      // Without the kind nobody adds anything, and admission goes on; without that of the cluster's policies it must not.
      ...(plural === NAMESPACED_POLICY_PLURAL && { mayBeAbsent: true }),
      reading: plural === 'secrets' ? SECRET_READING : POLICY_READING,
      onChanges: (changes) => this.#dispatch(name, plural, changes),
      ...(onPartlyRead && { onPartlyRead }),
      log,
      ...(timings && { timings }),
    });
    this.#reflectors.set(name, reflector);
    return reflector;
  }

  /** All handlers of one batch are called in one turn, so that its effects are published together. */
  #dispatch(name: string, plural: string, changes: readonly Change<KubeObject>[]): void {
    const handler = this.#handlers.get(name);
    for (const { type, object } of changes) {
      const failed = (thrown: unknown) =>
        this.#options.log.error('an event was not handled', { collection: name, error: errorText(thrown) });
      const eventType =
        type === 'DELETED'
          ? ResourceEventType.Deleted
          : type === 'ADDED'
            ? ResourceEventType.Added
            : ResourceEventType.Modified;
      handler?.({ type: eventType, object, meta: metaOf(plural, object) }).catch(failed);
    }
  }
}

/** Lists leave apiVersion and kind out of their items. */
function metaOf(plural: string, object: { readonly metadata: object }): ResourceMeta {
  return ResourceMetaImpl.createWithPlural(plural, { ...object, ...(TYPES.get(plural) ?? SECRET_TYPE) });
}

const POLICY_API_VERSION = `${POLICY_GROUP}/${POLICY_VERSION}` as const;
const SECRET_TYPE = { apiVersion: 'v1', kind: 'Secret' } as const;
const TYPES = new Map([
  [POLICY_PLURAL, { apiVersion: POLICY_API_VERSION, kind: 'ImagePolicy' }],
  [NAMESPACED_POLICY_PLURAL, { apiVersion: POLICY_API_VERSION, kind: 'NamespacedImagePolicy' }],
]);

function pluralOf({ kind }: { readonly kind: string }): string {
  return kind === 'NamespacedImagePolicy' ? NAMESPACED_POLICY_PLURAL : POLICY_PLURAL;
}

/** Without a spec there is no claim. The rest is checked by the API server against the CRD, and again by `compile`. */
function isPolicy(object: unknown): object is AnyImagePolicy {
  if (typeof object !== 'object' || object === null || !('spec' in object)) return false;
  return typeof object.spec === 'object' && object.spec !== null;
}

function collectionPath(of: { group: string; version: string; plural: string; namespace?: string }): string {
  const root = of.group === '' ? apiPath('/api', of.version) : apiPath('/apis', of.group, of.version);
  return of.namespace === undefined ? apiPath(root, of.plural) : apiPath(root, 'namespaces', of.namespace, of.plural);
}

function operatorLogger(log: Logger): OperatorLogger {
  return {
    debug: (message) => log.debug(message),
    info: (message) => log.info(message),
    warn: (message) => log.warn(message),
    error: (message) => log.error(message),
  };
}
