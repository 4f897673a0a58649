// SPDX-License-Identifier: Apache-2.0
// A failure at every dependency: never an answer that allows.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { EngineError } from '../../../../core/errors.ts';
import type { Decide } from '../../../../core/verdict/types.ts';
import { harness, podOf, podReview, SIGNED, untilGone, verdictFor } from '../reviews.ts';
import type { Overrides } from '../reviews.ts';
import type { AdmissionReviewResponse } from '../../../../webhook/admission/answer/response.ts';
import type { ReviewHandlerDependencies } from '../../../../webhook/admission/handler.ts';
import { createReviewHandler } from '../../../../webhook/admission/handler.ts';
import { silentLogger } from '../../../../core/observe.ts';

const fail = (): never => {
  throw new Error('broken');
};
const rejectNow = async (): Promise<never> => fail();
const hang = (): Promise<never> => new Promise(() => undefined);

const signedOnly: Decide = async ({ image }) => (image === SIGNED ? verdictFor(image) : fail());
/** An engine that answers when its time is over, with what its policy says of that. */
const answersLate: Decide = ({ image, signal }) =>
  new Promise((resolve) => {
    const late = verdictFor(image, { outcome: 'error', code: 'DeadlineExceeded', mode: 'Warn' });
    signal.addEventListener('abort', () => resolve(late));
  });
/** An engine that breaks its contract. */
const gives =
  (verdict: unknown): Decide =>
  async () =>
    JSON.parse(JSON.stringify({ verdict })).verdict;

const FAILURES: [string, Overrides, number, RegExp][] = [
  ['decide rejects', { decide: rejectNow }, 500, /container "c0": .*could not be checked: broken/],
  ['decide throws', { decide: fail }, 500, /broken/],
  ['decide rejects with what is no error', { decide: () => Promise.reject(undefined) }, 500, /could not be checked/],
  ['decide gives nothing', { decide: gives(undefined) }, 500, /failed inside/],
  ['decide gives an empty object', { decide: gives({}) }, 500, /failed inside/],
  ['decide gives true', { decide: gives(true) }, 500, /failed inside/],
  [
    'decide fails as the engine does',
    { decide: () => Promise.reject(new EngineError('RegistryUnavailable', 'no route')) },
    503,
    /no route/,
  ],
  ['decide hangs', { decide: hang, configuration: { deadlineSeconds: 0.05 } }, 503, /no decision within the time/],
  ['the namespace is unknown', { namespaceContext: rejectNow }, 500, /container "c0": .*broken/],
  ['the namespace lookup throws', { namespaceContext: fail }, 500, /broken/],
  [
    'the namespace lookup hangs',
    { namespaceContext: hang, configuration: { deadlineSeconds: 0.05 } },
    503,
    /no decision within the time/,
  ],
  ['the keychain fails', { keychainFor: fail }, 500, /broken/],
];

for (const [what, overrides, code, message] of FAILURES) {
  for (const endpoint of ['mutate', 'validate'] as const) {
    for (const operation of ['CREATE', 'UPDATE']) {
      test(`${operation} is refused by ${endpoint} where ${what}`, async () => {
        const review = podReview([SIGNED], { operation, oldObject: podOf(['other']) });
        const { response } = await harness(overrides).handle(endpoint, review, untilGone());
        assert.equal(response.allowed, false);
        assert.equal(response.uid, '705ab4f5-6393-11e8-b7cc-42010a800002');
        assert.equal(response.status?.code, code);
        assert.match(response.status.message, message);
        assert.equal(response.patch, undefined);
      });
    }
  }
}

test('one image that cannot be checked refuses beside one that is verified', async () => {
  const { response } = await harness({ decide: signedOnly }).handle(
    'mutate',
    podReview([SIGNED, 'other']),
    untilGone(),
  );
  assert.equal(response.allowed, false);
});

describe('around the decision', () => {
  const whole: ReviewHandlerDependencies = {
    decide: async ({ image }) => verdictFor(image),
    namespaceContext: async (name) => ({ name, labels: {} }),
    keychainFor: () => ({ resolve: async () => [] }),
    configuration: fail,
    ownNamespace: '',
    log: silentLogger,
    clock: Date.now,
    observe: { request() {}, denied() {} },
  };

  test('a configuration that cannot be read refuses', async () => {
    const { response } = await createReviewHandler(whole)('mutate', podReview([SIGNED]), untilGone());
    assert.deepEqual([response.allowed, response.status?.code], [false, 500]);
  });

  test('an observer that fails changes no answer', async () => {
    const observe = { request: fail, denied: fail };
    const good = await harness({ observe }).handle('mutate', podReview([SIGNED]), untilGone());
    assert.equal(good.response.allowed, true);
    const bad = await harness({ observe }).handle('mutate', podReview(['other']), untilGone());
    assert.equal(bad.response.allowed, false);
  });
});

/** The time an engine that never answers holds up a review. */
async function heldFor(
  deadlineSeconds: number,
  arrival: { elapsedMilliseconds: number; timeoutMilliseconds?: number },
): Promise<{ milliseconds: number; answer: AdmissionReviewResponse }> {
  const started = performance.now();
  const answer = await harness({ decide: hang, configuration: { deadlineSeconds } }).handle(
    'mutate',
    podReview([SIGNED]),
    untilGone(),
    arrival,
  );
  return { milliseconds: performance.now() - started, answer };
}

describe('the deadline', () => {
  test("is the API server's, less the time for the way back", async () => {
    const { milliseconds, answer } = await heldFor(30, { elapsedMilliseconds: 0, timeoutMilliseconds: 1000 });
    assert.equal(answer.response.allowed, false);
    assert.ok(milliseconds >= 450 && milliseconds < 15_000, String(milliseconds));
  });

  test('counts from the arrival of the request', async () => {
    const { milliseconds } = await heldFor(30, { elapsedMilliseconds: 9450, timeoutMilliseconds: 10_000 });
    // Nine seconds more where it counts from now.
    assert.ok(milliseconds < 5000, String(milliseconds));
  });

  test('lets the engine answer in the mode of its policy', async () => {
    const { response } = await harness({ decide: answersLate, configuration: { deadlineSeconds: 0.05 } }).handle(
      'mutate',
      podReview([SIGNED]),
      untilGone(),
    );
    assert.equal(response.allowed, true);
    assert.ok((response.warnings ?? []).length > 0);
  });

  test('starts no more decisions once it has passed', async () => {
    const images = Array.from({ length: 100 }, (_, index) => `image${index}`);
    const { handle, asked } = harness({ decide: hang, configuration: { deadlineSeconds: 0.05 } });
    assert.equal((await handle('mutate', podReview(images), untilGone())).response.allowed, false);
    assert.equal(asked.length, 16);
  });

  test('comes at once when the caller has gone', async () => {
    const started = performance.now();
    const caller = new AbortController();
    const configuration = { deadlineSeconds: 29 };
    const pending = harness({ decide: hang, configuration }).handle('mutate', podReview([SIGNED]), caller);
    caller.abort();
    assert.equal((await pending).response.allowed, false);
    assert.equal(
      (await harness({ decide: hang, configuration }).handle('mutate', podReview([SIGNED]), caller)).response.allowed,
      false,
    );
    // The deadline itself is half a minute away.
    assert.ok(performance.now() - started < 15_000);
  });
});
