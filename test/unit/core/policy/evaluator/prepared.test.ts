// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { remembering } from '../../../../../core/policy/evaluator/prepared.ts';
import type { CheckDemand } from '../../../../../core/policy/expressions/types.ts';

const image = { repository: 'registry.example.test/app', digest: `sha256:${'a'.repeat(64)}`, tag: '1.0' };
const signer = { name: 'ci', issuer: '', subject: '', claims: {} };
const HERE = { image, signer, now: 0 };
const saying = (expression: string) => ({ conditions: [{ expression }] });
const patient = { owner: 'patient', signal: new AbortController().signal };

/** Answers when it is told to; who gave up gets a failure. */
function slowCheck(expression = 'true') {
  const asked: { owner: string; answer: () => void }[] = [];
  const check: CheckDemand = (_attested, _here, { owner, signal }) =>
    new Promise((resolve, reject) => {
      asked.push({ owner, answer: () => resolve({ steps: 1 }) });
      signal.addEventListener('abort', () => reject(new Error('nobody waits for it any more')));
    });
  return { asked, check: remembering(saying(expression), check) };
}

function attested() {
  return { signedBytes: new Uint8Array() };
}

describe('answers that are remembered', () => {
  test('are one for all who ask the same', async () => {
    const { asked, check } = slowCheck();
    const one = attested();
    const answers = [check(one, HERE, patient), check(one, HERE, patient)];
    asked[0]?.answer();
    assert.deepEqual(await Promise.all(answers), [{ steps: 1 }, { steps: 1 }]);
    assert.deepEqual(await check(one, HERE, patient), { steps: 1 });
    assert.equal(asked.length, 1);
  });

  test('are of one attestation and one image', async () => {
    const { asked, check } = slowCheck();
    const one = attested();
    const answers = [check(one, HERE, patient), check(attested(), HERE, patient)];
    answers.push(check(one, { ...HERE, image: { ...image, tag: '2.0' } }, patient));
    asked.forEach(({ answer }) => answer());
    await Promise.all(answers);
    assert.equal(asked.length, 3);
  });

  const elsewhere = { ...HERE, signer: { ...signer, name: 'other' }, now: 1 };
  for (const [expression, times] of [
    ['true', 1],
    ['signer.name == "ci"', 2],
    ['image.tag == "1.0"', 1],
  ] as const) {
    test(`are asked for ${times === 1 ? 'once' : 'of each signer'} by ${expression}`, async () => {
      const { asked, check } = slowCheck(expression);
      const one = attested();
      const answers = [check(one, HERE, patient), check(one, elsewhere, patient), check(one, HERE, patient)];
      asked.forEach(({ answer }) => answer());
      await Promise.all(answers);
      assert.equal(asked.length, times);
    });
  }

  test('are none where the time may be asked for: each decision asks', async () => {
    const { asked, check } = slowCheck('predicate.ok || now > timestamp(predicate.at)');
    const one = attested();
    const answers = [check(one, HERE, patient), check(one, HERE, patient)];
    assert.equal(asked.length, 2);
    asked.forEach(({ answer }) => answer());
    await Promise.all(answers);
  });

  test('that one owner was refused are none for another', async () => {
    const asked: string[] = [];
    const one = attested();
    const check = remembering(saying('true'), (_attested, _here, { owner }) => {
      asked.push(owner);
      return owner === 'greedy' ? Promise.reject(new Error('too much waits')) : Promise.resolve({ steps: 1 });
    });
    const greedy = { ...patient, owner: 'greedy' };
    const answers = await Promise.allSettled([check(one, HERE, greedy), check(one, HERE, patient)]);
    assert.deepEqual(answers[1], { status: 'fulfilled', value: { steps: 1 } });
    assert.equal(answers[0]?.status, 'rejected');
    // What is known is known to both.
    assert.deepEqual(await check(one, HERE, greedy), { steps: 1 });
    assert.deepEqual(asked, ['greedy', 'patient']);
  });

  test('of one who gave up are none for those who wait with it: they ask anew, once', async () => {
    const { asked, check } = slowCheck();
    const leaving = new AbortController();
    const one = attested();
    const left = check(one, HERE, { owner: 'leaving', signal: leaving.signal });
    const others = Promise.allSettled([check(one, HERE, patient), check(one, HERE, patient)]);
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
    const check = remembering(saying('true'), () => {
      asked += 1;
      return Promise.reject(new Error('out of memory'));
    });
    const one = attested();
    await assert.rejects(check(one, HERE, patient), /out of memory/);
    await assert.rejects(check(one, HERE, patient), /out of memory/);
    assert.equal(asked, 1);
  });
});
