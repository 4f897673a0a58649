// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { METRICS, type MetricDefinition } from '../../../../operator/telemetry/metric-definitions.ts';
import { createMetrics, type MetricsOptions } from '../../../../operator/telemetry/metrics.ts';
import type { Mode } from '../../../../core/policy/types.ts';
import type { ImageDecision } from '../../../../core/verdict/review-record.ts';
import { verdict } from '../../cli/scan/reports.ts';
import { parseExposition, type ExposedMetric } from '../../../checks/exposition.ts';

const HOSTILE = 'a"b\\c\nd{e="f"} 1\n# TYPE forged counter';

const NO_TIME = { startedAt: 0, endedAt: 0 };

function decision(mode: Mode, facts: Parameters<typeof verdict>[0], refused = false): ImageDecision {
  return { verdict: verdict({ outcome: 'denied', ...facts }), mode, refused, time: NO_TIME };
}

/** Everything counted once, and with text that means something to the format. */
async function page(options?: MetricsOptions): Promise<readonly ExposedMetric[]> {
  const metrics = createMetrics(options);
  const { engine, queue } = metrics;
  engine.decided({ code: 'Verified', outcome: 'allowed', mode: 'Enforce' }, 0.003);
  engine.decided({ code: 'NoSignature', outcome: 'denied', mode: 'Warn' }, 70);
  engine.registryRequest({ registry: HOSTILE, operation: 'manifest', status: '200' });
  engine.cacheLookup({ cache: 'tag', result: 'stale' });
  queue.queueDepth('policies', 2);
  queue.queueAdded('policies');
  queue.queueRetried('policies');
  metrics.answered({ endpoint: 'mutate', status: 200 });
  metrics.reviewed({ endpoint: 'mutate', result: 'allowed' }, 0.01);
  metrics.refused({ namespace: HOSTILE, verdicts: [verdict({ policies: [HOSTILE] })] });
  const failing = [decision('Audit', { policies: [HOSTILE] })];
  metrics.admitted({ endpoint: 'validate', namespace: HOSTILE, dryRun: false, decisions: failing });
  metrics.configurationReloaded(false);
  metrics.trustRootRefreshed('ours', true);
  metrics.policiesReloaded(true);
  metrics.kmsRead('hashivault', false);
  metrics.eventDropped();
  metrics.partlyRead('pods', 2);
  engine.evidencePartlyRead();
  metrics.notified({ name: 'ops', result: 'sent' }, 3);
  metrics.traced('exported', 2);
  metrics.observe({
    policies: () => 7,
    policiesNotReady: () => 0,
    policiesEnding: () => ({ expiring: 2, expired: 3 }),
    storeAge: () => 1.5,
    certificateExpiry: () => undefined,
    isLeader: () => true,
    armed: () => false,
  });
  const { contentType, text } = await metrics.render();
  assert.match(contentType, /^text\/plain; version=0\.0\.4/);
  return parseExposition(text);
}

function buckets(...lines: readonly string[]): string {
  return `# HELP h x\n# TYPE h histogram\n${lines.join('\n')}\n`;
}

