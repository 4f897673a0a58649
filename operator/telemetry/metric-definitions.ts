// SPDX-License-Identifier: Apache-2.0

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

/**
 * Every metric of ours. Those that controller-runtime has too bear its names and mean the same, so that its dashboards
 * work. Labels have few values: codes, modes and results are closed lists, registries are counted and capped where they
 * are asked (core/registry/metric-labels.ts), policies and namespaces where they are counted, names of notifications are the configuration's.
 */
export const METRICS = {
  controller_runtime_webhook_requests_total: {
    type: 'counter',
    help: 'Admission reviews answered, by path and HTTP status code.',
    labels: ['webhook', 'code'],
  },
  controller_runtime_webhook_latency_seconds: {
    type: 'histogram',
    help: 'Time to answer an admission review.',
    labels: ['webhook'],
  },
  leader_election_master_status: {
    type: 'gauge',
    help: '1 on the replica that holds the lease of that name, 0 on the others.',
    labels: ['name'],
  },
  cosignet_armed: {
    type: 'gauge',
    help: '1 once API servers ask about every Pod, 0 while nothing is registered with them and every image runs.',
    labels: [],
  },
  workqueue_depth: { type: 'gauge', help: 'Keys that wait in a work queue.', labels: ['name'] },
  workqueue_adds_total: { type: 'counter', help: 'Keys added to a work queue.', labels: ['name'] },
  workqueue_retries_total: { type: 'counter', help: 'Retries of a work queue.', labels: ['name'] },
  cosignet_reviews_total: {
    type: 'counter',
    help: 'Admission reviews by result: allowed, skipped (nothing to check), denied, error.',
    labels: ['webhook', 'result'],
  },
  cosignet_verdicts_total: { type: 'counter', help: 'Verdicts on images.', labels: ['code', 'outcome', 'mode'] },
  cosignet_policy_refusals_total: {
    type: 'counter',
    help: 'Images refused, by policy: "none" where none covers the image, "other" beyond 200 policies.',
    labels: ['policy'],
  },
  cosignet_namespace_refusals_total: {
    type: 'counter',
    help: 'Images refused, by namespace: "other" beyond 200 namespaces.',
    labels: ['namespace'],
  },
  cosignet_policy_would_refuse_total: {
    type: 'counter',
    help: 'Images admitted that Enforce would refuse, by policy and mode (Audit, Warn): "none" where none covers the image, "other" beyond 200 policies.',
    labels: ['policy', 'mode'],
  },
  cosignet_namespace_would_refuse_total: {
    type: 'counter',
    help: 'Images admitted that Enforce would refuse, by namespace and mode (Audit, Warn): "other" beyond 200 namespaces.',
    labels: ['namespace', 'mode'],
  },
  cosignet_decision_seconds: { type: 'histogram', help: 'Time to decide about one image.', labels: ['outcome'] },
  cosignet_registry_requests_total: {
    type: 'counter',
    help: 'HTTP requests to registries.',
    labels: ['registry', 'operation', 'status'],
  },
  cosignet_cache_lookups_total: {
    type: 'counter',
    help: 'Lookups in the caches: hit, miss, or stale (an old answer while the registry fails).',
    labels: ['cache', 'result'],
  },
  cosignet_partly_read_images_total: {
    type: 'counter',
    help: 'Times that a limit ended the reading of what is stored beside an image; what was not read admits nothing.',
    labels: [],
  },
  cosignet_partly_read_objects: {
    type: 'gauge',
    help: 'Objects of the API server that are larger than what is read of one; what is left out admits nothing.',
    labels: ['collection'],
  },
  cosignet_policy_store_policies: { type: 'gauge', help: 'Policies in force.', labels: [] },
  cosignet_policy_store_not_ready: {
    type: 'gauge',
    help: 'Policies that are not Ready and deny their images.',
    labels: [],
  },
  cosignet_policy_store_expiring: {
    type: 'gauge',
    help: 'Policies that end by themselves within two weeks, or have a key that does.',
    labels: [],
  },
  cosignet_policy_store_expired: {
    type: 'gauge',
    help: 'Policies that have expired and cover nothing.',
    labels: [],
  },
  cosignet_policy_store_age_seconds: {
    type: 'gauge',
    help: 'Time since the API server last confirmed the policies.',
    labels: [],
  },
  cosignet_certificate_expiry_seconds: {
    type: 'gauge',
    help: 'Time until the serving certificate expires.',
    labels: [],
  },
  cosignet_reloads_total: {
    type: 'counter',
    help: 'Reloads of files (configuration, policies) that changed, by result: success, failure.',
    labels: ['source', 'result'],
  },
  cosignet_trust_root_refreshes_total: {
    type: 'counter',
    help: 'Refreshes of trust roots from TUF repositories, by result: success, failure.',
    labels: ['name', 'result'],
  },
  cosignet_trust_root_refreshed_timestamp_seconds: {
    type: 'gauge',
    help: 'When a trust root was last confirmed by its TUF repository, seconds since the epoch.',
    labels: ['name'],
  },
  cosignet_kms_reads_total: {
    type: 'counter',
    help: 'Readings of keys that a KMS holds, by result: success, failure. All plugins are one service.',
    labels: ['service', 'result'],
  },
  cosignet_events_dropped_total: {
    type: 'counter',
    help: 'Kubernetes Events that were not written because of the rate limit.',
    labels: [],
  },
  cosignet_notifications_total: {
    type: 'counter',
    help: 'Refusals to tell of by webhook, by result: sent, failed, dropped (the queue was full), repeated (told before).',
    labels: ['name', 'result'],
  },
  cosignet_trace_spans_total: {
    type: 'counter',
    help: 'Spans of traces, by result: exported, failed, dropped (the queue was full).',
    labels: ['result'],
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;

type Label<Name extends MetricName> = (typeof METRICS)[Name]['labels'][number];

/** Names of the metrics of one type. */
export type NameOf<Type extends MetricDefinition['type']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends Type ? Name : never;
}[MetricName];

/** Every label of a metric, and no other. */
export type LabelsOf<Name extends MetricName> = Readonly<Record<Label<Name>, string>>;
