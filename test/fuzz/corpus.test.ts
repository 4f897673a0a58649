// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readInputs, REGRESSIONS, SEEDS } from './engine/corpus.ts';
import { checkInput } from './engine/invariants.ts';
import { loadTarget, TARGET_NAMES } from './targets.ts';

describe('every invariant holds for the committed corpus and for what once broke one', () => {
  for (const name of TARGET_NAMES) {
    test(name, async () => {
      const target = await loadTarget(name);
      const seeds = readInputs(SEEDS, name);
      assert.notEqual(seeds.length, 0, 'there are no seeds');
      for (const { file, input } of [...seeds, ...readInputs(REGRESSIONS, name)]) {
        await assert.doesNotReject(checkInput(target, input), file);
      }
    });
  }
});
