// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { Clock, Logger } from '../core/observe.ts';
import type { CompileContext } from '../core/policy/compile/compile-context.ts';
import type { Evaluator } from '../core/policy/evaluator/evaluator.ts';
import { namespaceOf, policyName, splitPolicyName, type AnyImagePolicy } from '../core/policy/documents/kinds.ts';
import type { PolicyStore } from '../core/policy/store/store.ts';
import type { CompiledPolicy } from '../core/policy/types.ts';
import type { Decide } from '../core/verdict/types.ts';
import type { KubeApi } from './kubernetes/api-client.ts';
import { createBackgroundScan, type BackgroundScan } from './scan/background-scan.ts';
import type { CertificateIssuer } from './certificates/certificate-material.ts';
import { createDenialEvents } from './telemetry/denial-events.ts';
import { createEventRecorder, type EventRecorder } from './kubernetes/events.ts';
import type { FileCertificate } from './certificates/file-certificate.ts';
import { ImagePolicyOperator, POLICY_GROUP, POLICY_VERSION } from './policies/image-policy-operator.ts';
import { kubeApiOf, loadKubeConfig } from './kubernetes/kube-config.ts';
import { LeaderElection } from './kubernetes/leader.ts';
import type { LiveConfiguration } from './configuration/live-configuration.ts';
import type { MetricReadings, Metrics } from './telemetry/metrics.ts';
import { createNamespaces } from './kubernetes/namespaces.ts';
import { CompiledPolicies, isCompiling, ownSecrets } from './policies/compiled-policies.ts';
import { followDemands, type FollowedDemands } from './policies/followed-demands.ts';
import { createPolicySecrets, secretEntry, type PolicySecrets } from './policies/policy-secrets.ts';
import { createPullSecrets } from './policies/pull-secrets.ts';
import {
  certificatesFromFiles,
  manageCertificates,
  type ServingCertificates,
} from './certificates/serving-certificates.ts';
import { mayBeShadowed, shadowersOf } from './policies/shadowing.ts';
import type { Host } from './host.ts';
import type { ReflectorTimings } from './kubernetes/reflector.ts';
import { outdatedReason, STALE, syncReasons, type Followed } from './kubernetes/sync.ts';

/** What a policy is compiled with, beside the configuration. */
export type CompileMeans = Pick<CompileContext, 'secret' | 'prepareDemand'>;

