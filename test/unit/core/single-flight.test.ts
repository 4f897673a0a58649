// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EngineError } from '../../../core/errors.ts';
import { createSingleFlight } from '../../../core/single-flight.ts';

// A waiter that is forgotten would wait forever.
describe('createSingleFlight', { timeout: 10_000 }, () => {
  test('runs work once for those who ask meanwhile, and anew afterwards', async () => {
    const { started, work, flights } = scene();
    const [first, second] = [flights.run('a', work), flights.run('a', work)];
    assert.equal(started.length, 1);
    started[0]?.resolve('one');
    assert.deepEqual(await Promise.all([first, second]), ['one', 'one']);
    const third = flights.run('a', work);
    assert.equal(started.length, 2);
    started[1]?.resolve('two');
    assert.equal(await third, 'two');
  });

  test('keeps keys apart', async () => {
    const { started, work, flights } = scene();
    const both = [flights.run('a', work), flights.run('b', work)];
    started[0]?.resolve('one');
    started[1]?.resolve('two');
    assert.deepEqual(await Promise.all(both), ['one', 'two']);
  });

  test('fails for all who asked, and asks anew afterwards', async () => {
    const { started, work, flights } = scene();
    const both = [flights.run('a', work), flights.runWithin('a', new AbortController().signal, work)];
    started[0]?.reject(new RangeError('own'));
    for (const one of both) await assert.rejects(one, RangeError);
    const third = flights.run('a', work);
    assert.equal(started.length, 2);
    started[1]?.resolve('two');
    assert.equal(await third, 'two');
  });

  test('lets nobody wait beyond their own signal', async () => {
    const { started, work, flights } = scene();
    const [patient, hurried] = [new AbortController(), new AbortController()];
    const both = [flights.runWithin('a', patient.signal, work), flights.runWithin('a', hurried.signal, work)] as const;
    hurried.abort();
    await assert.rejects(both[1], { code: 'DeadlineExceeded' });
    started[0]?.resolve('one');
    assert.equal(await both[0], 'one');
    assert.equal(started.length, 1);
  });

  test('starts anew, once, for those who still have time when the deadline of another ended the work', async () => {
    const { started, work, flights } = scene();
    const hurried = new AbortController();
    const { signal } = new AbortController();
    const first = flights.runWithin('a', hurried.signal, work);
    const waiting = [flights.runWithin('a', signal, work), flights.runWithin('a', signal, work)];
    hurried.abort();
    await assert.rejects(first, { code: 'DeadlineExceeded' });
    await new Promise(setImmediate);
    assert.equal(started.length, 2);
    started[1]?.resolve('two');
    assert.deepEqual(await Promise.all(waiting), ['two', 'two']);
  });

  test('does not take another failure for a deadline', async () => {
    const { started, work, flights } = scene();
    const { signal } = new AbortController();
    const both = [flights.runWithin('a', signal, work), flights.runWithin('a', signal, work)];
    started[0]?.reject(new EngineError('RegistryUnavailable', 'gone'));
    for (const one of both) await assert.rejects(one, { code: 'RegistryUnavailable' });
    assert.equal(started.length, 1);
  });
});

/** Work that a test ends: `started` has one entry for each time that it began. */
function scene() {
  const started: PromiseWithResolvers<string>[] = [];
  const work = () => {
    const run = Promise.withResolvers<string>();
    started.push(run);
    return run.promise;
  };
  return { started, work, flights: createSingleFlight<string>() };
}
