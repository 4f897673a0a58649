// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import type { Problem } from '../../../../core/policy/problems/report.ts';
import { createPolicyDoor } from '../../../../webhook/policies/door.ts';

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
});
