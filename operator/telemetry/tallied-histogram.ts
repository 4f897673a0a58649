// SPDX-License-Identifier: Apache-2.0
import { Histogram, type HistogramConfiguration, type LabelValues } from '@prometheus-io/client';
import { createByLabels, type ByLabels } from './tally.ts';

interface Observed {
  /** Of those at most as large as each bound, and larger than the one before it; then of those that pass all bounds. */
  readonly counts: number[];
  sum: number;
}

type Values = Awaited<ReturnType<Histogram<string>['get']>>['values'];

/**
 * A histogram of the library that only counts when it is told something, as it is told of every review, and makes the
 * text's values of that when they are asked for.
 */
export class TalliedHistogram extends Histogram<string> {
  readonly #configuration: HistogramConfiguration<string>;
  readonly #bounds: readonly number[];
  readonly #observed: ByLabels<Readonly<Record<string, string>>, Observed>;

  /** @param bounds upper ones, ascending */
  constructor(configuration: HistogramConfiguration<string>, bounds: readonly number[]) {
    super({ ...configuration, buckets: [...bounds] });
    this.#configuration = configuration;
    this.#bounds = bounds;
    this.#observed = createByLabels([...(configuration.labelNames ?? [])], () => ({
      counts: Array.from({ length: bounds.length + 1 }, () => 0),
      sum: 0,
    }));
  }

  count(labels: Readonly<Record<string, string>>, value: number): void {
    const observed = this.#observed.at(labels);
    let bucket = 0;
    while (value > (this.#bounds[bucket] ?? Infinity)) bucket += 1;
    observed.counts[bucket] = (observed.counts[bucket] ?? 0) + 1;
    observed.sum += value;
  }

  override async get(): ReturnType<Histogram<string>['get']> {
    const { name, help } = this.#configuration;
    const values: Values = [];
    this.#observed.each((labels, observed) => values.push(...this.#valuesOf({ ...labels }, observed)));
    return { name, help, type: 'histogram', aggregator: 'sum', collect: () => undefined, values };
  }

  /** What the registry asks of a histogram in the place of `get`. */
  getForPromString(): ReturnType<Histogram<string>['get']> {
    return this.get();
  }

  #valuesOf(labels: LabelValues<string>, { counts, sum }: Observed): Values {
    const { name } = this.#configuration;
    let count = 0;
    const buckets = counts.map((more, index) => {
      count += more;
      return { metricName: `${name}_bucket`, labels: { le: this.#bounds[index] ?? '+Inf', ...labels }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }
}
