// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until the condition, or what it resolves to, holds, on a busy machine too; fails after `milliseconds` with the condition's text. */
export async function eventually(condition: () => unknown, milliseconds = 20_000): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`never came true: ${condition.toString()}`);
    await sleep(5);
  }
}
