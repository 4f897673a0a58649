// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from '@prometheus-io/client';
import type { EngineMetrics } from '../core/observe.ts';
import type { NotificationResult } from './notifications/target.ts';
import type { SpanResult } from './tracing/tracer.ts';
import type { QueueMetrics } from './work-queue.ts';

/** What is measured when it is asked for. Seconds; undefined: nothing to tell yet. */
export interface MetricReadings {
  readonly policies: () => number;
  readonly policiesNotReady: () => number;
  /** Since the API server last confirmed the policies. */
  readonly storeAge: () => number | undefined;
  /** Until the serving certificate expires. */
  readonly certificateExpiry: () => number | undefined;
  readonly isLeader: () => boolean;
}

export interface Metrics {
  readonly engine: EngineMetrics;
  readonly queue: QueueMetrics;
  /** One review answered. */
  reviewed(labels: { readonly endpoint: string; readonly result: string }, seconds: number): void;
  traced(result: SpanResult, spans: number): void;
  configurationReloaded(succeeded: boolean): void;
  policiesReloaded(succeeded: boolean): void;
  eventDropped(): void;
  notified(labels: { readonly name: string; readonly result: NotificationResult }, refusals: number): void;
  /** Sets what is read at each scrape; before, those metrics are absent. */
  observe(readings: MetricReadings): void;
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(options: { readonly processMetrics?: boolean } = {}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const webhookRequests = new Counter({
    name: 'controller_runtime_webhook_requests_total',
    help: 'Admission reviews answered, by path and HTTP status code.',
    labelNames: ['webhook', 'code'],
    registers,
  });
  const webhookLatency = new Histogram({
    name: 'controller_runtime_webhook_latency_seconds',
    help: 'Time to answer an admission review.',
    labelNames: ['webhook'],
    buckets: SECONDS,
    registers,
  });
  const reviews = new Counter({
    name: 'cosignet_reviews_total',
    help: 'Admission reviews by result: allowed, skipped, denied, error.',
    labelNames: ['webhook', 'result'],
    registers,
  });
  const reloads = new Counter({
    name: 'cosignet_reloads_total',
    help: 'Reloads of files, by source and result.',
    labelNames: ['source', 'result'],
    registers,
  });
  const dropped = new Counter({
    name: 'cosignet_events_dropped_total',
    help: 'Kubernetes Events that were not written because of the rate limit.',
    registers,
  });
  const notifications = new Counter({
    name: 'cosignet_notifications_total',
    help: 'Refusals to tell of by webhook, by result: sent, failed, dropped (the queue was full), repeated (told before).',
    labelNames: ['name', 'result'],
    registers,
  });
  const spans = new Counter({
    name: 'cosignet_trace_spans_total',
    help: 'Spans of traces, by result: exported, failed, dropped (the queue was full).',
    labelNames: ['result'],
    registers,
  });
  return {
    engine: engineMetrics(registers),
    queue: queueMetrics(registers),
    reviewed({ endpoint, result }, seconds) {
      const webhook = `/${endpoint}`;
      webhookRequests.inc({ webhook, code: '200' });
      webhookLatency.observe({ webhook }, seconds);
      reviews.inc({ webhook, result });
    },
    configurationReloaded: (succeeded) => reloads.inc({ source: 'configuration', result: outcome(succeeded) }),
    policiesReloaded: (succeeded) => reloads.inc({ source: 'policies', result: outcome(succeeded) }),
    eventDropped: () => dropped.inc(),
    traced: (result, count) => spans.inc({ result }, count),
    notified: (labels, refusals) => notifications.inc({ ...labels }, refusals),
    observe: (readings) => observeReadings(registers, readings),
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

function engineMetrics(registers: Registry[]): EngineMetrics {
  const verdicts = new Counter({
    name: 'cosignet_verdicts_total',
    help: 'Verdicts on images.',
    labelNames: ['code', 'outcome', 'mode'],
    registers,
  });
  const decisions = new Histogram({
    name: 'cosignet_decision_seconds',
    help: 'Time to decide about one image.',
    labelNames: ['outcome'],
    buckets: SECONDS,
    registers,
  });
  const requests = new Counter({
    name: 'cosignet_registry_requests_total',
    help: 'HTTP requests to registries.',
    labelNames: ['registry', 'operation', 'status'],
    registers,
  });
  const lookups = new Counter({
    name: 'cosignet_cache_lookups_total',
    help: 'Lookups in the caches.',
    labelNames: ['cache', 'result'],
    registers,
  });
  return {
    decided(labels, seconds) {
      verdicts.inc({ ...labels });
      decisions.observe({ outcome: labels.outcome }, seconds);
    },
    // Registries are counted and capped where they are asked (core/registry/labels.ts).
    registryRequest: (labels) => requests.inc({ ...labels }),
    cacheLookup: (labels) => lookups.inc({ ...labels }),
  };
}

function queueMetrics(registers: Registry[]): QueueMetrics {
  const depth = new Gauge({
    name: 'workqueue_depth',
    help: 'Keys that wait in a work queue.',
    labelNames: ['name'],
    registers,
  });
  const adds = new Counter({
    name: 'workqueue_adds_total',
    help: 'Keys added to a work queue.',
    labelNames: ['name'],
    registers,
  });
  const retries = new Counter({
    name: 'workqueue_retries_total',
    help: 'Retries of a work queue.',
    labelNames: ['name'],
    registers,
  });
  return {
    queueDepth: (name, value) => depth.set({ name }, value),
    queueAdded: (name) => adds.inc({ name }),
    queueRetried: (name) => retries.inc({ name }),
  };
}

function observeReadings(registers: Registry[], readings: MetricReadings): void {
  const gauge = (name: string, help: string, read: () => number | undefined) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        // Not a number is how Prometheus says "unknown": an alert on it can't mistake it for zero.
        this.set(read() ?? Number.NaN);
      },
    });
  gauge('cosignet_policy_store_policies', 'Policies in force.', readings.policies);
  gauge(
    'cosignet_policy_store_not_ready',
    'Policies that are not Ready and deny their images.',
    readings.policiesNotReady,
  );
  gauge(
    'cosignet_policy_store_age_seconds',
    'Time since the API server last confirmed the policies.',
    readings.storeAge,
  );
  gauge(
    'cosignet_certificate_expiry_seconds',
    'Time until the serving certificate expires.',
    readings.certificateExpiry,
  );
  gauge('cosignet_leader', '1 on the replica that leads.', () => Number(readings.isLeader()));
}

function outcome(succeeded: boolean): string {
  return succeeded ? 'success' : 'failure';
}
