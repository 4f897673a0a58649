// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Dispatcher } from 'undici';
import { UNBOUNDED } from '../../../../../core/registry/read-budget.ts';
import type { HttpRequest } from '../../../../../core/registry/transport/http-message.ts';
import { ResponseReader } from '../../../../../core/registry/transport/response-reader.ts';

const request: HttpRequest = {
  method: 'GET',
  url: new URL('https://registry.example.com/v2/'),
  route: { reach: 'any' },
  headers: {},
  maximumBytes: 4,
  registry: 'registry.example.com',
  operation: 'manifest',
};

/** A reader, the connection that it has, and why that was closed. */
function reading(maximumBytes = request.maximumBytes) {
  const closed: Error[] = [];
  const controller: Dispatcher.DispatchController = {
    aborted: false,
    paused: false,
    reason: null,
    abort: (reason) => void closed.push(reason),
    pause: () => undefined,
    resume: () => undefined,
  };
  return { reader: new ResponseReader({ ...request, maximumBytes }, UNBOUNDED), controller, closed };
}

const late = new Error('too late');

describe('a response that is not wanted any more', () => {
  test('closes its connection', async () => {
    const { reader, controller, closed } = reading();
    reader.onRequestStart(controller);
    reader.stop(late);
    await assert.rejects(reader.response, late);
    assert.deepEqual(closed, [late]);
  });

  test('closes a connection that is made later, and is not waited for until then', async () => {
    const { reader, controller, closed } = reading();
    reader.stop(late);
    await assert.rejects(reader.response, late);
    reader.onRequestStart(controller);
    assert.deepEqual(closed, [late]);
  });

  test('closes its connection where it is too long', async () => {
    const { reader, controller, closed } = reading();
    reader.onRequestStart(controller);
    reader.onResponseStart(controller, 200, {});
    reader.onResponseData(controller, Buffer.from('12345'));
    await assert.rejects(reader.response, /more than the 4 bytes/);
    assert.equal(closed.length, 1);
  });
});

test('a response that only informs is followed by the one that counts', async () => {
  const { reader, controller } = reading();
  reader.onRequestStart(controller);
  reader.onResponseStart(controller, 200, { etag: 'a' });
  reader.onResponseStart(controller, 103, { etag: 'b' });
  reader.onResponseData(controller, Buffer.from('1234'));
  reader.onResponseEnd();
  const { status, headers, body } = await reader.response;
  assert.deepEqual([status, headers, String(body)], [200, { etag: 'a' }, '1234']);
});

describe('a response that costs more than what is in it', () => {
  test('closes its connection where it comes in too many pieces, which take more memory than what is in them', async () => {
    const { reader, controller, closed } = reading(1_000_000);
    reader.onRequestStart(controller);
    reader.onResponseStart(controller, 200, {});
    // A large answer may have more of them.
    for (let count = 0; count < 2000; count += 1) reader.onResponseData(controller, Buffer.alloc(256));
    assert.equal(closed.length, 0);
    for (let count = 0; count < 2000; count += 1) reader.onResponseData(controller, Buffer.alloc(1));
    await assert.rejects(reader.response, /too many pieces/);
    assert.equal(closed.length, 1);
  });

  test('closes its connection where responses that answer nothing do not end', async () => {
    const { reader, controller, closed } = reading();
    reader.onRequestStart(controller);
    for (let count = 0; count < 8; count += 1) reader.onResponseStart(controller, 103, {});
    assert.equal(closed.length, 0);
    reader.onResponseStart(controller, 103, {});
    await assert.rejects(reader.response, /responses that answer nothing/);
    assert.equal(closed.length, 1);
  });
});
