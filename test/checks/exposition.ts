// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

/** One metric of Prometheus' text format, version 0.0.4. */
export interface ExposedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** With the suffix of a histogram's part. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
// Values are what Go's ParseFloat takes, to which the case of NaN means nothing.
const SAMPLE = new RegExp(
  `^(?<name>${NAME})(?:\\{(?<labels>${LABEL}(?:,${LABEL})*)?,?\\})? (?<value>[Nn]a[Nn]|[+-]Inf|[+-]?[0-9.]+(?:e[+-]?[0-9]+)?)$`,
);
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
};

/**
 * Reads a page of metrics as strictly as its format is written down
 * (https://prometheus.io/docs/instrumenting/exposition_formats/): each metric in one group with help and type before its
 * samples, no series twice, histograms that add up. Fails at the line that is wrong.
 */
export function parseExposition(text: string): readonly ExposedMetric[] {
  assert.ok(text.endsWith('\n'), `the last line must end: ${text.slice(-100)}`);
  const metrics: (ExposedMetric & { samples: Sample[] })[] = [];
  const names = new Set<string>();
  const series = new Set<string>();
  let help: { name: string; text: string } | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const [, keyword, name = '', rest = ''] = new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`).exec(line) ?? [];
    if (keyword === 'HELP') {
      assert.ok(!names.has(name), `${name} has help twice`);
      names.add(name);
      help = { name, text: rest };
    } else if (keyword === 'TYPE') {
      assert.equal(help?.name, name, `the type of ${name} must come after its help`);
      assert.ok(Object.hasOwn(SUFFIXES, rest), `${name} has the type ${rest}`);
      metrics.push({ name, help: help.text, type: rest, samples: [] });
    } else {
      const metric = metrics.at(-1);
      const sample = sampleOf(line);
      assert.ok(metric, `${line} stands before any type`);
      const parts = (SUFFIXES[metric.type] ?? []).map((suffix) => metric.name + suffix);
      assert.ok(parts.includes(sample.name), `${line} stands among the samples of ${metric.name}`);
      const key = seriesOf(sample);
      assert.ok(!series.has(key), `${line} comes twice`);
      series.add(key);
      metric.samples.push(sample);
    }
  }
  metrics.filter(({ type }) => type === 'histogram').forEach(checkHistogram);
  for (const { name, type, samples } of metrics) {
    if (type !== 'counter') continue;
    assert.match(name, /_total$/, `the counter ${name} must end with _total`);
    for (const { value } of samples) assert.ok(value >= 0, `the counter ${name} is ${value}`);
  }
  return metrics;
}

function sampleOf(line: string): Sample {
  const { name = '', labels = '', value = '' } = SAMPLE.exec(line)?.groups ?? assert.fail(`is no sample: ${line}`);
  const pairs = [...labels.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g)].map(
    ([, label = '', text = '']) => [label, JSON.parse(`"${text}"`)],
  );
  assert.equal(new Set(pairs.map(([label]) => label)).size, pairs.length, `a label comes twice: ${line}`);
  return { name, labels: Object.fromEntries(pairs), value: numberOf(value) };
}

/** Equal for samples of one series: the order of labels means nothing. */
function seriesOf({ name, labels }: Pick<Sample, 'name' | 'labels'>): string {
  const pairs = Object.keys(labels).map((label) => JSON.stringify([label, labels[label]]));
  return `${name}{${pairs.toSorted().join(',')}}`;
}

function withoutBound(labels: Sample['labels']): Sample['labels'] {
  return Object.fromEntries(Object.entries(labels).filter(([label]) => label !== 'le'));
}

function numberOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity'));
}

function checkHistogram({ name, samples }: ExposedMetric): void {
  const groups = Map.groupBy(samples, ({ labels }) => seriesOf({ name, labels: withoutBound(labels) }));
  for (const [labels, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le = '' } }) => numberOf(le));
    assert.deepEqual(
      bounds,
      [...new Set(bounds)].toSorted((a, b) => a - b),
      `bounds of ${labels}`,
    );
    assert.equal(bounds.at(-1), Infinity, `${labels} needs a bucket for everything`);
    const counts = buckets.map(({ value }) => value);
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
      `buckets of ${labels} must grow`,
    );
    const count = group.find((sample) => sample.name === `${name}_count`);
    assert.equal(counts.at(-1), count?.value, `count of ${labels}`);
    assert.ok(
      group.some((sample) => sample.name === `${name}_sum`),
      `${labels} needs a sum`,
    );
  }
}
