// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { preAuthenticationEncoding } from '../../../../../core/formats/dsse-envelope.ts';
import { createEvaluator, type Evaluator } from '../../../../../core/policy/evaluator/evaluator.ts';
import { prepareInProcess } from '../../../../../core/policy/evaluator/in-process.ts';

const image = { repository: 'registry.example.test/app', digest: `sha256:${'a'.repeat(64)}`, tag: '1.0' };
const HERE = { image, signer: { name: 'ci', issuer: '', subject: '', claims: {} }, now: 0 };
const asking = { owner: 'team', signal: new AbortController().signal };
const monotonic = () => performance.now();
const texts = (expression: string) => ({ conditions: [{ expression }] });

function attested(predicate: unknown) {
  const statement = { predicateType: 'x', predicate };
  const signedBytes = preAuthenticationEncoding('application/json', Buffer.from(JSON.stringify(statement)));
  return { signedBytes };
}

describe('the thread that evaluates', () => {
  let evaluator: Evaluator;
  afterEach(() => evaluator.stop());

  test('answers as an evaluation in this thread does, steps and words alike', async () => {
    evaluator = createEvaluator({ monotonic });
    const numbers = Array.from({ length: 500 }, (_, index) => index);
    const demands = [
      texts('predicate.all(x, x >= 0) && statement.predicateType == "x" && image.tag == "1.0"'),
      texts('predicate.exists(x, x < 0)'),
      texts('predicate.all(x, predicate.all(y, true))'),
      texts('predicate.a =='),
      { schema: JSON.stringify({ type: 'array', maxItems: 10 }), conditions: [] },
    ];
    for (const demand of demands) {
      const here = prepareInProcess(demand);
      assert.deepEqual(await evaluator.compile(demand, 'team'), here.faults);
      assert.deepEqual(
        await evaluator.check(demand, attested(numbers), HERE, asking),
        await here.check(attested(numbers), HERE, asking),
      );
    }
  });

  const source = new URL('./endless-worker.ts', import.meta.url);
  for (const fault of ['endless', 'memory', 'ends']) {
    test(`is ended and replaced: ${fault}`, async () => {
      const ended: string[] = [];
      evaluator = createEvaluator({ monotonic, source, backstop: 2000, onEnded: (_, owner) => ended.push(owner) });
      const lost = evaluator.compile(texts(fault), 'hostile');
      const others = ['a', 'b', 'c'].map((owner) => evaluator.compile(texts('true'), owner));
      await assert.rejects(lost, { code: 'EvaluationTimeout' });
      assert.deepEqual(await Promise.all(others), [[], [], []]);
      assert.deepEqual(ended, ['hostile']);
    });
  }

  test('says that it can not be started, to each who asks', async () => {
    const ended: string[] = [];
    const nowhere = new URL('https://example.test/worker.js');
    evaluator = createEvaluator({ monotonic, source: nowhere, onEnded: (_, owner) => ended.push(owner) });
    await assert.rejects(evaluator.compile(texts('true'), 'a'), { code: 'EvaluationTimeout' });
    await assert.rejects(evaluator.check(texts('true'), attested({}), HERE, asking), { code: 'EvaluationTimeout' });
    assert.deepEqual(ended, ['a', 'team']);
  });

  test('refuses what one owner asks beyond its share of the queue, and nobody else', async () => {
    evaluator = createEvaluator({ monotonic, source, backstop: 60_000 });
    const all = Array.from({ length: 300 }, () => evaluator.compile(texts('true'), 'hostile'));
    const honest = evaluator.compile(texts('true'), 'honest');
    const results = await Promise.allSettled(all);
    assert.deepEqual(await honest, []);
    assert.equal(results.filter(({ status }) => status === 'rejected').length, 300 - 257);
  });

  test('goes past any number of questions that nobody waits for any more', async () => {
    evaluator = createEvaluator({ monotonic });
    const leaving = new AbortController();
    const owners = Array.from({ length: 100 }, (_, index) => `owner-${index}`);
    const left = owners.flatMap((owner) =>
      Array.from({ length: 256 }, () =>
        evaluator.check(texts('true'), attested({}), HERE, { owner, signal: leaving.signal }),
      ),
    );
    leaving.abort();
    const results = await Promise.allSettled(left);
    assert.ok(results.filter(({ status }) => status === 'rejected').length >= left.length - 1);
    assert.deepEqual(await evaluator.compile(texts('true'), 'honest'), []);
  });

  test('answers nobody who waits when it stops', async () => {
    evaluator = createEvaluator({ monotonic, source });
    const waiting = [evaluator.compile(texts('endless'), 'a'), evaluator.compile(texts('true'), 'b')];
    const settled = Promise.allSettled(waiting);
    await evaluator.stop();
    assert.deepEqual(
      (await settled).map(({ status }) => status),
      ['rejected', 'rejected'],
    );
  });
});