export interface ClusterOptions {
  /** The release's. */
  readonly namespace: string;
  readonly name: string;
  /** The Pod's name. */
  readonly identity: string;
  readonly dnsNames: readonly string[];
  readonly issuer: CertificateIssuer;
  /** Of self-made serving certificates, in milliseconds. */
  readonly certificateLife: number;
  /** A certificate from files: the Secret and caBundle are then somebody else's. */
  readonly ownCertificate: FileCertificate | undefined;
  readonly compile: (policy: AnyImagePolicy, means: CompileMeans) => CompiledPolicy;
  readonly evaluator: Evaluator;
  readonly store: PolicyStore;
  /** For what runs already. */
  readonly decide: Decide;
  readonly configuration: LiveConfiguration;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Starts everything that talks to the API server. Throws where no cluster is configured; needs none to answer yet. */
export async function startCluster(options: ClusterOptions): Promise<Host> {
  const kubeConfig = loadKubeConfig();
  const api = kubeApiOf(kubeConfig);
  const maximumAge = options.configuration.configuration().maxPolicyAgeSeconds * 1000;
  const parts = assemble(options, api, kubeConfig);
  const { operator, namespaces, policySecrets, election, events } = parts;
  const certificates = certificatesOf(options, api, parts);
  const keychainFor = createPullSecrets({
    api,
    registries: () => options.configuration.configuration().registries,
    ownSecret: (name) => operator.secret(name),
    programs: options.configuration.credentials,
    log: options.log,
  });
  parts.scan = scanOf(options, { api, parts, keychainFor });
  parts.onLeading = () => {
    operator.enqueueStatus();
    certificates.look();
    parts.scan?.nudge();
  };
  parts.onSecret = (name) => {
    if (name === `${options.name}-tls`) certificates.look();
  };
  operator.start().then(
    () => certificates.look(),
    (thrown: unknown) => options.log.error('the operator did not start', { error: String(thrown) }),
  );
  namespaces.reflector.start();
  policySecrets.start();
  election.start();
  certificates.start();
  parts.scan?.start();
  return {
    namespaceContext: namespaces.context,
    knownNamespace: namespaces.known,
    keychainFor,
    certificate: certificates.first,
    onCertificate: (listener) => certificates.listen(listener),
    notReady: () => [...notSynced(parts, maximumAge), ...certificates.notReady()],
    outdated: () => outdatedReason(followedBy(parts), performance.now(), maximumAge),
    readings: readingsOf(parts, options.clock, () => certificates.expiresAt()),
    denied: createDenialEvents({
      events,
      policy: (name) => policyReference(name, parts.book.get(name)?.policy.metadata['uid']),
    }),
    secretText: (name, key) => secretEntry(operator.secret(name), key)?.pem,
    reconfigured: () => parts.book.recompileAll(),
    handOver: () => election.stop(),
    async stop() {
      await election.stop();
      await parts.scan?.stop();
      parts.demands.stop();
      await Promise.all([operator.shutdown(), namespaces.reflector.stop(), policySecrets.stop()]);
      await Promise.all([certificates.stop(), events.stop()]);
      await kubeConfig.close();
    },
  };
}

interface Parts {
  readonly book: CompiledPolicies;
  readonly demands: FollowedDemands;
  readonly policySecrets: PolicySecrets;
  readonly operator: ImagePolicyOperator;
  readonly namespaces: ReturnType<typeof createNamespaces>;
  readonly election: LeaderElection;
  readonly events: EventRecorder;
  /** Undefined: switched off. */
  scan: BackgroundScan | undefined;
  onLeading: () => void;
  onSecret: (name: string) => void;
}

function assemble(options: ClusterOptions, api: KubeApi, kubeConfig: ReturnType<typeof loadKubeConfig>): Parts {
  const { namespace, name, log, clock, metrics } = options;
  const timings = watchTimings(options.configuration.configuration().maxPolicyAgeSeconds * 1000);
  const identity = `${options.identity}_${randomUUID()}`;
  const events = createEventRecorder({
    api,
    identity: options.identity,
    log,
    clock,
    onDropped: () => metrics.eventDropped(),
  });
  const book = new CompiledPolicies({
    compile: (policy) => {
      const namespaceName = namespaceOf(policy);
      return options.compile(policy, {
        secret: (secretName, key) => secretOf(namespaceName, secretName, key),
        prepareDemand: demands.prepareFor({ name: policyName(policy), owner: namespaceName ?? '' }),
      });
    },
    onRemoved: (key) => demands.forget(key),
    store: options.store,
    // Whoever may be in another's shadow has to look again at every change.
    onCompiled: (names) => {
      operator.enqueueStatus([...names, ...book.names().filter(mayHide)]);
      parts.scan?.policiesChanged();
    },
  });
  const demands = followDemands({
    evaluator: options.evaluator,
    onChange: (key) => book.recompile(key),
    monotonic: () => performance.now(),
  });
  const secretOf = (home: string | undefined, secretName: string, key: string) =>
    home === undefined
      ? secretEntry(operator.secret(secretName), key)
      : policySecrets.lookup({ namespace: home, name: secretName }, key);
  const policySecrets = createPolicySecrets({
    api,
    named: () => book.namedSecrets(),
    onChange: (secret) => book.secretChanged(secret.name, secret.namespace),
    log,
    queueMetrics: metrics.queue,
  });
  const isUnderWay = (key: string) => {
    const entry = book.get(key);
    return entry !== undefined && isCompiling(entry.compiled);
  };
  const mayHide = (key: string) => {
    const entry = book.get(key);
    return entry !== undefined && mayBeShadowed(entry.compiled);
  };
  const election = new LeaderElection({
    api,
    namespace,
    name,
    identity,
    onStarted: () => parts.onLeading(),
    onStopped: () => undefined,
    log,
    monotonic: () => performance.now(),
    clock,
  });
  const operator: ImagePolicyOperator = new ImagePolicyOperator({
    kubeConfig,
    api,
    namespace,
    book,
    namespacedPolicies: options.configuration.configuration().namespacedPolicies,
    isLeader: () => election.isLeader,
    onSecret: (secretName) => parts.onSecret(secretName),
    onReadyChanged: (policy, ready) => {
      events.record({
        regarding: policyReference(policyName(policy), policy.metadata['uid']),
        type: ready.status === 'True' ? 'Normal' : 'Warning',
        reason: ready.reason,
        action: 'Compile',
        note: ready.message,
      });
    },
    ...(scanIsOn(options) && { affected: (key: string) => parts.scan?.affected(key) }),
    isPending: (policy) =>
      ownSecrets(policy).some((secret) => policySecrets.isPending(secret)) || isUnderWay(policyName(policy)),
    shadowedBy: (policy) => shadowersOf(policy, options.store.snapshot().policies.values()),
    log,
    clock,
    queueMetrics: metrics.queue,
    timings,
  });
  const namespaces = createNamespaces({ api, log, timings, onChange: () => parts.scan?.nudge() });
  const parts: Parts = {
    book,
    demands,
    policySecrets,
    operator,
    namespaces,
    election,
    events,
    scan: undefined,
    onLeading: () => undefined,
    onSecret: () => undefined,
  };
  return parts;
}

function scanIsOn({ configuration }: ClusterOptions): boolean {
  return configuration.configuration().backgroundScan.enabled;
}

interface ScanParts {
  readonly api: KubeApi;
  readonly parts: Parts;
  readonly keychainFor: Host['keychainFor'];
}

function scanOf(options: ClusterOptions, { api, parts, keychainFor }: ScanParts): BackgroundScan | undefined {
  if (!scanIsOn(options)) return undefined;
  const { operator, namespaces, election } = parts;
  return createBackgroundScan({
    api,
    namespace: options.namespace,
    configuration: options.configuration.configuration,
    policies: () => options.store.snapshot(),
    namespaces,
    keychainFor,
    decide: options.decide,
    isLeader: () => election.isLeader,
    ready: Promise.all([...operator.reflectors, namespaces.reflector].map(({ synced }) => synced)),
    onAffected: (names) => operator.enqueueStatus(names),
    log: options.log,
    clock: options.clock,
    monotonic: () => performance.now(),
  });
}

function certificatesOf(
  options: ClusterOptions,
  api: KubeApi,
  { operator, election, events }: Parts,
): ServingCertificates {
  if (options.ownCertificate) return certificatesFromFiles(options.ownCertificate);
  const { namespace, name, dnsNames, issuer, certificateLife: life, log, clock, metrics } = options;
  return manageCertificates({
    api,
    namespace,
    name,
    dnsNames,
    issuer,
    life,
    // Before the first list every Secret looks missing.
    secrets: () => (operator.secrets.isSynced ? { get: (secretName) => operator.secret(secretName) } : undefined),
    isLeader: () => election.isLeader,
    events,
    log,
    clock,
    queueMetrics: metrics.queue,
  });
}

/** A quiet watch is heard of when it ends: several times within what may be relied on. Milliseconds. */
function watchTimings(maximumAge: number): Partial<ReflectorTimings> {
  return { watch: Math.min(60_000, maximumAge / 4) };
}

/** What decisions rest on. */
function followedBy({ operator, namespaces }: Parts): readonly Followed[] {
  return [...operator.reflectors, namespaces.reflector];
}

function notSynced(parts: Parts, most: number): readonly string[] {
  const { operator, policySecrets, demands } = parts;
  const reasons = syncReasons(followedBy(parts), performance.now(), Math.min(STALE, most));
  if (!operator.isSynced) return reasons;
  const secrets = policySecrets.isSettled() ? [] : ['Secrets of namespaced policies were not read yet'];
  const compiling = demands.isSettled() ? [] : ['conditions and schemas of policies are being compiled'];
  return [...reasons, ...secrets, ...compiling];
}

function readingsOf({ book, operator, election }: Parts, clock: Clock, expiresAt: () => number | undefined) {
  const problems = (name: string) => book.get(name)?.compiled.problems.length ?? 0;
  const readings: MetricReadings = {
    policies: () => book.names().length,
    policiesNotReady: () => book.names().filter((name) => problems(name) > 0).length,
    storeAge: () => (operator.isSynced ? (performance.now() - operator.policiesHeardAt) / 1000 : undefined),
    certificateExpiry: () => {
      const at = expiresAt();
      return at === undefined ? undefined : (at - clock()) / 1000;
    },
    isLeader: () => election.isLeader,
  };
  return readings;
}

/** `name` as `policyName` has it. */
function policyReference(name: string, uid: unknown) {
  const parts = splitPolicyName(name);
  const kind = parts.namespace === undefined ? 'ImagePolicy' : 'NamespacedImagePolicy';
  const reference = { apiVersion: `${POLICY_GROUP}/${POLICY_VERSION}`, kind, ...parts };
  return typeof uid === 'string' ? { ...reference, uid } : reference;
}
