// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { createKubeApi, type KubeObject } from '../../../../operator/kubernetes/api-client.ts';
import { METADATA } from '../../../../operator/kubernetes/object-reader.ts';
import { Reflector, type ReflectorTimings } from '../../../../operator/kubernetes/reflector.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { eventually } from '../eventually.ts';

const PATH = '/apis/cosignet.dev/v1/imagepolicies';
const FAST: Partial<ReflectorTimings> = { watch: 30_000, backoff: { first: 10, most: 50 } };

const READING = { selection: { fields: { metadata: METADATA, spec: { bytes: 1000 } } } };

const policy = (name: string) => ({ metadata: { name } });

/** Of the last object alone, as where the API server is asked for metadata. */
async function* namesAlone(): AsyncGenerator<Uint8Array> {
  yield Buffer.from(JSON.stringify({ metadata: { resourceVersion: '1000' }, items: [policy('e')] }));
}

describe('Reflector', () => {
  let server: FakeApiServer;
  let reflector: Reflector<KubeObject> | undefined;
  let log: string[];
  /** The last that was told of what is too large. */
  let partlyRead: readonly [string, number] | undefined;

  beforeEach(async () => {
    server = await new FakeApiServer().start();
    log = [];
    partlyRead = undefined;
  });
  afterEach(async () => {
    await reflector?.stop();
    reflector = undefined;
    await server.stop();
  });

  function reflect(
    timings: Partial<ReflectorTimings> = {},
    { mayBeAbsent = false, monotonic = () => performance.now() } = {},
  ): Reflector<KubeObject> {
    const api = createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) });
    reflector = new Reflector<KubeObject>({
      api: { ...api, stream: (request) => (request.accept === undefined ? api.stream(request) : namesAlone()) },
      name: 'imagepolicies',
      path: PATH,
      reading: READING,
      mayBeAbsent,
      onPartlyRead: (...told) => (partlyRead = told),
      log: silentLogger,
      monotonic,
      onChanges: (changes) => {
        log.push(changes.map((change) => `${change.type} ${change.object.metadata.name}`).join(', '));
      },
      timings: { ...FAST, ...timings },
    });
    reflector.start();
    return reflector;
  }

  const names = () => (reflector?.list() ?? []).map((object) => object.metadata.name).toSorted();

  test('applies the first list whole, over pages, before it calls itself synced', async () => {
    server.page = 2;
    for (const name of ['a', 'b', 'c', 'd', 'e']) server.put(PATH, policy(name));
    await reflect().synced;
    assert.deepEqual(log, ['ADDED a, ADDED b, ADDED c, ADDED d, ADDED e']);
    assert.equal(server.seen.filter((seen) => !seen.watch).length, 3);
  });

  test('follows additions, changes and deletions', async () => {
    await reflect().synced;
    await eventually(() => server.watchers === 1);
    server.put(PATH, policy('a'));
    server.put(PATH, policy('a'));
    server.put(PATH, policy('b'));
    server.remove(PATH, 'a');
    await eventually(() => log.length === 4);
    assert.deepEqual(log, ['ADDED a', 'MODIFIED a', 'ADDED b', 'DELETED a']);
    assert.deepEqual(names(), ['b']);
  });

  test('counts the objects of which something is left out, for as long as they are there', async () => {
    const told = (objects: number) => eventually(() => partlyRead?.[1] === objects);
    const large = (name: string) => ({ ...policy(name), spec: { images: ['x'.repeat(2000)] } });
    for (const object of [large('a'), large('b'), policy('c')]) server.put(PATH, object);
    await reflect().synced;
    assert.deepEqual(partlyRead, ['imagepolicies', 2]);
    await eventually(() => server.watchers === 1);
    server.put(PATH, large('d'));
    await told(3);
    server.put(PATH, policy('a'));
    await told(2);
    server.remove(PATH, 'd');
    await told(1);
    // What is deleted unseen, too.
    server.muted = true;
    server.remove(PATH, 'b');
    server.muted = false;
    server.compact();
    server.resetWatches();
    await told(0);
    // Far beyond what one page may have: only its name is known.
    server.put(PATH, { ...policy('e'), spec: { images: ['x'.repeat(5 * 1024 * 1024)] } });
    server.compact();
    server.resetWatches();
    await told(1);
    assert.deepEqual(names(), ['a', 'c']);
  });

  test('lists again when its time has come, though every watch ended in time', async () => {
    let ahead = 0;
    await reflect({ relist: 60_000 }, { monotonic: () => performance.now() + ahead }).synced;
    const lists = () => server.seen.filter((seen) => !seen.watch).length;
    await eventually(() => server.watchers === 1);
    assert.equal(lists(), 1);
    ahead = 60_000;
    server.endWatches();
    await eventually(() => lists() === 2);
  });

  test('continues after a watch that ended in time, without another list', async () => {
    await reflect().synced;
    await eventually(() => server.watchers === 1);
    server.endWatches();
    await eventually(() => server.seen.filter((seen) => seen.watch).length === 2);
    server.put(PATH, policy('a'));
    await eventually(() => log.length === 1);
    assert.equal(server.seen.filter((seen) => !seen.watch).length, 1);
  });

  test('lists again after 410 Gone and notices what was deleted meanwhile', async () => {
    server.put(PATH, policy('a'));
    await reflect().synced;
    await eventually(() => server.watchers === 1);
    server.fault = (seen) => (seen.watch ? { status: 500 } : undefined);
    server.resetWatches();
    server.remove(PATH, 'a');
    server.put(PATH, policy('b'));
    server.compact();
    server.fault = () => undefined;
    await eventually(() => names().join() === 'b');
    assert.deepEqual(log.slice(1).join(', '), 'DELETED a, ADDED b');
  });

  test('lists again when 410 comes inside of the watch', async () => {
    await reflect().synced;
    await eventually(() => server.watchers === 1);
    server.put(PATH, policy('quiet'));
    server.compact();
    server.sendRaw(PATH, '{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}\n');
    await eventually(() => server.seen.filter((seen) => !seen.watch).length === 2);
    assert.deepEqual(names(), ['quiet']);
  });

  test('survives a first list that fails many times', async () => {
    let left = 5;
    server.put(PATH, policy('a'));
    const faults = [{ status: 500 }, 'reset', { status: 503 }, { status: 403 }, { status: 429 }] as const;
    server.fault = () => faults[--left];
    const started = reflect();
    assert.equal(started.isSynced, false);
    await started.synced;
    assert.deepEqual(names(), ['a']);
  });

  test('a kind that went, or is not there yet, has no objects where that may be', async () => {
    server.fault = () => ({ status: 404 });
    const absent = reflect({}, { mayBeAbsent: true });
    await eventually(() => absent.isSynced);
    server.fault = () => undefined;
    server.put(PATH, policy('a'));
    await eventually(() => names().join() === 'a');
    server.fault = () => ({ status: 404 });
    server.endWatches();
    await eventually(() => names().join() === '');
    assert.deepEqual(log, ['ADDED a', 'DELETED a']);
    const heard = reflector?.lastHeardAt ?? 0;
    await eventually(() => (reflector?.lastHeardAt ?? 0) > heard);
  });

  test('a kind that may not be absent keeps its copy, and is not synced before it is there', async () => {
    server.put(PATH, policy('a'));
    server.fault = () => ({ status: 404 });
    const { synced } = reflect();
    await eventually(() => server.seen.length > 2);
    assert.equal(reflector?.isSynced, false);
    server.fault = () => undefined;
    await synced;
    server.fault = () => ({ status: 404 });
    server.endWatches();
    const before = server.seen.length;
    await eventually(() => server.seen.length > before + 2);
    assert.deepEqual(names(), ['a']);
  });

  test('waits as long as a 429 asks', async () => {
    server.fault = () => ({ status: 429, headers: { 'retry-after': '1' } });
    const startedAt = Date.now();
    const started = reflect();
    await eventually(() => server.seen.length === 1);
    server.fault = () => undefined;
    await started.synced;
    assert.ok(Date.now() - startedAt >= 1000);
  });

  test('keeps its copy through a storm of resets and errors and is right after it', async () => {
    server.put(PATH, policy('a'));
    await reflect().synced;
    let turn = 0;
    server.fault = () => (++turn % 2 ? 'reset' : { status: 503 });
    server.resetWatches();
    await eventually(() => turn > 6);
    assert.deepEqual(names(), ['a']);
    server.remove(PATH, 'a');
    server.put(PATH, policy('b'));
    server.fault = () => undefined;
    await eventually(() => names().join() === 'b');
  });

  test('notices a watch that is open and silent for ever', async () => {
    const started = reflect({ watch: 1000, margin: 100 });
    await started.synced;
    await eventually(() => server.watchers === 1);
    server.muted = true;
    server.put(PATH, policy('unheard'));
    assert.deepEqual(names(), []);
    await eventually(() => names().join() === 'unheard', 4000);
  });

  test('takes a full list from time to time even if the watch keeps quiet about a deletion', async () => {
    server.put(PATH, policy('a'));
    await reflect({ watch: 1000, relist: 900 }).synced;
    await eventually(() => server.watchers === 1);
    server.muted = true;
    server.remove(PATH, 'a');
    server.muted = false;
    await eventually(() => names().length === 0, 4000);
  });

  test('refuses lines that are no events, and lists again', async () => {
    await reflect().synced;
    for (const text of ['not json\n', '{"type":"ODD","object":{"metadata":{}}}\n', '{"type":"ADDED"}\n']) {
      const before = server.seen.filter((seen) => !seen.watch).length;
      await eventually(() => server.watchers === 1);
      server.sendRaw(PATH, text);
      await eventually(() => server.seen.filter((seen) => !seen.watch).length === before + 1);
    }
    assert.deepEqual(log, []);
  });

  test('caps the length of one line', async () => {
    await reflect().synced;
    await eventually(() => server.watchers === 1);
    server.sendRaw(PATH, 'x'.repeat(9 * 1024 * 1024));
    await eventually(() => server.seen.filter((seen) => !seen.watch).length === 2);
  });

  test('moves on with bookmarks and does not report them', async () => {
    await reflect().synced;
    await eventually(() => server.watchers === 1);
    server.sendRaw(PATH, '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"777"}}}\n');
    await eventually(() => (reflector?.lastHeardAt ?? 0) > 0);
    server.endWatches();
    await eventually(() => server.seen.at(-1)?.query.get('resourceVersion') === '777');
    assert.deepEqual(log, []);
  });

  test('does not hammer a server that ends every watch at once', async () => {
    await reflect({ backoff: { first: 100, most: 1000 } }).synced;
    const timer = setInterval(() => server.endWatches(), 2);
    await new Promise((resolve) => setTimeout(resolve, 700));
    clearInterval(timer);
    const watches = server.seen.filter((seen) => seen.watch).length;
    assert.ok(watches <= 8, `${watches} watches in 700 ms`);
  });

  test('keeps following where a handler throws', async () => {
    reflector = new Reflector<KubeObject>({
      api: createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) }),
      name: 'imagepolicies',
      path: PATH,
      reading: READING,
      log: silentLogger,
      onChanges: () => {
        throw new Error('a bug');
      },
      timings: FAST,
    });
    server.put(PATH, policy('a'));
    reflector.start();
    await reflector.synced;
    server.put(PATH, policy('b'));
    await eventually(() => names().join() === 'a,b');
    assert.equal(server.seen.filter((seen) => !seen.watch).length, 1);
  });

  test('stops for good: nothing is open, nothing is asked, also from within a back-off', async () => {
    await reflect().synced;
    await eventually(() => server.watchers === 1);
    await reflector?.stop();
    await eventually(() => server.watchers === 0);
    server.fault = () => ({ status: 500 });
    const failing = reflect({ backoff: { first: 100, most: 100 } });
    await eventually(() => server.seen.length > 2);
    await failing.stop();
    const asked = server.seen.length;
    await new Promise((resolve) => setTimeout(resolve, 250));
    assert.equal(server.seen.length, asked);
  });
});
