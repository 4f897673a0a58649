// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { createKeyRing } from '../core/keys/key-ring.ts';
import type { Logger } from '../core/observe.ts';
import { compilePolicy } from '../core/policy/compile/compile.ts';
import { createEvaluator } from '../core/policy/evaluator/evaluator.ts';
import type { CompileMeans } from './cluster.ts';
import type { AnyImagePolicy } from '../core/policy/documents/kinds.ts';
import { createPolicyStore, type PolicyStore } from '../core/policy/store/store.ts';
import { createRegistryClient } from '../core/registry/client/client.ts';
import { anonymousKeychain, chainKeychains } from '../core/registry/credentials/keychains.ts';
import { createNameLookup } from '../core/registry/transport/name-lookup.ts';
import { createLiveRegistryClient, type LiveRegistryClient } from '../core/registry/client/live-client.ts';
import type { Keychain } from '../core/registry/types.ts';
import { createEngine } from '../core/verdict/engine.ts';
import { createRecentVerdicts, type RecentVerdicts } from '../core/verdict/recent.ts';
import type { Decide } from '../core/verdict/types.ts';
import { createReviewHandler } from '../webhook/admission/handler.ts';
import { startWebhookServer, type WebhookServer } from '../webhook/http/server.ts';
import { issueCertificateAuthority, issueServingCertificate } from './certificates/issue.ts';
import { LOCAL_NAMES, serviceDnsNames } from './certificates/server-names.ts';
import { BACKDATED, DEFAULT_LIFE } from './certificates/certificate-material.ts';
import { followFileCertificate, type FileCertificate, type ServingPair } from './certificates/file-certificate.ts';
import { followConfiguration, type LiveConfiguration } from './configuration/live-configuration.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { createNotifier, type Notifier } from './telemetry/notifications/notifier.ts';
import { startProbes } from './telemetry/probes.ts';
import type { Host } from './host.ts';
import { createTufFollower } from './configuration/tuf-follower.ts';
import { startTracing } from './telemetry/tracing/start.ts';
import type { Tracer } from './telemetry/tracing/tracer.ts';

