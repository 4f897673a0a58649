// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { readBody } from '../../../../webhook/http/body.ts';

const PIECE = 64 * 1024;
const CHUNK = 16 * 1024;

/** A body all of which has come already, and who has to wait for a turn of it. */
function reading(bytes: number, mostBytes = 8 * 2 ** 20) {
  const request = new IncomingMessage(new Socket());
  for (let left = bytes; left > 0; left -= CHUNK) request.push(Buffer.alloc(Math.min(CHUNK, left), ' '));
  request.push(null);
  const waiting = new Set<() => void>();
  let taken = 0;
  const held = {
    take: (more: number) => Boolean((taken += more)),
    complete: () => undefined,
    release: () => undefined,
  };
  const body = readBody(
    request,
    { bodyBytes: mostBytes },
    {
      open: () => held,
      largeBodies: {
        wait(goOn) {
          waiting.add(goOn);
          return () => void waiting.delete(goOn);
        },
      },
    },
  );
  const giveTurn = async (): Promise<void> => {
    for (const goOn of waiting) {
      waiting.delete(goOn);
      goOn();
    }
    await nextTurn();
  };
  return { body, waiting, giveTurn, taken: () => taken };
}

describe('a large body', () => {
  test('is read a piece at a time, however much of it has come', async () => {
    const { body, waiting, giveTurn, taken } = reading(4 * PIECE);
    await nextTurn();
    for (const pieces of [1, 2, 3]) {
      assert.equal(taken(), pieces * PIECE);
      // Nothing of it until it is its turn.
      await nextTurn();
      assert.deepEqual([taken(), waiting.size], [pieces * PIECE, 1]);
      await giveTurn();
    }
    await giveTurn();
    assert.equal((await body).bytes.length, 4 * PIECE);
  });

  test('that is refused waits for no turn any more', async () => {
    const { body, waiting, giveTurn } = reading(4 * PIECE, 1.5 * PIECE);
    const refused = assert.rejects(body, { status: 413 });
    await nextTurn();
    assert.equal(waiting.size, 1);
    await giveTurn();
    await refused;
    assert.equal(waiting.size, 0);
  });

  test('is none that comes in one piece', async () => {
    const { body, waiting } = reading(PIECE - 1);
    assert.equal((await body).bytes.length, PIECE - 1);
    assert.equal(waiting.size, 0);
  });
});
