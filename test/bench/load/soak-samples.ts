// SPDX-License-Identifier: Apache-2.0
import type { MeasuredProcess } from './measured-process.ts';

/** What is measured of a process at one moment. */
export interface Sample {
  /** Milliseconds since the first. */
  readonly at: number;
  readonly values: Readonly<Record<string, number>>;
}

export interface Sampler {
  readonly samples: readonly Sample[];
  take(): Promise<void>;
}

/** Of the process's own metrics, by the name that the table shows. Sums over labels. */
const METRICS: readonly (readonly [name: string, metric: string, scale: number])[] = [
  ['heap used, MiB', 'nodejs_heap_size_used_bytes', 2 ** -20],
  ['external, MiB', 'nodejs_external_memory_bytes', 2 ** -20],
  ['handles', 'nodejs_active_handles_total', 1],
  ['loop lag p99, ms', 'nodejs_eventloop_lag_p99_seconds', 1000],
  ['registry requests', 'cosignet_registry_requests_total', 1],
  ['cache lookups', 'cosignet_cache_lookups_total', 1],
];

/** @param process ready, its metrics' address the second group of its match */
export function createSampler(process: MeasuredProcess): Sampler {
  const samples: Sample[] = [];
  const began = performance.now();
  return {
    samples,
    take: async () => {
      const text = await (await fetch(`${process.match[2]}/metrics`)).text();
      const values: Record<string, number> = {
        'resident, MiB': process.residentMebibytes(),
        'open files': process.openFiles(),
      };
      for (const [name, metric, scale] of METRICS) values[name] = sumOf(text, metric) * scale;
      samples.push({ at: performance.now() - began, values });
    },
  };
}

/** NaN where there is no such metric. */
function sumOf(text: string, metric: string): number {
  const values = [...text.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].map(([, value]) =>
    Number(value),
  );
  return values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0);
}

export interface Measure {
  readonly name: string;
  readonly first: number;
  readonly last: number;
  readonly most: number;
  /** Along the straight line that fits best, over the time that counts. */
  readonly growth: number;
  /** Undefined: may grow. */
  readonly allowed: number | undefined;
}

export interface Growth {
  readonly hours: number;
  readonly measures: readonly Measure[];
}

const MINUTE = 1 / 60;

/** What a sawtooth of garbage collections may look like over a short time, and what an hour may add. */
const ALLOWED: Readonly<Record<string, { readonly noise: number; readonly anHour: number }>> = {
  'resident, MiB': { noise: 8, anHour: 8 },
  'heap used, MiB': { noise: 8, anHour: 4 },
  'external, MiB': { noise: 4, anHour: 2 },
  'open files': { noise: 20, anHour: 0 },
  handles: { noise: 20, anHour: 0 },
};

/** How much each measure grew after the warm-up (milliseconds). */
export function growthOf(samples: readonly Sample[], warmUp: number): Growth {
  const counted = samples.filter(({ at }) => at >= warmUp);
  const hours = ((counted.at(-1)?.at ?? 0) - (counted[0]?.at ?? 0)) / 3_600_000;
  const measures = Object.keys(samples[0]?.values ?? {}).map((name) => {
    const points = counted.map(({ at, values }) => ({ at: at / 3_600_000, value: values[name] ?? NaN }));
    const bound = ALLOWED[name];
    return {
      name,
      first: rounded(points[0]?.value ?? NaN),
      last: rounded(points.at(-1)?.value ?? NaN),
      most: rounded(Math.max(...points.map(({ value }) => value))),
      growth: rounded(slopeOf(bound === undefined ? points : lowestOfEach(MINUTE, points)) * hours),
      allowed: bound && rounded(bound.noise + bound.anHour * hours),
    };
  });
  return { hours: rounded(hours), measures };
}

/** Hours, and whatever is measured. */
interface Point {
  readonly at: number;
  readonly value: number;
}

/** Garbage comes and goes; what stays is what is left after a collection. */
function lowestOfEach(hours: number, points: readonly Point[]): readonly Point[] {
  const groups = Map.groupBy(points, ({ at }) => Math.floor(at / hours));
  return [...groups.values()].map((group) =>
    group.reduce((least, point) => (point.value < least.value ? point : least)),
  );
}

/** Least squares; per hour. NaN where there are fewer than two points. */
export function slopeOf(points: readonly Point[]): number {
  const mean = (of: (point: Point) => number) => points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [at, value] = [mean((point) => point.at), mean((point) => point.value)];
  const covariance = mean((point) => (point.at - at) * (point.value - value));
  return covariance / mean((point) => (point.at - at) ** 2);
}

const rounded = (value: number): number => Number(value.toFixed(2));
