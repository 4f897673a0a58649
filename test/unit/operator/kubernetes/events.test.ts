// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { createKubeApi } from '../../../../operator/kubernetes/api-client.ts';
import { createEventRecorder, type EventNote, type EventRecorder } from '../../../../operator/kubernetes/events.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { eventually } from '../eventually.ts';

function about(name: string, reason = 'ImageDenied', namespace?: string): EventNote {
  const regarding = { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', name, ...(namespace && { namespace }) };
  return { regarding, type: 'Warning', reason, action: 'Admission', note: 'no signature' };
}

describe('createEventRecorder', () => {
  let server: FakeApiServer;
  let now: number;
  let dropped: number;
  let recorder: EventRecorder;

  beforeEach(async () => {
    server = await new FakeApiServer().start();
    now = 1_000_000;
    dropped = 0;
    recorder = createEventRecorder({
      api: createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) }),
      identity: 'cosignet-0',
      log: silentLogger,
      clock: () => now,
      limits: {
        repeat: 60_000,
        party: { perSecond: 2, burst: 5, inFlight: 5 },
        all: { perSecond: 10, burst: 12, inFlight: 100 },
      },
      onDropped: () => (dropped += 1),
    });
  });
  afterEach(async () => {
    server.fault = () => undefined;
    await recorder.stop();
    await server.stop();
  });

  test('writes where kubectl looks: in the namespace of the object, or in default', async () => {
    recorder.record(about('prod'));
    recorder.record(about('web-0', 'ImageDenied', 'shop'));
    await eventually(() => server.seen.length === 2);
    assert.deepEqual(server.seen.map(({ path }) => path).toSorted(), [
      '/apis/events.k8s.io/v1/namespaces/default/events',
      '/apis/events.k8s.io/v1/namespaces/shop/events',
    ]);
  });

  test('tells the same about the same object once in a while only', async () => {
    for (let count = 0; count < 100; count += 1) recorder.record(about('prod'));
    recorder.record(about('prod', 'Compiled'));
    assert.equal(dropped, 99);
    now += 60_000;
    recorder.record(about('prod'));
    await eventually(() => server.seen.length === 3);
  });

  test('a flood about many objects is cut to the rate', async () => {
    for (let count = 0; count < 1000; count += 1) recorder.record(about(`policy-${count}`));
    await eventually(() => server.seen.length === 5);
    now += 1000;
    for (let count = 2000; count < 3000; count += 1) recorder.record(about(`policy-${count}`));
    await eventually(() => server.seen.length === 7);
    assert.equal(dropped, 1993);
  });

  test('a flood of one namespace leaves room for the Events of others, also of its denials by policies of the cluster', async () => {
    for (let count = 0; count < 1000; count += 1) recorder.record(about(`web-${count}`, 'ImageDenied', 'flooding'));
    for (let count = 0; count < 1000; count += 1) recorder.record({ ...about(`policy-${count}`), party: 'flooding' });
    recorder.record(about('web-0', 'ImageDenied', 'shop'));
    recorder.record({ ...about('prod'), party: 'shop' });
    await eventually(() => server.seen.length === 7);
    const written = ['flooding', 'shop', 'default'].map(
      (namespace) => server.seen.filter(({ path }) => path.includes(`/${namespace}/`)).length,
    );
    assert.deepEqual(written, [5, 1, 1]);
    for (const namespace of ['a', 'b', 'c'])
      for (let count = 0; count < 5; count += 1) recorder.record(about(`web-${count}`, 'ImageDenied', namespace));
    // All of them together have a bound as well.
    await eventually(() => server.seen.length === 12);
  });

  test('what a namespace has under way holds up no other', async () => {
    server.fault = ({ path }) => (path.includes('/hanging/') ? 'hang' : undefined);
    for (let count = 0; count < 5; count += 1) recorder.record(about(`web-${count}`, 'ImageDenied', 'hanging'));
    now += 1000;
    recorder.record(about('web-5', 'ImageDenied', 'hanging'));
    recorder.record(about('web-0', 'ImageDenied', 'shop'));
    await eventually(() => server.seen.length === 6);
    assert.equal(dropped, 1);
    assert.equal(server.seen.filter(({ path }) => path.includes('/shop/')).length, 1);
  });

  test('a clock that was set back silences nobody', async () => {
    recorder.record(about('prod'));
    now -= 86_400_000;
    recorder.record(about('prod'));
    await eventually(() => server.seen.length === 2);
  });

  test('an API server that refuses or hangs is never felt', async () => {
    server.fault = () => ({ status: 403 });
    recorder.record(about('a'));
    await eventually(() => server.seen.length === 1);
    server.fault = () => 'hang';
    recorder.record(about('b'));
    await eventually(() => server.seen.length === 2);
    const startedAt = performance.now();
    await recorder.stop();
    // A call's own time is five seconds.
    assert.ok(performance.now() - startedAt < 4000);
  });

  test('cuts long notes to what the API takes', async () => {
    recorder.record({ ...about('prod'), note: 'x'.repeat(5000) });
    await eventually(() => server.seen.length === 1);
    assert.ok(JSON.stringify(server.seen[0]?.body).includes(`"note":"${'x'.repeat(1024)}"`));
  });
});
