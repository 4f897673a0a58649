// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { remembering } from '../../../../../core/policy/evaluator/prepared.ts';
import type { CheckDemand } from '../../../../../core/policy/expressions/types.ts';

const IMAGE = { repository: 'registry.example.test/app', digest: `sha256:${'a'.repeat(64)}`, tag: '1.0' };
const patient = { owner: 'patient', signal: new AbortController().signal };

/** Answers when it is told to; who gave up gets a failure. */
function slowCheck() {
  const asked: { owner: string; answer: () => void }[] = [];
  const check: CheckDemand = (_attested, _image, { owner, signal }) =>
    new Promise((resolve, reject) => {
      asked.push({ owner, answer: () => resolve({ steps: 1 }) });
      signal.addEventListener('abort', () => reject(new Error('nobody waits for it any more')));
    });
  return { asked, check: remembering(check) };
}

function attested() {
  return { statement: {}, predicate: {}, signedBytes: new Uint8Array() };
}

describe('answers that are remembered', () => {
  test('are one for all who ask the same', async () => {
    const { asked, check } = slowCheck();
    const one = attested();
    const answers = [check(one, IMAGE, patient), check(one, IMAGE, patient)];
    asked[0]?.answer();
    assert.deepEqual(await Promise.all(answers), [{ steps: 1 }, { steps: 1 }]);
    assert.deepEqual(await check(one, IMAGE, patient), { steps: 1 });
    assert.equal(asked.length, 1);
  });

  test('are of one attestation and one image', async () => {
    const { asked, check } = slowCheck();
    const one = attested();
    const answers = [check(one, IMAGE, patient), check(attested(), IMAGE, patient)];
    answers.push(check(one, { ...IMAGE, tag: '2.0' }, patient));
    asked.forEach(({ answer }) => answer());
    await Promise.all(answers);
    assert.equal(asked.length, 3);
  });

  test('that one owner was refused are none for another', async () => {
    const asked: string[] = [];
    const one = attested();
    const check = remembering((_attested, _image, { owner }) => {
      asked.push(owner);
      return owner === 'greedy' ? Promise.reject(new Error('too much waits')) : Promise.resolve({ steps: 1 });
    });
    const greedy = { ...patient, owner: 'greedy' };
    const answers = await Promise.allSettled([check(one, IMAGE, greedy), check(one, IMAGE, patient)]);
    assert.deepEqual(answers[1], { status: 'fulfilled', value: { steps: 1 } });
    assert.equal(answers[0]?.status, 'rejected');
    // What is known is known to both.
    assert.deepEqual(await check(one, IMAGE, greedy), { steps: 1 });
    assert.deepEqual(asked, ['greedy', 'patient']);
  });

  test('of one who gave up are none for those who wait with it: they ask anew, once', async () => {
    const { asked, check } = slowCheck();
    const leaving = new AbortController();
    const one = attested();
    const left = check(one, IMAGE, { owner: 'leaving', signal: leaving.signal });
    const others = Promise.allSettled([check(one, IMAGE, patient), check(one, IMAGE, patient)]);
    leaving.abort();
    await assert.rejects(left, /nobody waits/);
    await new Promise((resolve) => setImmediate(resolve));
    asked[1]?.answer();
    const answered = { status: 'fulfilled', value: { steps: 1 } };
    assert.deepEqual(await others, [answered, answered]);
    assert.deepEqual(
      asked.map(({ owner }) => owner),
      ['leaving', 'patient'],
    );
  });

  test('that failed for another reason are everybody’s, for a moment', async () => {
    let asked = 0;
    const check = remembering(() => {
      asked += 1;
      return Promise.reject(new Error('out of memory'));
    });
    const one = attested();
    await assert.rejects(check(one, IMAGE, patient), /out of memory/);
    await assert.rejects(check(one, IMAGE, patient), /out of memory/);
    assert.equal(asked, 1);
  });
});
