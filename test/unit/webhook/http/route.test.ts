// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HttpFault } from '../../../../webhook/http/body.ts';
import type { Endpoint } from '../../../../webhook/http/door.ts';
import { createRouter, type Caller } from '../../../../webhook/http/route.ts';

const mutate: Endpoint = { name: 'mutate', answer: async () => ({ status: 200, json: {} }) };
const validate: Endpoint = { ...mutate, name: 'validate' };
const endpoints = new Map([
  ['/mutate', mutate],
  ['/validate', validate],
]);
const JSON_HEADERS = { 'content-type': 'application/json' };
const URL = '/mutate/abc123?timeout=7s';
const post = { url: URL, method: 'POST', headers: JSON_HEADERS };

function refusedWith(status: number) {
  return (error: unknown) => error instanceof HttpFault && error.status === status;
}

describe('an address that was called by before', () => {
  let caller: Caller = 'known';
  const tokens: (string | undefined)[] = [];
  const routeOf = createRouter(endpoints, (token) => {
    tokens.push(token);
    return caller;
  });

  test('leads to the same endpoint, with the same time', () => {
    const first = routeOf(post);
    assert.deepEqual(first, { endpoint: mutate, caller: 'known', timeoutMilliseconds: 7000 });
    assert.deepEqual(routeOf(post), first);
    assert.deepEqual(routeOf({ ...post, url: '/validate?timeout=3s' }), {
      endpoint: validate,
      caller: 'known',
      timeoutMilliseconds: 3000,
    });
  });

  test('is refused once its end counts no more, and counts as what it is', () => {
    caller = 'refused';
    assert.throws(() => routeOf(post), refusedWith(403));
    caller = 'anybody';
    assert.equal(routeOf(post).caller, 'anybody');
    assert.ok(tokens.filter((token) => token === 'abc123').length === 4);
  });

  test('is held to the method and the content all the same', () => {
    assert.throws(() => routeOf({ ...post, method: 'GET' }), refusedWith(405));
    assert.throws(() => routeOf({ ...post, headers: {} }), refusedWith(415));
    assert.throws(() => routeOf({ ...post, headers: { 'content-type': 'text/plain' } }), refusedWith(415));
    assert.throws(
      () => routeOf({ ...post, headers: { ...JSON_HEADERS, 'content-encoding': 'gzip' } }),
      refusedWith(415),
    );
    assert.ok(routeOf({ ...post, headers: { 'content-type': 'Application/JSON; charset=utf-8' } }));
  });

  test('is none that is not served, however many there were', () => {
    for (let index = 0; index < 100; index += 1) {
      assert.equal(routeOf({ ...post, url: `/validate?timeout=${index}s` }).timeoutMilliseconds, index * 1000);
      assert.throws(() => routeOf({ ...post, url: `/other${index}` }), refusedWith(404));
    }
    assert.equal(routeOf(post).endpoint, mutate);
  });
});
