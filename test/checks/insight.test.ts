// SPDX-License-Identifier: Apache-2.0
// The pages about metrics and alerts, against what there is.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { parseConfiguration } from '../../core/config/configuration.ts';
import { notesOf } from '../../operator/telemetry/notifications/note.ts';
import { payloadOf } from '../../operator/telemetry/notifications/payloads.ts';
import { METRICS } from '../../operator/telemetry/metric-definitions.ts';
import { denial } from '../unit/operator/telemetry/notifications/denials.ts';
import { codeBlocks, section, tableRows } from './markdown.ts';
import { read } from './sources.ts';

const howTo = read('docs/how-to/alerts-and-dashboards.md');

describe('the metrics page', () => {
  test('has every metric with its type, labels and meaning, and no other', () => {
    assert.deepEqual(
      tableRows(read('docs/reference/metrics.md')),
      Object.entries(METRICS).map(([name, { type, labels, help }]) => [name, type, labels.join(', '), help]),
    );
  });
});

describe('the page about alerts', () => {
  test('names every alert and no other', () => {
    const { groups }: { groups: { rules: { alert: string }[] }[] } = parse(read('helm/files/alerts.yaml'));
    const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
    const rows = tableRows(section(howTo, 'Metrics, alerts and a dashboard') ?? '');
    assert.deepEqual(
      rows.map(([name]) => name),
      alerts,
    );
  });

  test('gives values that the chart has', () => {
    const known: Record<string, unknown> = parse(read('helm/values.yaml'));
    for (const block of codeBlocks(howTo, ['yaml'])) {
      const values: Record<string, unknown> = parse(block);
      for (const name of Object.keys(values)) assert.ok(Object.hasOwn(known, name), name);
    }
  });

  test('configures notifications as they can be', () => {
    const [block = ''] = codeBlocks(section(howTo, 'Send refusals to a chat') ?? '', ['yaml']);
    const { config }: { config: object } = parse(block);
    assert.equal(parseConfiguration(stringify(config)).notifications.length, 2);
  });

  test('shows the JSON of a notification with the fields that it has', () => {
    const [block = ''] = codeBlocks(section(howTo, 'Send refusals to a chat') ?? '', ['json']);
    const subject = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5f', uid: 'a' };
    const notes = notesOf(denial('a:1', { subject }), 0);
    const real = JSON.parse(JSON.stringify(payloadOf('json', { notes, omitted: 0, instance: 'x' })));
    const shown = JSON.parse(block);
    assert.deepEqual(Object.keys(shown), Object.keys(real));
    assert.deepEqual(Object.keys(shown.refusals[0]), Object.keys(real.refusals[0]));
    for (const field of Object.keys(shown.refusals[0].verdict))
      assert.ok(Object.hasOwn(real.refusals[0].verdict, field), field);
  });
});