export interface ServeOptions {
  /** Files and folders with ImagePolicies, in place of a cluster. */
  readonly policies?: readonly string[];
  /** Port 0: any free one; the line `serving` of the log has it. */
  readonly listen: Address;
  readonly metricsListen: Address;
  /** PEM files; both or none. Without, certificates are self-made: in a cluster those of the Secret. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** Of serving certificates that are self-made in a cluster, in milliseconds; default 90 days. */
  readonly certificateLife?: number;
  readonly configPath?: string;
  /** Folder for what is read from TUF repositories; written to only where `trustRoots` name some. */
  readonly tufCache: string;
  /** Where the release is, and what its Service, Lease, webhook configurations and (with `-tls`) Secret are called. */
  readonly namespace: string;
  readonly name: string;
  /** Of this replica: the Pod's name. */
  readonly identity: string;
  /** Credentials for registries outside of a cluster. */
  readonly keychain?: Keychain;
  /** From the failing readiness to the closed door; default 10 s in a cluster, else none. */
  readonly graceMilliseconds?: number;
  /** Variables of the process; of them OTEL_… say whether and where traces go. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

const CLUSTER_GRACE = 10_000;
/** For requests that arrived before the door closed. */
const DRAIN = 10_000;
const DAY = 86_400_000;

/**
 * Operator and webhook until the signal is aborted; resolves to the exit code. Rejects (`ConfigurationError`,
 * `PolicyFilesError`, errors of files and ports) where it can't start.
 */
export async function serve(options: ServeOptions, signal: AbortSignal): Promise<number> {
  const metrics = createMetrics({ processMetrics: true, leaseName: options.name });
  const closing: (() => Promise<unknown>)[] = [];
  try {
    await run(options, { signal, metrics, closing });
    return 0;
  } finally {
    for (const close of closing.toReversed()) await close().catch(() => undefined);
  }
}

interface Running {
  readonly signal: AbortSignal;
  readonly metrics: Metrics;
  /** What was opened, in its order. */
  readonly closing: (() => Promise<unknown>)[];
}

async function run(options: ServeOptions, running: Running): Promise<void> {
  const { log } = options;
  const { signal, metrics, closing } = running;
  const state: { webhook?: WebhookServer; host?: Host; registry?: LiveRegistryClient } = {};
  const follower = createTufFollower({
    cache: options.tufCache,
    proxy: () => configuration.configuration().proxy,
    // What was proven by the former root is judged anew.
    onChange: () => state.host?.reconfigured(),
    onRefresh: (name, succeeded) => metrics.trustRootRefreshed(name, succeeded),
    log,
    clock: Date.now,
    random: Math.random,
  });
  const configuration: LiveConfiguration = await followConfiguration({
    path: options.configPath,
    log,
    onReload: (succeeded) => {
      metrics.configurationReloaded(succeeded);
      if (!succeeded) return;
      follower.follow(configuration.tufRepositories());
      state.registry?.renew();
      state.host?.reconfigured();
    },
    followedText: (repository) => follower.text(repository),
    environment: options.environment ?? {},
  });
  closing.push(() => configuration.stop());
  follower.follow(configuration.tufRepositories());
  closing.push(() => follower.stop());
  const store = createPolicyStore();
  const registry = startRegistryClient(configuration, { options, running });
  state.registry = registry;
  const decide = createEngine({
    policies: { snapshot: () => store.snapshot(), outdated: () => state.host?.outdated() },
    registry,
    trustRoots: configuration.trustRoots,
    configuration: configuration.configuration,
    clock: Date.now,
    metrics: metrics.engine,
  });
  const recent = createRecentVerdicts({
    decide,
    policies: store,
    configuration: configuration.configuration,
    clock: Date.now,
    metrics: metrics.engine,
  });
  const host = await surround(options, { configuration, store, decide, running, state });
  state.host = host;
  closing.push(() => host.stop());
  metrics.observe(host.readings);
  const notifier = startNotifier(options, { configuration, host, running });
  const tracer = await startTracing({
    environment: options.environment ?? {},
    identity: options.identity,
    onSpans: (result, spans) => metrics.traced(result, spans),
    log,
  });
  closing.push(async () => tracer?.stop());

  const notReady = () => {
    if (signal.aborted) return ['shutting down'];
    return state.webhook ? host.notReady() : ['the webhook does not listen yet', ...host.notReady()];
  };
  const probes = await startProbes({ listen: options.metricsListen, notReady, metrics: () => metrics.render(), log });
  closing.push(() => probes.close());

  const tls = await firstOf(host.certificate, signal);
  if (!tls) return;
  const webhook = await startWebhook(tls, { options, running, configuration, recent, host, notifier, tracer });
  state.webhook = webhook;
  host.onCertificate((pair) => webhook.setCertificate(pair));
  log.info('serving', {
    webhook: `https://${hostOf(options.listen)}:${webhook.port}`,
    metrics: `http://${hostOf(options.metricsListen)}:${probes.port}`,
  });

  await aborted(signal);
  // Readiness fails first; until every API server knows, reviews still come and are answered.
  webhook.retire();
  const grace = options.graceMilliseconds ?? (options.policies ? 0 : CLUSTER_GRACE);
  await Promise.all([host.handOver(), sleep(grace)]);
  log.info('closing');
  await webhook.drain(DRAIN);
}

function startRegistryClient(
  configuration: LiveConfiguration,
  { options, running }: { options: ServeOptions; running: Running },
): LiveRegistryClient {
  const lookup = createNameLookup();
  const registry = createLiveRegistryClient(() =>
    createRegistryClient({
      settings: configuration.settings,
      limits: configuration.configuration().limits,
      proxy: configuration.configuration().proxy,
      lookup,
      clock: Date.now,
      metrics: running.metrics.engine,
      log: options.log,
    }),
  );
  running.closing.push(() => registry.close());
  return registry;
}

interface Around {
  readonly configuration: LiveConfiguration;
  readonly store: PolicyStore;
  readonly decide: Decide;
  readonly running: Running;
  readonly state: { readonly webhook?: WebhookServer };
}

async function surround(options: ServeOptions, around: Around): Promise<Host> {
  const { configuration, store, decide, running } = around;
  const { log } = options;
  const { metrics } = running;
  const parseKey = createKeyRing();
  const evaluator = createEvaluator({
    monotonic: () => performance.now(),
    onEnded: (reason, owner) => log.error('the thread that evaluates policies was replaced', { reason, owner }),
  });
  running.closing.push(() => evaluator.stop());
  const compile = (policy: AnyImagePolicy, means: CompileMeans) =>
    compilePolicy(policy, {
      ...means,
      parseKey,
      trustRoots: new Set(configuration.trustRoots.names()),
    });
  const fromFiles = await fileCertificate(options, running);
  if (options.policies) {
    const { startStandalone } = await import('./standalone.ts');
    const { preparedApart } = await import('../core/policy/evaluator/in-process.ts');
    return startStandalone({
      policies: options.policies,
      compile: (policy) => compile(policy, { secret: () => undefined, prepareDemand: preparedApart(evaluator) }),
      namespacedPolicies: configuration.configuration().namespacedPolicies,
      store,
      keychain: chainKeychains([options.keychain ?? anonymousKeychain, configuration.credentials]),
      certificate: fromFiles ? Promise.resolve(fromFiles.current()) : selfMade(Date.now()),
      onCertificate: (listener) => fromFiles?.listen(listener),
      onReload: (succeeded) => metrics.policiesReloaded(succeeded),
      log,
    });
  }
  // The client library is large: only who has a cluster pays for it.
  const { startCluster } = await import('./cluster.ts');
  return startCluster({
    namespace: options.namespace,
    name: options.name,
    identity: options.identity,
    dnsNames: serviceDnsNames(options.name, options.namespace),
    issuer: { issueAuthority: issueCertificateAuthority, issueServing: issueServingCertificate },
    certificateLife: options.certificateLife ?? DEFAULT_LIFE,
    ownCertificate: fromFiles,
    compile,
    evaluator,
    store,
    decide,
    configuration,
    metrics,
    log,
    clock: Date.now,
  });
}

async function fileCertificate(options: ServeOptions, running: Running): Promise<FileCertificate | undefined> {
  const { tlsCert: certFile, tlsKey: keyFile, log } = options;
  if (certFile === undefined || keyFile === undefined) return undefined;
  const files = await followFileCertificate({ certFile, keyFile, log });
  running.closing.push(() => files.stop());
  return files;
}

/** Outside of a cluster, for the life of this process. */
async function selfMade(now: number): Promise<ServingPair> {
  const dates = { notBefore: now - BACKDATED, notAfter: now + 365 * DAY };
  const authority = await issueCertificateAuthority({ commonName: 'Cosignet local CA', ...dates });
  const made = await issueServingCertificate({ authority, commonName: 'localhost', ...LOCAL_NAMES, ...dates });
  return { cert: made.certificate + authority.certificate, key: made.privateKey };
}

interface Notifying {
  readonly configuration: LiveConfiguration;
  readonly host: Host;
  readonly running: Running;
}

function startNotifier(options: ServeOptions, { configuration, host, running }: Notifying): Notifier {
  const notifier = createNotifier({
    notifications: () => configuration.configuration().notifications,
    secretText: host.secretText,
    identity: options.identity,
    onResult: (labels, refusals) => running.metrics.notified(labels, refusals),
    log: options.log,
    clock: Date.now,
    monotonic: () => performance.now(),
  });
  running.closing.push(() => notifier.stop());
  return notifier;
}

interface Webhook {
  readonly options: ServeOptions;
  readonly running: Running;
  readonly configuration: LiveConfiguration;
  readonly recent: RecentVerdicts;
  readonly host: Host;
  readonly notifier: Notifier;
  readonly tracer: Tracer | undefined;
}

function startWebhook(tls: ServingPair, webhook: Webhook): Promise<WebhookServer> {
  const { options, running, configuration, recent, host, notifier, tracer } = webhook;
  const handler = createReviewHandler({
    decide: recent.decide,
    recall: (image, name) => {
      const namespace = host.knownNamespace(name);
      return namespace && !host.outdated() ? recent.recall(image, namespace) : undefined;
    },
    namespaceContext: host.namespaceContext,
    keychainFor: host.keychainFor,
    configuration: configuration.configuration,
    ownNamespace: options.policies ? '' : options.namespace,
    log: options.log,
    clock: Date.now,
    observe: {
      request: (labels, seconds) => running.metrics.reviewed(labels, seconds),
      denied: (denial) => {
        host.denied(denial);
        notifier.denied(denial);
      },
      ...(tracer !== undefined && { reviewed: tracer.reviewed }),
    },
  });
  return startWebhookServer({
    listen: options.listen,
    tls,
    handler,
    // So that the API servers' open connections go where the Service sends new ones.
    isLeaving: () => host.notReady().length > 0,
    log: options.log,
    onAnswered: (endpoint, status) => running.metrics.answered({ endpoint, status }),
  });
}

/** Undefined: aborted before. */
async function firstOf<T>(value: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return Promise.race([value, aborted(signal).then(() => undefined)]);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** What a client on this machine can call. */
function hostOf({ host }: Address): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
