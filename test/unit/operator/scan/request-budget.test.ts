// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRequestBudget } from '../../../../operator/scan/request-budget.ts';

const never = new AbortController().signal;

function budgetOf(perMinute: number) {
  const state = { now: 0, perMinute };
  const budget = createRequestBudget({ perMinute: () => state.perMinute, monotonic: () => state.now });
  return { state, budget };
}

/** Whether something may be spent now: a promise that is not settled after a few turns waits for time. */
async function isAvailable(budget: ReturnType<typeof createRequestBudget>): Promise<boolean> {
  const asking = new AbortController();
  let available = false;
  const asked = budget.available(asking.signal).then(() => (available = !asking.signal.aborted));
  await new Promise((resolve) => setImmediate(resolve));
  asking.abort();
  await asked;
  return available;
}

describe('the request budget', () => {
  test('starts with one minute of requests, and then gives them one by one', async () => {
    const { state, budget } = budgetOf(60);
    budget.spend(60);
    assert.equal(await isAvailable(budget), false);
    state.now += 999;
    assert.equal(await isAvailable(budget), false);
    state.now += 1;
    assert.equal(await isAvailable(budget), true);
  });

  test('what was overdrawn is waited for', async () => {
    const { state, budget } = budgetOf(60);
    budget.spend(90);
    state.now += 30_000;
    assert.equal(await isAvailable(budget), false);
    state.now += 1_000;
    assert.equal(await isAvailable(budget), true);
  });

  test('a quiet day saves no more than one minute', async () => {
    const { state, budget } = budgetOf(10);
    state.now += 86_400_000;
    budget.spend(10);
    assert.equal(await isAvailable(budget), false);
  });

  test('never gives more in an hour than its rate and the first minute', async () => {
    const { state, budget } = budgetOf(120);
    let spent = 0;
    for (; state.now <= 3_600_000; state.now += 250) {
      while (await isAvailable(budget)) {
        budget.spend(7);
        spent += 7;
      }
    }
    // Each decision is counted when it is over, so the last may be one too many.
    assert.ok(spent <= 120 * 61 + 7, String(spent));
    assert.ok(spent > 120 * 59, String(spent));
  });

  test('follows the configuration', async () => {
    const { state, budget } = budgetOf(1);
    budget.spend(1);
    state.now += 1_000;
    assert.equal(await isAvailable(budget), false);
    state.perMinute = 600;
    state.now += 1_000;
    assert.equal(await isAvailable(budget), true);
  });

  test('waits no longer than whoever asks', async () => {
    const { budget } = budgetOf(1);
    budget.spend(1000);
    await budget.available(AbortSignal.abort());
    await budget.available(AbortSignal.timeout(20));
  });

  test('waits by itself until time has passed', async () => {
    const budget = createRequestBudget({ perMinute: () => 1200, monotonic: () => performance.now() });
    budget.spend(1200);
    const started = performance.now();
    await budget.available(never);
    assert.ok(performance.now() - started >= 40);
  });
});
