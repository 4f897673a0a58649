// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, Registry, collectDefaultMetrics } from '@prometheus-io/client';
import { boundedNames, type EngineMetrics } from '../../core/observe.ts';
import type { Denial, ReviewRecord } from '../../core/verdict/review-record.ts';
import type { Verdict } from '../../core/verdict/types.ts';
import { refusing } from './denial-events.ts';
import { METRICS, type LabelsOf, type MetricName, type NameOf } from './metric-definitions.ts';
import { TalliedHistogram } from './tallied-histogram.ts';
import { createTally } from './tally.ts';
import type { NotificationResult } from './notifications/target.ts';
import type { SpanResult } from './tracing/tracer.ts';
import type { PartlyRead } from '../kubernetes/reflector.ts';
import type { QueueMetrics } from '../kubernetes/work-queue.ts';

/** What is measured when it is asked for. Seconds; undefined: nothing to tell yet, or at all. */
export interface MetricReadings {
  readonly policies: () => number;
  readonly policiesNotReady: () => number;
  /** Policies of which something ends soon, and that have ended. */
  readonly policiesEnding: () => { readonly expiring: number; readonly expired: number };
  /** Since the API server last confirmed the policies. */
  readonly storeAge: () => number | undefined;
  /** Until the serving certificate expires. */
  readonly certificateExpiry: () => number | undefined;
  /** Undefined where there are no others to lead. */
  readonly isLeader: () => boolean | undefined;
  /** API servers ask us about every Pod; undefined where that is somebody else's affair. */
  readonly armed: () => boolean | undefined;
}

