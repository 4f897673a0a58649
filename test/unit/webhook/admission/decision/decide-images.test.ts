// SPDX-License-Identifier: Apache-2.0
// Verdicts that are made where the engine gave none.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EngineError } from '../../../../../core/errors.ts';
import type { FailureCode } from '../../../../../core/verdict-codes.ts';
import { harness, podReview, SIGNED, untilGone } from '../../reviews.ts';
import type { Overrides } from '../../reviews.ts';
import type { Verdict } from '../../../../../core/verdict/types.ts';

/** The verdicts that a review of two images is refused with. */
async function refusals(
  overrides: Overrides,
  images: readonly string[] = [SIGNED, 'nginx'],
): Promise<readonly Verdict[]> {
  const { handle, denials } = harness(overrides);
  const { response } = await handle('validate', podReview(images), untilGone());
  assert.equal(response.allowed, false);
  return denials.flatMap(({ verdicts }) => verdicts);
}

const shown = ({ image, outcome, mode, code, registryRequests }: Verdict): object => ({
  image,
  outcome,
  mode,
  code,
  registryRequests,
});
const ownVerdict = { outcome: 'error', mode: 'Enforce', registryRequests: 0 };

function failing(code: FailureCode): () => Promise<never> {
  return () => Promise.reject(new EngineError(code, 'gone'));
}

function throwing(): never {
  throw new Error('gone');
}

describe('each image has a verdict that refuses it', () => {
  test('where the namespace cannot be looked up', async () => {
    const expected = { ...ownVerdict, code: 'RegistryUnavailable' };
    assert.deepEqual((await refusals({ namespaceContext: failing('RegistryUnavailable') })).map(shown), [
      { image: SIGNED, ...expected },
      { image: 'nginx', ...expected },
    ]);
  });

  test('where its credentials cannot', async () => {
    const [first] = await refusals({ keychainFor: throwing });
    assert.ok(first);
    assert.deepEqual(shown(first), { image: SIGNED, ...ownVerdict, code: 'InternalError' });
    assert.match(first.message, /could not be checked: gone/);
  });

  test('where the engine throws', async () => {
    const verdicts = await refusals({ decide: failing('ResponseTooLarge') });
    assert.deepEqual(
      verdicts.map(({ code, outcome }) => [code, outcome]),
      [
        ['ResponseTooLarge', 'error'],
        ['ResponseTooLarge', 'error'],
      ],
    );
  });

  test('where none is named', async () => {
    const [empty] = await refusals({}, ['']);
    assert.ok(empty);
    const expected = { image: '', outcome: 'denied', mode: 'Enforce', code: 'InvalidReference', registryRequests: 0 };
    assert.deepEqual(shown(empty), expected);
  });
});

test('at most sixteen images are decided at one time, and each of many once', async () => {
  let running = 0;
  let most = 0;
  const images = Array.from({ length: 40 }, (_, index) => `registry.example.com/signed/app:${index}`);
  const decided: string[] = [];
  await refusals(
    {
      decide: async ({ image }) => {
        decided.push(image);
        most = Math.max(most, (running += 1));
        await new Promise(setImmediate);
        running -= 1;
        throw new EngineError('NoSignature', 'none');
      },
    },
    images,
  );
  assert.deepEqual(decided, images);
  assert.equal(most, 16);
});

test('many images that are decided without waiting for anything let others have their turns', async () => {
  let turns = 0;
  let next: NodeJS.Immediate | undefined;
  const others = (): void => {
    turns += 1;
    next = setImmediate(others);
  };
  others();
  const images = Array.from({ length: 200 }, (_, index) => `registry.example.com/signed/app:${index}`);
  await refusals({ decide: failing('InvalidReference') }, images);
  clearImmediate(next);
  assert.ok(turns >= 10, `${turns} turns`);
});
