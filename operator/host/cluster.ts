// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { createListeners, type Listen } from '../../core/listeners.ts';
import type { Clock, Logger } from '../../core/observe.ts';
import type { AnyImagePolicy } from '../../core/policy/documents/kinds.ts';
import type { Evaluator } from '../../core/policy/evaluator/evaluator.ts';
import type { PolicyStore } from '../../core/policy/store/store.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import type { Decide } from '../../core/verdict/types.ts';
import type { CertificateIssuer } from '../certificates/certificate-material.ts';
import type { FileCertificate } from '../certificates/file-certificate.ts';
import {
  certificatesFromFiles,
  manageCertificates,
  type ServingCertificates,
} from '../certificates/serving-certificates.ts';
import type { HostOverview } from '../dashboard/overview.ts';
import type { LiveConfiguration } from '../configuration/live-configuration.ts';
import type { FollowKms } from '../kms/kms-keys.ts';
import { lostBy } from '../policies/lost-fields.ts';
import type { KubeApi } from '../kubernetes/api-client.ts';
import { createEventRecorder, type EventRecorder } from '../kubernetes/events.ts';
import { kubeApiOf, loadKubeConfig, type SharedKubeConfig } from '../kubernetes/kube-config.ts';
import { LeaderElection } from '../kubernetes/leader.ts';
import { createNamespaces, type Namespaces } from '../kubernetes/namespaces.ts';
import type { ReflectorTimings } from '../kubernetes/reflector.ts';
import { outdatedReason, staleAfter, syncReasons } from '../kubernetes/sync.ts';
import {
  followClusterPolicies,
  policyReference,
  type ClusterPolicies,
  type CompileMeans,
} from '../policies/follow-policies.ts';
import { countEndings } from '../policies/policy-endings.ts';
import { secretEntry } from '../policies/policy-secrets.ts';
import { createPullSecrets } from '../policies/pull-secrets.ts';
import { createBackgroundScan, type BackgroundScan, type BackgroundScanOptions } from '../scan/background-scan.ts';
import { createEffects, type Effects } from '../scan/effects.ts';
import { createDenialEvents } from '../telemetry/denial-events.ts';
import type { MetricReadings, Metrics } from '../telemetry/metrics.ts';
import { keepRegistration, type Registration } from '../registration/registration.ts';
import type { WantedRegistration } from '../registration/wanted.ts';
import type { Host } from './host.ts';

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
  /** What API servers are to be told of us. */
  readonly wantedRegistration: WantedRegistration;
  readonly compile: (policy: AnyImagePolicy, means: CompileMeans) => CompiledPolicy;
  readonly evaluator: Evaluator;
  readonly followKms: FollowKms;
  readonly store: PolicyStore;
  readonly configuration: Pick<LiveConfiguration, 'configuration' | 'credentials'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * Starts everything that talks to the API server. Throws where no cluster is configured; needs none to answer yet.
 * Each stage is given what those before it made; what comes earlier tells what comes later by listeners.
 */
