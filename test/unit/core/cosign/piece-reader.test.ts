// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PieceReader } from '../../../../core/cosign/piece-reader.ts';
import { EngineError } from '../../../../core/errors.ts';
import { NO_EVIDENCE } from '../../../../core/signatures/evidence.ts';
import { freshScope } from '../../../vectors/cosign/layout-registry.ts';

/** A hundred characters as JSON. */
const piece = (letter: string) => letter.repeat(98);

test('what is listed and not yet read is counted, whatever comes of reading it', async () => {
  let fails = true;
  const reader = new PieceReader<string>({
    open: async () => ({ pieces: ['a', 'b', 'c', 'd'].map(piece), faults: [] }),
    read: async (name) => {
      if (name === piece('b') && fails) throw new EngineError('RegistryUnavailable', 'not now');
      return { batch: NO_EVIDENCE, ...(name === piece('a') && { later: piece('e') }) };
    },
    nameOf: (name) => name,
    batches: [2, 2],
  });
  assert.equal(reader.heldCharacters(), 0);
  await reader.next(freshScope());
  // c and d wait, b is to be tried again, and e has come of a.
  assert.equal(reader.heldCharacters(), 400);
  const gone = { ...freshScope(), signal: AbortSignal.abort() };
  await assert.rejects(reader.next(gone), { code: 'DeadlineExceeded' });
  assert.equal(reader.heldCharacters(), 400);
  fails = false;
  while ((await reader.next(freshScope())) !== undefined);
  assert.equal(reader.heldCharacters(), 0);
});
