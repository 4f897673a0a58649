// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import type { Problem } from '../../../../core/policy/problems/report.ts';
import { createPolicyDoor } from '../../../../webhook/policies/door.ts';
import { runningDoors } from '../serving.ts';

const REVIEW = { request: { uid: 'u', object: { spec: { images: ['a'] } } } };

async function ask(adviceOn: (policy: unknown) => Promise<readonly Problem[]>, body: unknown = REVIEW) {
  const endpoint = createPolicyDoor({ adviceOn, log: silentLogger }).endpoints.get('/policies');
  return endpoint?.answer(body, new AbortController(), { elapsedMilliseconds: 0 });
}

const admitted = (warnings?: readonly string[]) => ({
  status: 200,
  json: {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: 'u', allowed: true, ...(warnings && { warnings }) },
  },
});

const reviewOf = (policy: object) => JSON.stringify({ request: { uid: 'u', object: policy, oldObject: policy } });

describe('the door of policies', () => {
  test('admits what is sound without a word', async () => {
    assert.deepEqual(await ask(async () => []), admitted());
  });

  test('admits what is wrong with a warning for each problem, on one line each', async () => {
    const problems: readonly Problem[] = [
      { reason: 'InvalidPattern', path: 'spec.images[0]', message: 'it has a tag\u001b[2K\nand more' },
      { reason: 'InvalidKey', path: 'spec.keys[0].pem', message: 'x'.repeat(1000) },
    ];
    const answer = await ask(async () => problems);
    const { warnings }: { warnings: readonly string[] } = Object(Object(answer?.json).response);
    assert.match(warnings[0] ?? '', /^spec\.images\[0\]: it has a tag\S?.*and more$/);
    assert.ok(warnings.length === 2 && warnings.every((warning) => warning.length <= 256 && !/\p{Cc}/u.test(warning)));
  });

  test('gives as many warnings as kubectl shows', async () => {
    const problem: Problem = { reason: 'InvalidPattern', path: 'spec.images[0]', message: 'no' };
    const answer = await ask(async () => Array.from({ length: 500 }, () => problem));
    assert.equal(Object(Object(answer?.json).response).warnings.length, 16);
  });

  test('admits what could not be looked at, or not in time', async () => {
    assert.deepEqual(await ask(() => Promise.reject(new Error('no'))), admitted());
    assert.deepEqual(await ask(() => new Promise(() => undefined)), admitted());
  });

  test('answers 400 to what is no review', async () => {
    for (const body of [null, {}, { request: { uid: 7 } }]) {
      assert.equal((await ask(async () => [], body))?.status, 400);
    }
  });

  test('is not asked of more than a policy that is read may have, which is refused before it is parsed', async () => {
    let asked = 0;
    const adviceOn = async () => {
      asked += 1;
      return [];
    };
    const door = createPolicyDoor({ adviceOn, log: silentLogger });
    const { post } = await runningDoors([door]);
    // All that is read of a spec, kubectl's copy of it, and the former self of both.
    const text = 'x'.repeat(256 * 1024);
    const whole = {
      metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': text } },
      spec: text,
    };
    assert.equal((await post('/policies', reviewOf(whole))).status, 200);
    assert.equal((await post('/policies', reviewOf({ spec: 'x'.repeat(1024 * 1024) }))).status, 413);
    assert.equal((await post('/policies', reviewOf({ spec: Array.from({ length: 60_000 }, () => ({})) }))).status, 413);
    assert.equal(asked, 1);
  });
});
