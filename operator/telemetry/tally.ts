// SPDX-License-Identifier: Apache-2.0

/** Counts by labels, until they are taken. */
export interface Tally<Labels> {
  readonly add: (labels: Labels, by: number) => void;
  /** Hands each set of labels over with what came together since the last time. */
  readonly take: (each: (labels: Labels, sum: number) => void) => void;
}

/** Those that agree in the labels up to here. */
interface Branch<Labels> {
  readonly labels: Labels;
  readonly branches: Map<string, Branch<Labels>>;
  sum: number;
}

/**
 * For what is counted a thousand times between two looks at it: a library that checks labels and makes a key of them
 * each time takes longer than all the rest of a count. Of labels with few values: each set is held for ever.
 */
export function createTally<Labels extends Readonly<Record<string, string>>>(
  names: readonly (keyof Labels)[],
): Tally<Labels> {
  let root: Branch<Labels> | undefined;

  return {
    add(labels, by) {
      let branch = (root ??= { labels, branches: new Map(), sum: 0 });
      for (const name of names) {
        const value = labels[name] ?? '';
        let next = branch.branches.get(value);
        if (next === undefined) branch.branches.set(value, (next = { labels, branches: new Map(), sum: 0 }));
        branch = next;
      }
      branch.sum += by;
    },
    take(each) {
      const takeFrom = (branch: Branch<Labels>): void => {
        if (branch.sum > 0) each(branch.labels, branch.sum);
        branch.sum = 0;
        for (const next of branch.branches.values()) takeFrom(next);
      };
      if (root) takeFrom(root);
    },
  };
}
