// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { METADATA } from '../../../../operator/kubernetes/object-reader.ts';
import { watchEvents } from '../../../../operator/kubernetes/watch-lines.ts';

function event(name: string, padding: number): string {
  return `${JSON.stringify({ type: 'ADDED', object: { metadata: { name }, spec: 'x'.repeat(padding) } })}\n`;
}

/** Events that came in one piece, and the turns of others in between. */
async function seenOf(lines: readonly string[]): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  const others = () => {
    seen.push('others');
    due = setImmediate(others);
  };
  let due = setImmediate(others);
  const chunks = (async function* () {
    yield Buffer.from(lines.join(''));
  })();
  for await (const read of watchEvents(chunks, { selection: { fields: { metadata: METADATA } } })) {
    if (read !== undefined) seen.push(read.object.metadata.name);
  }
  clearImmediate(due);
  return seen;
}

describe('events of a watch that come in one piece', () => {
  test('are read one after the other', async () => {
    assert.deepEqual(await seenOf([event('a', 10), event('b', 10)]), ['a', 'b']);
  });

  test('let others have their turn after each large one', async () => {
    const large = 100_000;
    assert.deepEqual(await seenOf([event('a', large), event('b', large), event('c', 10)]), [
      'a',
      'others',
      'b',
      'others',
      'c',
    ]);
  });
});
