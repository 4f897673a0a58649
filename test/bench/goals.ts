// SPDX-License-Identifier: Apache-2.0
import { printTable } from './table.ts';

/** One goal of the design, and what was measured of it. */
export interface Goal {
  readonly what: string;
  /** Undefined: what it is measured beside was not given. */
  readonly measured: number | undefined;
  /** What is measured must not be above it. */
  readonly goal: number;
  readonly unit: string;
  /** What processes that share two cores may add to it, as a factor. Left out, nothing. */
  readonly tolerance?: number;
}

export function isMet({ measured, goal, tolerance = 1 }: Goal): boolean {
  return measured === undefined || measured <= goal * tolerance;
}

/** Prints them as a table and, with whatever else was measured, as a line of JSON; the process ends with 1 if one is missed. */
export function reportGoals(
  benchmark: string,
  goals: readonly Goal[],
  more: Readonly<Record<string, unknown>> = {},
): void {
  const rounded = goals.map((goal) =>
    Object.assign({}, goal, { measured: goal.measured === undefined ? undefined : Number(goal.measured.toFixed(3)) }),
  );
  printGoals(rounded);
  console.log(JSON.stringify({ benchmark, goals: rounded, ...more }));
  process.exitCode = goals.every(isMet) ? 0 : 1;
}

export function printGoals(goals: readonly Goal[]): void {
  printTable(
    ['goal', 'measured', 'at most', 'unit', ''],
    goals.map((goal) => [goal.what, goal.measured ?? '', boundOf(goal), goal.unit, stateOf(goal)]),
  );
}

/** Nothing is called met by its tolerance alone. */
export function stateOf(goal: Goal): 'met' | 'within tolerance' | 'MISSED' | 'not given' {
  if (goal.measured === undefined) return 'not given';
  if (goal.measured <= goal.goal) return 'met';
  return isMet(goal) ? 'within tolerance' : 'MISSED';
}

function boundOf({ goal, tolerance }: Goal): string {
  return tolerance === undefined ? String(goal) : `${goal} (x ${tolerance})`;
}
