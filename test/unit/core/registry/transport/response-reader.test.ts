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
function reading() {
  const closed: Error[] = [];
  const controller: Dispatcher.DispatchController = {
    aborted: false,
    paused: false,
    reason: null,
    abort: (reason) => void closed.push(reason),
    pause: () => undefined,
    resume: () => undefined,
  };
  return { reader: new ResponseReader(request, UNBOUNDED), controller, closed };
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
