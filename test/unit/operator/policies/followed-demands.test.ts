// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EngineError } from '../../../../core/errors.ts';
import type { Evaluator } from '../../../../core/policy/evaluator/evaluator.ts';
import { followDemands } from '../../../../operator/policies/followed-demands.ts';

const POLICY = { name: 'team/a', owner: 'team' };
const texts = (expression: string) => ({ conditions: [{ expression }] });
const turn = () => new Promise((resolve) => setImmediate(resolve));

function open(compile: Evaluator['compile']) {
  const changed: string[] = [];
  const time = { now: 0 };
  const evaluator: Evaluator = { compile, check: async () => ({ steps: 0 }), stop: async () => undefined };
  const demands = followDemands({ evaluator, onChange: (name) => changed.push(name), monotonic: () => time.now });
  return { demands, changed, time };
}

describe('what policies ask of attestations', () => {
  test('is being compiled at first, then what came of it, and not compiled twice', async () => {
    const asked: string[] = [];
    const { demands, changed } = open(async ({ conditions }, owner) => {
      asked.push(`${owner} ${conditions[0]?.expression}`);
      return [{ field: 'conditions[0].expression', message: 'is wrong' }];
    });
    const first = demands.prepareFor(POLICY)(texts('x'));
    assert.deepEqual(
      first.faults.map(({ reason }) => reason),
      ['Compiling'],
    );
    assert.equal(demands.isSettled(), false);
    await turn();
    assert.deepEqual(changed, ['team/a']);
    assert.equal(demands.isSettled(), true);
    assert.deepEqual(demands.prepareFor(POLICY)(texts('x')).faults, [
      { field: 'conditions[0].expression', message: 'is wrong' },
    ]);
    assert.deepEqual(asked, ['team x']);
  });

  test('is tried again where the thread was ended, and is no fault of the text for good', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    let attempts = 0;
    const { demands, changed } = open(async () => {
      attempts += 1;
      if (attempts === 1) throw new EngineError('EvaluationTimeout', 'too slow');
      return [];
    });
    demands.prepareFor(POLICY)(texts('x'));
    await turn();
    assert.deepEqual(
      demands
        .prepareFor(POLICY)(texts('x'))
        .faults.map(({ reason }) => reason),
      ['CompileTimeout'],
    );
    context.mock.timers.tick(2000);
    await turn();
    assert.deepEqual(demands.prepareFor(POLICY)(texts('x')).faults, []);
    assert.deepEqual(changed, ['team/a', 'team/a']);
    demands.stop();
  });

  test('tells nobody of a policy that is gone, or says something else now', async () => {
    const { demands, changed } = open(async () => []);
    demands.prepareFor(POLICY)(texts('x'));
    demands.prepareFor(POLICY)(texts('y'));
    demands.prepareFor({ name: 'b', owner: '' })(texts('x'));
    demands.forget('b');
    await turn();
    assert.deepEqual(changed, ['team/a']);
  });

  test('keeps no start waiting for long', () => {
    const { demands, time } = open(() => new Promise(() => undefined));
    demands.prepareFor(POLICY)(texts('x'));
    assert.equal(demands.isSettled(), false);
    time.now = 15_001;
    assert.equal(demands.isSettled(), true);
  });
});
