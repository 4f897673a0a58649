// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { orAborted } from '../core/deadline.ts';
import { createReadingThread } from '../core/cosign/reading/reading-thread.ts';
import { createEvaluator, type Evaluator } from '../core/policy/evaluator/evaluator.ts';
import { createAdmissionDoor } from '../webhook/admission/door.ts';
import { createDefinitionDoor } from '../webhook/policies/definition-door.ts';
import { createPolicyDoor } from '../webhook/policies/door.ts';
import { createReviewHandler } from '../webhook/admission/handler.ts';
import { createConnections, tellOf } from '../webhook/http/connections.ts';
import { startWebhookServer, type WebhookServer, type WebhookServerOptions } from '../webhook/http/server.ts';
import { followFileCertificate, type FileCertificate, type ServingPair } from './certificates/file-certificate.ts';
import { startConfiguration, type FollowedConfiguration } from './configuration/start.ts';
import { startEngine, type RunningEngine } from './engine.ts';
import type { Dashboard } from './dashboard/start.ts';
import type { Host } from './host/host.ts';
import { startHost, type HostOptions } from './host/start.ts';
import { createOpened, type Opened } from './opened.ts';
import { createPolicyAdvice } from './policies/policy-advice.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { createNotifier, type Notifier } from './telemetry/notifications/notifier.ts';
import { startProbes, type Probes, type ProbesOptions } from './telemetry/probes.ts';
import { startTracing } from './telemetry/tracing/start.ts';
import type { Tracer } from './telemetry/tracing/tracer.ts';

export interface ServeOptions extends HostOptions {
  /** Port 0: any free one; the line `serving` of the log has it. */
  readonly listen: Address;
  /** Of metrics, and of probes too. */
  readonly metricsListen: Address;
  /** Of probes alone, so that clients of the metrics can't keep the kubelet out. */
  readonly probesListen?: Address;
  /** PEM files; both or none. Without, certificates are self-made: in a cluster those of the Secret. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** For people, on the loopback of a Pod alone; left out, none is served. */
  readonly dashboard?: { readonly port: number; readonly version: string };
  readonly configPath?: string;
  /** Folder for what is read from TUF repositories; written to only where `trustRoots` name some. */
  readonly tufCache: string;
  /** From the failing readiness to the closed door; default 10 s in a cluster, else none. */
  readonly graceMilliseconds?: number;
}

export interface Address {
  /** Empty: every address of the machine, of IPv4 and of IPv6, where it has them. */
  readonly host: string;
  readonly port: number;
}

/** Of each listener; a kubelet has one connection, Prometheus one or two. */
const PROBE_CONNECTIONS = { connections: 256, strangersOfSource: 64 };
const CLUSTER_GRACE = 10_000;
/** For requests that arrived before the door closed. */
const DRAIN = 10_000;

/**
 * Operator and webhook until the signal is aborted; resolves to the exit code. Rejects (`ConfigurationError`,
 * `PolicyFilesError`, errors of files and ports) where it can't start.
 */
export async function serve(options: ServeOptions, signal: AbortSignal): Promise<number> {
  const opened = createOpened(options.log);
  try {
    await run(options, signal, opened);
    return 0;
  } finally {
    await opened.closeAll();
  }
}

