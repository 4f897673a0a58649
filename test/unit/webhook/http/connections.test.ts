// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { createConnections } from '../../../../webhook/http/connections.ts';

let ports = 0;

/** A socket of a client at this address. */
function from(remoteAddress: string): Socket {
  ports += 1;
  return Object.defineProperties(new Socket(), {
    remoteAddress: { value: remoteAddress },
    remotePort: { value: ports },
  });
}

describe('connections', () => {
  test('of strangers give way in the order of their last step', () => {
    const connections = createConnections({ connections: 10, strangersOfSource: 2 }, () => undefined);
    const [first, second, third] = [from('a'), from('a'), from('a')];
    connections.open(first);
    connections.open(second);
    connections.of(first).reach('sending');
    connections.open(third);
    assert.deepEqual(
      [first, second, third].map(({ destroyed }) => destroyed),
      [false, true, false],
    );
  });

  test('of API servers give way last, the one that waits longest first, and never while they are answered', () => {
    const connections = createConnections({ connections: 3, strangersOfSource: 3 }, () => undefined);
    const [answered, idle, stranger] = [from('a'), from('b'), from('c')];
    for (const socket of [answered, idle, stranger]) connections.open(socket);
    connections.of(answered).authenticate();
    connections.of(idle).authenticate();
    connections.of(answered).reach('answering');
    const gone = () => [answered, idle, stranger].map(({ destroyed }) => destroyed);
    const next = from('d');
    connections.open(next);
    assert.deepEqual(gone(), [false, false, true]);
    connections.of(next).authenticate();
    connections.of(next).reach('answering');
    connections.open(from('e'));
    assert.deepEqual(gone(), [false, true, true]);
    assert.ok(!next.destroyed);
  });

  test('for which nothing can be given up are closed themselves', () => {
    const connections = createConnections({ connections: 1, strangersOfSource: 1 }, () => undefined);
    const [busy, late] = [from('a'), from('b')];
    connections.open(busy);
    connections.of(busy).reach('answering');
    connections.open(late);
    assert.deepEqual([busy.destroyed, late.destroyed, connections.size], [false, true, 1]);
  });
});
