// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sparingly } from '../../../../operator/telemetry/sparingly.ts';

describe('what is made sparingly', () => {
  test('takes a tenth of the time at the most, however often it is asked for', async () => {
    let now = 0;
    let made = 0;
    const ask = sparingly(
      async () => {
        now += 5;
        return (made += 1);
      },
      () => now,
    );
    for (let count = 0; count < 1000; count += 1) {
      await ask();
      now += 1;
    }
    assert.ok(made >= 15 && made <= 25, `${made} in ${now} ms`);
  });

  test('is made once for all who ask while it is being made', async () => {
    const gate = Promise.withResolvers<void>();
    let made = 0;
    const ask = sparingly(async () => {
      made += 1;
      await gate.promise;
      return made;
    });
    const all = [ask(), ask(), ask()];
    gate.resolve();
    assert.deepEqual(await Promise.all(all), [1, 1, 1]);
  });

  test('is made anew after a failure', async () => {
    let now = 0;
    let fails = true;
    const ask = sparingly(
      async () => {
        if (fails) throw new Error('not now');
        return 'made';
      },
      () => now,
    );
    await assert.rejects(ask(), /not now/);
    fails = false;
    now += 1;
    assert.equal(await ask(), 'made');
  });
});