/** The stages of the start, each given what those before it made; then the wait for the end, and the way out. */
async function run(options: ServeOptions, signal: AbortSignal, opened: Opened): Promise<void> {
  const { log } = options;
  const metrics = createMetrics({ processMetrics: true, leaseName: options.name });
  const configuration = opened.keep(await configurationOf(options, metrics), (it) => it.stop());
  const certificate = opened.keep(await fileCertificate(options), async (it) => it?.stop());
  const evaluator = opened.keep(
    createEvaluator({
      monotonic: () => performance.now(),
      onEnded: (reason, owner) => log.error('the thread that evaluates policies was replaced', { reason, owner }),
    }),
    (it) => it.stop(),
  );
  const reading = opened.keep(
    createReadingThread({
      monotonic: () => performance.now(),
      onEnded: (reason, owner) => log.error('the thread that reads large evidence was replaced', { reason, owner }),
    }),
    (it) => it.stop(),
  );
  const host = opened.keep(await startHost(options, { configuration, certificate, evaluator, metrics }), (it) =>
    it.stop(),
  );
  const engine = opened.keep(
    startEngine({
      policies: host.policies,
      configuration,
      metrics: metrics.engine,
      log,
      counted: host.counted,
      readStored: reading.readStored,
    }),
    (it) => it.close(),
  );
  configuration.onReload(() => host.reconfigured());
  configuration.onTrustRoot(() => host.reconfigured());
  metrics.observe(host.readings);
  const dashboard = opened.keep(await dashboardOf(options, { configuration, host }), async (it) => it?.stop());
  opened.keep(host.scan(engine.decide, dashboard?.swept), async (it) => it?.stop());
  const notifier = opened.keep(notifierOf(options, { configuration, host, metrics }), (it) => it.stop());
  const tracer = opened.keep(await tracerOf(options, metrics), async (it) => it?.stop());

  let listens = false;
  const notReady = () => {
    if (signal.aborted) return ['shutting down'];
    return listens ? host.notReady() : ['the webhook does not listen yet', ...host.notReady()];
  };
  const start = async (listen: Address, more: Pick<ProbesOptions, 'metrics'>): Promise<Probes> => {
    const connections = createConnections(PROBE_CONNECTIONS, tellOf(log, 'connections closed to make room for others'));
    return opened.keep(
      await startProbes({ listen, notReady, notInForce: host.notInForce, connections, log, ...more }),
      (it) => it.close(),
    );
  };
  const probes = await start(options.metricsListen, { metrics: () => metrics.render() });
  if (options.probesListen) await start(options.probesListen, {});
  const tls = await orAborted(host.certificate, signal, () => undefined);
  if (!tls) return;
  const webhook = await startWebhook(options, tls, {
    configuration,
    evaluator,
    engine,
    host,
    notifier,
    tracer,
    metrics,
    dashboard,
  });
  listens = true;
  configuration.onReload(() => webhook.renewAuthorities());
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

function configurationOf(options: ServeOptions, metrics: Metrics): Promise<FollowedConfiguration> {
  const { configPath: path, tufCache, environment = {}, log } = options;
  return startConfiguration({ path, tufCache, environment, metrics, log });
}

async function fileCertificate({ tlsCert, tlsKey, log }: ServeOptions): Promise<FileCertificate | undefined> {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return followFileCertificate({ certFile: tlsCert, keyFile: tlsKey, log });
}

/** What the webhook is made of. */
interface Parts {
  readonly configuration: FollowedConfiguration;
  readonly evaluator: Evaluator;
  readonly engine: RunningEngine;
  readonly host: Host;
  readonly notifier: Notifier;
  readonly tracer: Tracer | undefined;
  readonly metrics: Metrics;
  readonly dashboard: Dashboard | undefined;
}

function notifierOf(
  { identity, log }: ServeOptions,
  { configuration, host, metrics }: Pick<Parts, 'configuration' | 'host' | 'metrics'>,
): Notifier {
  return createNotifier({
    notifications: () => configuration.configuration().notifications,
    secretText: host.secretText,
    identity,
    onResult: (labels, refusals) => metrics.notified(labels, refusals),
    log,
    clock: Date.now,
    monotonic: () => performance.now(),
  });
}

function tracerOf({ environment = {}, identity, log }: ServeOptions, metrics: Metrics): Promise<Tracer | undefined> {
  return startTracing({ environment, identity, onSpans: (result, spans) => metrics.traced(result, spans), log });
}

async function dashboardOf(
  { dashboard, identity, environment = {}, log }: ServeOptions,
  { configuration, host }: Pick<Parts, 'configuration' | 'host'>,
): Promise<Dashboard | undefined> {
  const { overview } = host;
  if (dashboard === undefined || overview === undefined) return undefined;
  const { port, version } = dashboard;
  const { startDashboard } = await import('./dashboard/start.ts');
  return startDashboard({
    port,
    environment,
    overview: () => ({
      ...overview(),
      identity,
      version,
      notReady: host.notReady(),
      notInForce: host.notInForce(),
      configuration: configuration.configuration(),
    }),
    log,
    clock: Date.now,
    monotonic: () => performance.now(),
  });
}

function startWebhook(options: ServeOptions, tls: ServingPair, parts: Parts): Promise<WebhookServer> {
  const { configuration, evaluator, engine, host, notifier, tracer, metrics, dashboard } = parts;
  const advice = createPolicyAdvice({ evaluator, trustRoots: configuration.trustRoots });
  // Files have no API server that would ask.
  const ofCluster = options.policies
    ? []
    : [
        createPolicyDoor({ adviceOn: advice, log: options.log }),
        createDefinitionDoor({ lostBy: host.lostBy, log: options.log }),
      ];
  const { recent } = engine;
  const handler = createReviewHandler({
    decide: recent.decide,
    recall: (image, name) => {
      const namespace = host.knownNamespace(name);
      return namespace && recent.recall(image, namespace);
    },
    namespaceContext: host.namespaceContext,
    keychainFor: host.keychainFor,
    configuration: configuration.configuration,
    ownNamespace: options.policies ? '' : options.namespace,
    log: options.log,
    clock: Date.now,
    observe: {
      request: (labels, seconds) => metrics.reviewed(labels, seconds),
      denied: (denial) => {
        host.denied(denial);
        notifier.denied(denial);
        metrics.refused(denial);
        dashboard?.denied(denial);
      },
      reviewed: (record) => {
        metrics.admitted(record);
        tracer?.reviewed(record);
      },
    },
  });
  return startWebhookServer({
    listen: options.listen,
    tls,
    ...clientsOf(configuration),
    doors: [createAdmissionDoor(handler), ...ofCluster],
    callerBy: host.callerBy,
    // So that the API servers' open connections go where the Service sends new ones.
    isLeaving: () => host.notReady().length > 0,
    log: options.log,
    onAnswered: (endpoint, status) => metrics.answered({ endpoint, status }),
  });
}

/** Whether callers need certificates is decided at start: it is part of how the port listens. */
function clientsOf({ clientAuthorities }: FollowedConfiguration): Pick<WebhookServerOptions, 'clientAuthorities'> {
  const first = clientAuthorities();
  if (first === undefined) return {};
  let last = first;
  return { clientAuthorities: () => (last = clientAuthorities() ?? last) };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** What a client on this machine can call. */
function hostOf({ host }: Address): string {
  if (['', '0.0.0.0', '::'].includes(host)) return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