export async function startCluster(options: ClusterOptions): Promise<Host> {
  const connection = connect(options);
  const maximumAge = options.configuration.configuration().maxPolicyAgeSeconds * 1000;
  const timings = watchTimings(maximumAge);
  const leadership = stand(options, connection);
  const effects = createEffects(options.clock);
  const policies = policiesOf(options, { connection, leadership, effects, timings });
  const registration = keepRegistration({
    api: connection.api,
    namespace: options.namespace,
    name: options.name,
    wanted: options.wantedRegistration,
    authorities: () => certificates.authorities(),
    secrets: () => secretsOf(policies),
    isLeader: leadership.isLeader,
    canAnswer: () => canAnswer().length === 0,
    events: connection.events,
    log: options.log,
    clock: options.clock,
    queueMetrics: options.metrics.queue,
  });
  policies.onSecret((changed) => {
    if (changed === `${options.name}-path`) registration.look();
  });
  const certificates = certificatesOf(options, { connection, leadership, policies, registration });
  const namespacesChanged = createListeners();
  const namespaces = createNamespaces({
    api: connection.api,
    log: options.log,
    timings,
    onChange: namespacesChanged.tell,
    onPartlyRead: options.metrics.partlyRead,
  });
  const keychainFor = createPullSecrets({
    api: connection.api,
    registries: () => options.configuration.configuration().registries,
    ownSecret: (name) => policies.operator.secret(name),
    programs: options.configuration.credentials,
    log: options.log,
  });
  // What decisions rest on.
  const followed = [...policies.operator.reflectors, namespaces.reflector];
  const canAnswer = () => [...syncReasons(followed, performance.now(), staleAfter(maximumAge)), ...policies.notReady()];
  leadership.onStarted(() => {
    policies.operator.enqueueStatus();
    certificates.look();
    registration.look();
  });

  policies.start().then(
    () => {
      certificates.look();
      registration.look();
    },
    (thrown: unknown) => options.log.error('the operator did not start', { error: String(thrown) }),
  );
  namespaces.reflector.start();
  leadership.election.start();
  certificates.start();
  registration.start();
  return {
    policies: {
      snapshot: () => options.store.snapshot(),
      outdated: () => outdatedReason(followed, performance.now(), maximumAge),
    },
    namespaceContext: namespaces.context,
    knownNamespace: namespaces.known,
    keychainFor,
    certificate: certificates.first,
    onCertificate: (listener) => certificates.listen(listener),
    notReady: () => [...canAnswer(), ...certificates.notReady(), ...registration.notReady()],
    callerBy: registration.callerBy,
    notInForce: registration.notInForce,
    readings: readingsOf(options, { policies, leadership, certificates, registration }),
    counted: policies.counted,
    lostBy: (definition) => lostBy(definition, policies.book),
    denied: createDenialEvents({
      events: connection.events,
      policy: (name) => policyReference(name, policies.book.get(name)?.policy.metadata['uid']),
    }),
    overview: () => overviewOf({ policies, leadership, effects }),
    secretText: (name, key) => secretEntry(policies.operator.secret(name), key)?.pem,
    reconfigured: () => policies.reconfigured(),
    scan(decide, onSweep) {
      if (!scanIsOn(options)) return undefined;
      const parts = { connection, leadership, effects, policies, namespaces, keychainFor, decide, onSweep };
      const scan = scanOf(options, parts);
      policies.onCompiled(() => scan.policiesChanged());
      namespacesChanged.listen(() => scan.nudge());
      leadership.onStarted(() => scan.nudge());
      scan.start();
      return scan;
    },
    handOver() {
      registration.retire();
      return leadership.election.stop();
    },
    async stop() {
      await leadership.election.stop();
      await Promise.all([policies.stop(), namespaces.reflector.stop()]);
      await Promise.all([certificates.stop(), registration.stop(), connection.events.stop()]);
      await connection.kubeConfig.close();
    },
  };
}

interface Connection {
  readonly kubeConfig: SharedKubeConfig;
  readonly api: KubeApi;
  readonly events: EventRecorder;
}

function connect({ identity, log, clock, metrics }: ClusterOptions): Connection {
  const kubeConfig = loadKubeConfig();
  const api = kubeApiOf(kubeConfig);
  const events = createEventRecorder({ api, identity, log, clock, onDropped: () => metrics.eventDropped() });
  return { kubeConfig, api, events };
}

interface Leadership {
  readonly election: LeaderElection;
  readonly onStarted: Listen<void>;
  readonly isLeader: () => boolean;
}

