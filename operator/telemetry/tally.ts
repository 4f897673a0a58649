// SPDX-License-Identifier: Apache-2.0

/** Values by labels. Of labels with few values: each set is held for ever. */
export interface ByLabels<Labels, Value> {
  readonly at: (labels: Labels) => Value;
  /** In the order in which they were first asked for, by the first label, then by the next. */
  readonly each: (visit: (labels: Labels, value: Value) => void) => void;
}

/** Those that agree in the labels up to here. */
interface Branch<Labels, Value> {
  readonly labels: Labels;
  readonly branches: Map<string, Branch<Labels, Value>>;
  value: Value | undefined;
}

/**
 * For what is counted a thousand times between two looks at it: a library that checks labels and makes a key of them
 * each time takes longer than all the rest of a count.
 *
 * @param make of labels that were not seen before
 */
export function createByLabels<Labels extends Readonly<Record<string, string>>, Value>(
  names: readonly (keyof Labels)[],
  make: () => Value,
): ByLabels<Labels, Value> {
  let root: Branch<Labels, Value> | undefined;
  const branchOf = (labels: Labels): Branch<Labels, Value> => ({ labels, branches: new Map(), value: undefined });

  return {
    at(labels) {
      let branch = (root ??= branchOf(labels));
      for (const name of names) {
        const text = labels[name] ?? '';
        let next = branch.branches.get(text);
        if (next === undefined) branch.branches.set(text, (next = branchOf(labels)));
        branch = next;
      }
      return (branch.value ??= make());
    },
    each(visit) {
      const visitFrom = ({ labels, branches, value }: Branch<Labels, Value>): void => {
        if (value !== undefined) visit(labels, value);
        for (const next of branches.values()) visitFrom(next);
      };
      if (root) visitFrom(root);
    },
  };
}

/** Counts by labels, until they are taken. */
export interface Tally<Labels> {
  readonly add: (labels: Labels, by: number) => void;
  /** Hands each set of labels over with what came together since the last time. */
  readonly take: (each: (labels: Labels, sum: number) => void) => void;
}

export function createTally<Labels extends Readonly<Record<string, string>>>(
  names: readonly (keyof Labels)[],
): Tally<Labels> {
  const sums = createByLabels(names, () => ({ sum: 0 }));
  return {
    add: (labels, by) => {
      sums.at(labels).sum += by;
    },
    take: (each) =>
      sums.each((labels, counted) => {
        if (counted.sum > 0) each(labels, counted.sum);
        counted.sum = 0;
      }),
  };
}