describe('the page of metrics', () => {
  test('counts refused images by policy and by namespace, and bounds what others name', async () => {
    const metrics = createMetrics();
    const both = verdict({ policies: ['a', 'b'], refusedBy: ['b'] });
    metrics.refused({ namespace: 'shop', verdicts: [both, verdict({ policies: [], code: 'NoPolicy' })] });
    for (let index = 0; index < 300; index += 1)
      metrics.refused({ namespace: `made-up-${index}`, verdicts: [verdict({ policies: [`p-${index}`] })] });
    const exposed = parseExposition((await metrics.render()).text);
    const samplesOf = (name: string, label: string) =>
      new Map(exposed.find((each) => each.name === name)?.samples.map(({ labels, value }) => [labels[label], value]));
    const namespaces = samplesOf('cosignet_namespace_refusals_total', 'namespace');
    assert.deepEqual([namespaces.get('shop'), namespaces.get('other'), namespaces.size], [2, 101, 201]);
    const policies = samplesOf('cosignet_policy_refusals_total', 'policy');
    assert.deepEqual([policies.get('b'), policies.get('none'), policies.has('a')], [1, 1, false]);
    assert.equal(policies.size, 201);
  });

  test('counts what Audit and Warn admit, by policy and namespace: once for each Pod, and not what was refused', async () => {
    const metrics = createMetrics();
    const admitted = (more: Partial<Parameters<typeof metrics.admitted>[0]>) =>
      metrics.admitted({ endpoint: 'validate', namespace: 'shop', dryRun: false, decisions: [], ...more });
    const failing = decision('Audit', { policies: ['a', 'b'], refusedBy: ['b'] });
    admitted({
      decisions: [
        failing,
        decision('Warn', { policies: [], code: 'NoPolicy' }),
        decision('Enforce', { policies: ['c'] }, true),
        decision('Audit', { policies: ['d'], outcome: 'allowed', code: 'Verified' }),
      ],
    });
    admitted({ endpoint: 'mutate', decisions: [failing] });
    admitted({ dryRun: true, decisions: [failing] });
    const exposed = parseExposition((await metrics.render()).text);
    const samplesOf = (name: string) =>
      exposed.find((each) => each.name === name)?.samples.map(({ labels, value }) => [Object.values(labels), value]);
    assert.deepEqual(samplesOf('cosignet_policy_would_refuse_total'), [
      [['b', 'Audit'], 1],
      [['none', 'Warn'], 1],
    ]);
    assert.deepEqual(samplesOf('cosignet_namespace_would_refuse_total'), [
      [['shop', 'Audit'], 1],
      [['shop', 'Warn'], 1],
    ]);
    for (let index = 0; index < 300; index += 1)
      admitted({ namespace: `made-up-${index}`, decisions: [decision('Audit', { policies: [`p-${index}`] })] });
    const later = parseExposition((await metrics.render()).text);
    for (const [name, most] of [
      ['cosignet_policy_would_refuse_total', 201],
      ['cosignet_namespace_would_refuse_total', 202],
    ] as const)
      assert.equal(later.find((each) => each.name === name)?.samples.length, most, name);
  });

  test('has each metric of the table, with its type, help and labels, and no other', async () => {
    const exposed = await page();
    assert.deepEqual(new Set(exposed.map(({ name }) => name)), new Set(Object.keys(METRICS)));
    const table: Readonly<Record<string, MetricDefinition>> = METRICS;
    for (const { name, type, help, samples } of exposed) {
      assert.equal(type, table[name]?.type, name);
      assert.equal(help, table[name]?.help, name);
      assert.ok(samples.length > 0, name);
      for (const { labels } of samples) {
        const own = Object.keys(labels).filter((label) => label !== 'le');
        assert.deepEqual(new Set(own), new Set(table[name]?.labels), name);
      }
    }
  });

  test('holds what came from outside as the text of a label', async () => {
    const requests = (await page()).find(({ name }) => name === 'cosignet_registry_requests_total');
    assert.deepEqual(
      requests?.samples.map(({ labels, value }) => [labels['registry'], value]),
      [[HOSTILE, 1]],
    );
  });

  test('is well-formed with those of the process, too', async () => {
    const names = new Set((await page({ processMetrics: true })).map(({ name }) => name));
    for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds'])
      assert.ok(names.has(name), name);
  });

  test('says of what is unknown that it is no number', async () => {
    const value = (await page()).find(({ name }) => name === 'cosignet_certificate_expiry_seconds')?.samples[0]?.value;
    assert.ok(Number.isNaN(value));
  });

  test('names the lease that is led by', async () => {
    const leader = (await page({ leaseName: 'gate' })).find(({ name }) => name === 'leader_election_master_status');
    assert.deepEqual(leader?.samples, [{ name: 'leader_election_master_status', labels: { name: 'gate' }, value: 1 }]);
  });
});

describe('the reader of such pages', () => {
  const head = '# HELP a_total x\n# TYPE a_total counter\n';

  test('takes a good page', () => {
    assert.equal(parseExposition(`${head}a_total{b="c"} 1\na_total{b="d"} 2e3\n`)[0]?.samples.length, 2);
  });

  for (const [what, text] of [
    ['an unfinished line', `${head}a_total 1`],
    ['a sample before its type', 'a_total 1\n'],
    ['a type without help', '# TYPE a_total counter\na_total 1\n'],
    ['help twice', `${head}${head}`],
    ['a sample of another metric', `${head}b_total 1\n`],
    ['a series twice', `${head}a_total{b="c"} 1\na_total{b="c"} 1\n`],
    ['a label twice', `${head}a_total{b="c",b="d"} 1\n`],
    ['a quote in a label', `${head}a_total{b="c"d"} 1\n`],
    ['a value that is none', `${head}a_total one\n`],
    ['a counter of less than nothing', `${head}a_total -1\n`],
    ['a counter without its suffix', '# HELP a x\n# TYPE a counter\na 1\n'],
    ['a histogram without its last bucket', buckets('h_bucket{le="1"} 1', 'h_sum 1', 'h_count 1')],
    ['buckets that shrink', buckets('h_bucket{le="1"} 2', 'h_bucket{le="+Inf"} 1', 'h_sum 1', 'h_count 1')],
    ['a count that is not that of the buckets', buckets('h_bucket{le="+Inf"} 1', 'h_sum 1', 'h_count 2')],
  ] as const) {
    test(`refuses ${what}`, () => assert.throws(() => parseExposition(text)));
  }
});
