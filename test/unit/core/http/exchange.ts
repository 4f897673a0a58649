// SPDX-License-Identifier: Apache-2.0
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What comes back over a new connection, until the other end closes; each part is sent a moment after the one before. */
export async function exchange(port: number, ...parts: readonly string[]): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  let said = '';
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1'))).on('error', () => undefined);
  for (const part of parts) {
    socket.write(part);
    await delay(30);
  }
  await closed;
  return said;
}