export interface Metrics {
  readonly engine: EngineMetrics;
  readonly queue: QueueMetrics;
  /** One HTTP request answered. */
  answered(labels: { readonly endpoint: string; readonly status: number }): void;
  /** One review answered. */
  reviewed(labels: { readonly endpoint: string; readonly result: string }, seconds: number): void;
  /** A review was refused, and was no dry run. */
  refused(denial: Pick<Denial, 'namespace' | 'verdicts'>): void;
  /** A review was answered; what it admitted although it fails is counted. */
  admitted(record: Pick<ReviewRecord, 'endpoint' | 'namespace' | 'dryRun' | 'decisions'>): void;
  configurationReloaded(succeeded: boolean): void;
  policiesReloaded(succeeded: boolean): void;
  /** A trust root was asked for in its TUF repository. */
  trustRootRefreshed(name: string, succeeded: boolean): void;
  /** A key was asked for of this KMS. */
  kmsRead(service: string, succeeded: boolean): void;
  eventDropped(): void;
  readonly partlyRead: PartlyRead;
  notified(labels: { readonly name: string; readonly result: NotificationResult }, refusals: number): void;
  traced(result: SpanResult, spans: number): void;
  /** Sets what is read at each scrape; before, those metrics are absent. */
  observe(readings: MetricReadings): void;
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface MetricsOptions {
  /** Of the process and of Node, too. */
  readonly processMetrics?: boolean;
  /** Of the lease that replicas lead by. */
  readonly leaseName?: string;
}

/** A text that is made anew for each review has to be hashed for each, too. */
const WEBHOOKS: ReadonlyMap<string, string> = new Map([
  ['mutate', '/mutate'],
  ['validate', '/validate'],
]);

function webhookOf(endpoint: string): string {
  return WEBHOOKS.get(endpoint) ?? `/${endpoint}`;
}

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics({ processMetrics = false, leaseName = 'cosignet' }: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: registry });
  const make = makers(registry);
  const webhookRequests = make.counter('controller_runtime_webhook_requests_total');
  const webhookLatency = make.histogram('controller_runtime_webhook_latency_seconds');
  const reviews = make.counter('cosignet_reviews_total');
  const reloads = make.counter('cosignet_reloads_total');
  const refreshes = make.counter('cosignet_trust_root_refreshes_total');
  const refreshedAt = make.gauge('cosignet_trust_root_refreshed_timestamp_seconds');
  const partlyRead = make.gauge('cosignet_partly_read_objects');
  const kmsReads = make.counter('cosignet_kms_reads_total');
  const dropped = make.counter('cosignet_events_dropped_total');
  const notifications = make.counter('cosignet_notifications_total');
  const spans = make.counter('cosignet_trace_spans_total');
  const reloaded = (source: string) => (succeeded: boolean) =>
    reloads({ source, result: succeeded ? 'success' : 'failure' });
  return {
    engine: engineMetrics(make),
    queue: queueMetrics(make),
    answered: ({ endpoint, status }) => webhookRequests({ webhook: webhookOf(endpoint), code: String(status) }),
    reviewed({ endpoint, result }, seconds) {
      const webhook = webhookOf(endpoint);
      webhookLatency({ webhook }, seconds);
      reviews({ webhook, result });
    },
    refused: refusalMetrics(make),
    admitted: admittedMetrics(make),
    configurationReloaded: reloaded('configuration'),
    policiesReloaded: reloaded('policies'),
    trustRootRefreshed(name, succeeded) {
      refreshes({ name, result: succeeded ? 'success' : 'failure' });
      if (succeeded) refreshedAt({ name }, Date.now() / 1000);
    },
    kmsRead: (service, succeeded) => kmsReads({ service, result: succeeded ? 'success' : 'failure' }),
    eventDropped: () => dropped({}),
    partlyRead: (collection, objects) => partlyRead({ collection }, objects),
    notified: (labels, refusals) => notifications(labels, refusals),
    traced: (result, count) => spans({ result }, count),
    observe: (readings) => observeReadings(make, readings, leaseName),
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

function engineMetrics(make: Makers): EngineMetrics {
  const verdicts = make.counter('cosignet_verdicts_total');
  const decisions = make.histogram('cosignet_decision_seconds');
  const partlyRead = make.counter('cosignet_partly_read_images_total');
  return {
    decided(labels, seconds) {
      verdicts(labels);
      decisions({ outcome: labels.outcome }, seconds);
    },
    registryRequest: make.counter('cosignet_registry_requests_total'),
    cacheLookup: make.counter('cosignet_cache_lookups_total'),
    evidencePartlyRead: () => partlyRead({}),
  };
}

/** Both are names that others choose. */
const NAMES_MOST = 200;

function refusalMetrics(make: Makers): Metrics['refused'] {
  const byPolicy = make.counter('cosignet_policy_refusals_total');
  const byNamespace = make.counter('cosignet_namespace_refusals_total');
  const policyLabel = boundedNames(NAMES_MOST);
  const namespaceLabel = boundedNames(NAMES_MOST);
  return ({ namespace, verdicts }) => {
    byNamespace({ namespace: namespaceLabel(namespace) }, verdicts.length);
    for (const policy of verdicts.flatMap(policiesAgainst)) byPolicy({ policy: policyLabel(policy) });
  };
}

function admittedMetrics(make: Makers): Metrics['admitted'] {
  const byPolicy = make.counter('cosignet_policy_would_refuse_total');
  const byNamespace = make.counter('cosignet_namespace_would_refuse_total');
  const policyLabel = boundedNames(NAMES_MOST);
  const namespaceLabel = boundedNames(NAMES_MOST);
  return ({ endpoint, namespace, dryRun, decisions }) => {
    // A Pod is asked about at both ends, and in audited namespaces only at this one.
    if (endpoint !== 'validate' || dryRun) return;
    for (const { verdict, mode, refused } of decisions) {
      if (refused || verdict.outcome === 'allowed') continue;
      byNamespace({ namespace: namespaceLabel(namespace), mode });
      for (const policy of policiesAgainst(verdict)) byPolicy({ policy: policyLabel(policy), mode });
    }
  };
}

function policiesAgainst(verdict: Verdict): readonly string[] {
  const policies = refusing(verdict);
  return policies.length === 0 ? ['none'] : policies;
}

function queueMetrics(make: Makers): QueueMetrics {
  const depth = make.gauge('workqueue_depth');
  const adds = make.counter('workqueue_adds_total');
  const retries = make.counter('workqueue_retries_total');
  return {
    queueDepth: (name, value) => depth({ name }, value),
    queueAdded: (name) => adds({ name }),
    queueRetried: (name) => retries({ name }),
  };
}

function observeReadings(make: Makers, readings: MetricReadings, leaseName: string): void {
  make.reading('cosignet_policy_store_policies', {}, readings.policies);
  make.reading('cosignet_policy_store_not_ready', {}, readings.policiesNotReady);
  make.reading('cosignet_policy_store_expiring', {}, () => readings.policiesEnding().expiring);
  make.reading('cosignet_policy_store_expired', {}, () => readings.policiesEnding().expired);
  make.reading('cosignet_policy_store_age_seconds', {}, readings.storeAge);
  make.reading('cosignet_certificate_expiry_seconds', {}, readings.certificateExpiry);
  make.reading('leader_election_master_status', { name: leaseName }, numberOf(readings.isLeader));
  make.reading('cosignet_armed', {}, numberOf(readings.armed));
}

function numberOf(read: () => boolean | undefined): () => number | undefined {
  return () => {
    const holds = read();
    return holds === undefined ? undefined : Number(holds);
  };
}

/** Metrics by their definitions: a name, type or label that isn't in the table doesn't compile. */
interface Makers {
  counter<Name extends NameOf<'counter'>>(name: Name): (labels: LabelsOf<Name>, by?: number) => void;
  gauge<Name extends NameOf<'gauge'>>(name: Name): (labels: LabelsOf<Name>, value: number) => void;
  histogram<Name extends NameOf<'histogram'>>(name: Name): (labels: LabelsOf<Name>, seconds: number) => void;
  reading<Name extends NameOf<'gauge'>>(name: Name, labels: LabelsOf<Name>, read: () => number | undefined): void;
}

function makers(registry: Registry): Makers {
  const settings = (name: MetricName) => {
    const { help, labels } = METRICS[name];
    return { name, help, labelNames: [...labels], registers: [registry] };
  };
  return {
    counter(name) {
      const tally = createTally<LabelsOf<typeof name>>(METRICS[name].labels);
      const counter: Counter<string> = new Counter<string>({
        ...settings(name),
        collect: () => tally.take((labels, sum) => counter.inc(labels, sum)),
      });
      return (labels, by = 1) => tally.add(labels, by);
    },
    gauge(name) {
      const gauge = new Gauge<string>(settings(name));
      return (labels, value) => gauge.set(labels, value);
    },
    histogram(name) {
      const histogram = new TalliedHistogram(settings(name), SECONDS);
      return (labels, seconds) => histogram.count(labels, seconds);
    },
    reading(name, labels, read) {
      const gauge: Gauge<string> = new Gauge<string>({
        ...settings(name),
        // Not a number is how Prometheus says "unknown": an alert on it can't mistake it for zero.
        collect: () => gauge.set({ ...labels }, read() ?? Number.NaN),
      });
    },
  };
}