/** For election; begins with `election.start`. */
function stand({ namespace, name, identity, log, clock }: ClusterOptions, { api }: Connection): Leadership {
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

interface Stages {
  readonly connection: Connection;
  readonly leadership: Leadership;
  readonly effects: Effects;
  readonly policies: ClusterPolicies;
  readonly timings: Partial<ReflectorTimings>;
  readonly registration: Registration;
  readonly certificates: ServingCertificates;
  readonly namespaces: Namespaces;
  readonly keychainFor: Host['keychainFor'];
  readonly decide: Decide;
  readonly onSweep: BackgroundScanOptions['onSweep'];
}

function policiesOf(
  options: ClusterOptions,
  { connection, leadership, effects, timings }: Pick<Stages, 'connection' | 'leadership' | 'effects' | 'timings'>,
): ClusterPolicies {
  const { namespace, configuration, compile, evaluator, followKms, store, metrics, log, clock } = options;
  return followClusterPolicies({
    ...connection,
    namespace,
    namespacedPolicies: configuration.configuration().namespacedPolicies,
    compile,
    evaluator,
    followKms,
    store,
    isLeader: leadership.isLeader,
    ...(scanIsOn(options) && { affected: effects.of }),
    queueMetrics: metrics.queue,
    onPartlyRead: metrics.partlyRead,
    timings,
    log,
    clock,
  });
}

function certificatesOf(
  options: ClusterOptions,
  {
    connection,
    leadership,
    policies,
    registration,
  }: Pick<Stages, 'connection' | 'leadership' | 'policies' | 'registration'>,
): ServingCertificates {
  if (options.ownCertificate) return certificatesFromFiles(options.ownCertificate);
  const { namespace, name, dnsNames, issuer, certificateLife: life, log, clock, metrics } = options;
  const certificates = manageCertificates({
    api: connection.api,
    namespace,
    name,
    dnsNames,
    issuer,
    life,
    secrets: () => secretsOf(policies),
    isLeader: leadership.isLeader,
    registration,
    log,
    clock,
    queueMetrics: metrics.queue,
  });
  policies.onSecret((changed) => {
    if (changed === `${name}-tls`) certificates.look();
  });
  return certificates;
}

/** Before the first list every Secret looks missing. */
function secretsOf({ operator }: ClusterPolicies) {
  return operator.secrets.isSynced ? { get: (name: string) => operator.secret(name) } : undefined;
}

/** A quiet watch is heard of when it ends: several times within what may be relied on. Milliseconds. */
function watchTimings(maximumAge: number): Partial<ReflectorTimings> {
  return { watch: Math.min(60_000, maximumAge / 4) };
}

function overviewOf({
  policies: { book },
  leadership,
  effects,
}: Pick<Stages, 'policies' | 'leadership' | 'effects'>): HostOverview {
  const policies = book.names().flatMap((name) => {
    const entry = book.get(name);
    // Only the leader counts; the others have read what it wrote.
    return entry ? [{ ...entry, affected: effects.of(name) ?? entry.policy.status?.affected }] : [];
  });
  return { leads: leadership.isLeader(), policies };
}

function scanIsOn({ configuration }: ClusterOptions): boolean {
  return configuration.configuration().backgroundScan.enabled;
}

function scanOf(
  options: ClusterOptions,
  stages: Omit<Stages, 'certificates' | 'registration' | 'timings'>,
): BackgroundScan {
  const { connection, leadership, effects, policies, namespaces, keychainFor, decide, onSweep } = stages;
  const { operator } = policies;
  return createBackgroundScan({
    api: connection.api,
    namespace: options.namespace,
    name: options.name,
    configuration: options.configuration.configuration,
    policies: () => options.store.snapshot(),
    namespaces,
    keychainFor,
    decide,
    onSweep,
    isLeader: leadership.isLeader,
    ready: Promise.all([...operator.reflectors, namespaces.reflector].map(({ synced }) => synced)),
    effects,
    onAffected: (names) => operator.enqueueStatus(names),
    onPartlyRead: options.metrics.partlyRead,
    log: options.log,
    monotonic: () => performance.now(),
    clock: options.clock,
  });
}

function readingsOf(
  { clock, store }: ClusterOptions,
  {
    policies,
    leadership,
    certificates,
    registration,
  }: Pick<Stages, 'policies' | 'leadership' | 'certificates' | 'registration'>,
): MetricReadings {
  const { book, operator } = policies;
  const problems = (name: string) => book.get(name)?.compiled.problems.length ?? 0;
  return {
    policies: () => book.names().length,
    policiesNotReady: () => book.names().filter((name) => problems(name) > 0).length,
    policiesEnding: () => countEndings(store.snapshot().policies.values(), clock()),
    storeAge: () => (operator.isSynced ? (performance.now() - operator.policiesHeardAt) / 1000 : undefined),
    certificateExpiry: () => {
      const at = certificates.expiresAt();
      return at === undefined ? undefined : (at - clock()) / 1000;
    },
    isLeader: leadership.isLeader,
    armed: () => registration.unarmed().length === 0,
  };
}
