// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createOpened } from '../../../operator/opened.ts';

describe('what is open', () => {
  const silent = { warn: () => assert.fail('nothing went wrong') };

  test('is closed one after the other, the last first', async () => {
    const opened = createOpened(silent);
    const closed: string[] = [];
    for (const name of ['first', 'second']) {
      opened.keep(name, async (part) => {
        closed.push(`${part} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        closed.push(`${part} is closed`);
      });
    }
    await opened.closeAll();
    assert.deepEqual(closed, ['second begins', 'second is closed', 'first begins', 'first is closed']);
  });

  test('is closed also after what can not be closed, which is logged', async () => {
    const logged: unknown[] = [];
    const opened = createOpened({ warn: (...entry: unknown[]) => void logged.push(entry) });
    let closed = false;
    opened.keep('first', async () => {
      closed = true;
    });
    opened.keep('rejects', () => Promise.reject(new Error('no')));
    opened.keep('throws', () => {
      throw new Error('no');
    });
    await opened.closeAll();
    assert.ok(closed);
    const entry = ['a part could not be closed', { reason: 'no' }];
    assert.deepEqual(logged, [entry, entry]);
  });

  test('is handed back', () => {
    const part = {};
    assert.equal(
      createOpened(silent).keep(part, async () => undefined),
      part,
    );
  });
});
