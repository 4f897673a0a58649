// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { harness, podOf, podReview, SIGNED, verdictFor } from '../reviews.ts';
import { running } from '../serving.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const MIB = 2 ** 20;
const REVIEWS = 24;

test('what a review carries is let go before its images are decided about', async () => {
  const gate = Promise.withResolvers<void>();
  const everyone = Promise.withResolvers<void>();
  let asked = 0;
  const { handle } = harness({
    // All of them wait until the last has come, which takes a busy machine longer than an API server waits.
    configuration: { deadlineSeconds: 300 },
    decide: async ({ image }) => {
      if ((asked += 1) === REVIEWS) everyone.resolve();
      await gate.promise;
      return verdictFor(image);
    },
  });
  const { raw } = await running(handle);
  const body = Buffer.from(JSON.stringify(large()));
  assert.ok(body.length > 2 * MIB);
  const before = await held();
  const answers: Promise<string>[] = [];
  let answered: string | undefined;
  for (let count = 0; count < REVIEWS; count += 1) {
    const reached = asked;
    const socket = await raw();
    answers.push(answerOn(socket));
    void answers.at(-1)?.then((answer) => (answered = answer));
    socket.write(`POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`);
    socket.write(`Content-Length: ${body.length}\r\n\r\n`);
    socket.write(body);
    // One after the other: it is about what is held, not about what comes at one time.
    await turnsUntil(() => asked > reached || answered !== undefined);
    assert.equal(answered, undefined);
  }
  await everyone.promise;
  const grown = (await held()) - before;
  assert.equal(answered, undefined);
  gate.resolve();
  for (const answer of await Promise.all(answers)) assert.match(answer, /^HTTP\/1\.1 200/);
  // Held, each would be 2 MiB of text and some 10 MiB of objects.
  assert.ok(grown < 0.25 * MIB * REVIEWS, `${(grown / MIB / REVIEWS).toFixed(2)} MiB a review`);
});

async function turnsUntil(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

async function answerOn(socket: TLSSocket): Promise<string> {
  return String(await once(socket, 'data'));
}

/** A Pod with a name to be, an old object and options that are as large as they are worthless. */
function large(): object {
  const ballast = Array.from({ length: 40_000 }, (_, index) => ({ [`k${index % 100}`]: {} }));
  const object = { ...podOf([SIGNED], { generateName: 'g'.repeat(1.5 * MIB) }), ballast };
  return podReview([SIGNED], { name: '', object, options: { ballast } });
}

/** Bytes in the heap and beside it, of what is in use. */
async function held(): Promise<number> {
  for (let count = 0; count < 3; count += 1) {
    await turn();
    collectGarbage();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
