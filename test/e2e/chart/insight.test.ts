// SPDX-License-Identifier: Apache-2.0
// The chart's alerts and dashboard, read by Prometheus' own parser and held against the metrics that there are.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { METRICS } from '../../../operator/telemetry/metric-definitions.ts';
import { createMetrics } from '../../../operator/telemetry/metrics.ts';
import { parseExposition } from '../../checks/exposition.ts';
import { output, requireTools } from '../workbench/tools.ts';

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec?: { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
  readonly data?: Readonly<Record<string, string>>;
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

/** The objects of a chart with these values, by kind and name. */
async function render(...flags: readonly string[]): Promise<ReadonlyMap<string, Rendered>> {
  const named = ['--set=fullnameOverride=gate', '--set=image.repository=registry.example/cosignet'];
  const text = await output(['helm', 'template', 'gate', 'helm', ...named, ...flags]);
  const objects = parseAllDocuments(text)
    .map((document): Rendered | null => document.toJS())
    .filter((object) => object !== null);
  return new Map(objects.map((object) => [`${object.kind}/${object.metadata.name}`, object]));
}

/** Names of the metrics in expressions, and in the rules if there are some; fails on what Prometheus would refuse. */
async function metricsIn(expressions: readonly string[], rules?: object): Promise<readonly string[]> {
  const dir = await mkdtemp(path.join(tmpdir(), 'promql-'));
  try {
    const file = path.join(dir, 'rules.yaml');
    await writeFile(file, JSON.stringify(rules ?? { groups: [] }));
    const names = await output(['promql-check', `-rules=${file}`], { input: JSON.stringify(expressions) });
    return names.split('\n');
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Every series name that a scrape can hold. */
async function knownNames(): Promise<ReadonlySet<string>> {
  const { text } = await createMetrics({ processMetrics: true }).render();
  const ofProcess = parseExposition(text).map(({ name }) => name);
  const own = Object.entries(METRICS).flatMap(([name, { type }]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  return new Set([...ofProcess, ...own]);
}

describe('the alerts', () => {
  let rules: readonly Rule[];
  let spec: object;

  before(async () => {
    requireTools('helm', 'promql-check');
    const rule = (await render('--set=prometheusRule.enabled=true,prometheusRule.labels.release=prom')).get(
      'PrometheusRule/gate',
    );
    assert.equal(rule?.metadata.labels['release'], 'prom');
    spec = rule.spec ?? {};
    rules = rule.spec?.groups.flatMap((group) => group.rules) ?? [];
  });

  test('are read by Prometheus, and name metrics that exist', async () => {
    const known = await knownNames();
    const names = await metricsIn([], spec);
    assert.ok(names.length >= 8, names.join());
    for (const name of names) assert.ok(known.has(name), name);
  });

  test('are about this release only', () => {
    for (const { alert, expr } of rules) {
      const selectors = expr.match(/\{[^}]*\}/g) ?? [];
      assert.ok(selectors.length > 0, alert);
      for (const selector of selectors) assert.match(selector, /job="gate"/, alert);
    }
  });

  test('say what is wrong and how bad it is', () => {
    for (const { alert, annotations, labels } of rules) {
      assert.match(annotations['summary'] ?? '', /\.$/, alert);
      assert.match(annotations['description'] ?? '', /\.$/, alert);
      assert.match(labels['severity'] ?? '', /^(critical|warning|info)$/, alert);
    }
  });

  test('are not there unless they are asked for', async () => {
    const kinds = [...(await render()).keys()];
    assert.ok(kinds.includes('Deployment/gate'));
    assert.ok(!kinds.some((key) => key.startsWith('PrometheusRule/') || key.endsWith('-dashboard')));
  });

  test('are refused by the check where they would be by Prometheus', async () => {
    await assert.rejects(metricsIn(['rate(a_total)']), /expected type range vector/);
    const rule = { alert: 'A', expr: 'a > 0', annotations: { summary: '{{ $value | nothing }}' } };
    await assert.rejects(metricsIn([], { groups: [{ name: 'g', rules: [rule] }] }), /function "nothing" not defined/);
  });
});

describe('the dashboard', () => {
  let panels: readonly Panel[];

  before(async () => {
    requireTools('helm', 'promql-check');
    const map = (await render('--set=grafanaDashboard.enabled=true')).get('ConfigMap/gate-dashboard');
    assert.equal(map?.metadata.labels['grafana_dashboard'], '1');
    panels = JSON.parse(map.data?.['cosignet.json'] ?? '').panels;
  });

  const expressions = () => panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  test('asks what Prometheus understands, for metrics that exist', async () => {
    const known = await knownNames();
    const filled = expressions().map((expr) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$job', '.*'));
    const names = await metricsIn(filled);
    for (const name of names) assert.ok(known.has(name), name);
  });

  test('shows every metric of ours', async () => {
    const text = expressions().join('\n');
    for (const name of Object.keys(METRICS)) assert.ok(text.includes(name), name);
  });

  test('has panels that do not lie on each other, and a query in each', () => {
    const taken = new Set<string>();
    for (const { title, type, gridPos, targets = [] } of panels) {
      assert.ok(type === 'row' || targets.length > 0, title);
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          assert.ok(!taken.has(`${x},${y}`), title);
          taken.add(`${x},${y}`);
        }
    }
  });
});
