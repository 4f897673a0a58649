// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError, type ApiRequest, type KubeObject } from '../../../../operator/kubernetes/api-client.ts';
import { ListReader } from '../../../../operator/kubernetes/list-reader.ts';
import { METADATA } from '../../../../operator/kubernetes/object-reader.ts';

const MIB = 1024 * 1024;

interface Stored {
  readonly name: string;
  readonly bytes: number;
}

/** Lists as the API server does: metadata behind the items, as for custom resources; and counts what is sent. */
function serve(stored: readonly Stored[]) {
  const seen: { limit: number; sent: number; accept: string | undefined }[] = [];
  async function* stream({ query = {}, accept }: ApiRequest): AsyncGenerator<Uint8Array, void, undefined> {
    const start = Number(query['continue'] ?? 0);
    const limit = Number(query['limit']);
    const asked = { limit, sent: 0, accept };
    seen.push(asked);
    const rest = stored.slice(start, start + limit);
    const next = start + limit < stored.length ? String(start + limit) : '';
    const send = (text: string) => {
      asked.sent += text.length;
      return Buffer.from(text);
    };
    yield send('{"apiVersion":"v1","items":[');
    for (const [index, { name, bytes }] of rest.entries()) {
      const padding = accept === undefined ? ',"spec":"' + 'x'.repeat(bytes) + '"' : '';
      const text = `${index === 0 ? '' : ','}{"metadata":{"name":"${name}","resourceVersion":"7"}${padding}}`;
      for (let at = 0; at < text.length; at += 65_536) yield send(text.slice(at, at + 65_536));
    }
    yield send(`],"metadata":{"resourceVersion":"42","continue":"${next}"}}`);
  }
  return { seen, stream };
}

async function listed(stored: readonly Stored[], unreadable?: (object: KubeObject) => KubeObject) {
  const { seen, stream } = serve(stored);
  const names: string[] = [];
  const tooLarge: string[] = [];
  const reader = new ListReader<KubeObject>({
    api: { stream },
    path: '/apis/x/v1/things',
    reading: { selection: { fields: { metadata: METADATA } }, ...(unreadable && { unreadable }) },
    onUnreadable: ({ metadata }) => tooLarge.push(metadata.name),
  });
  const list = () => reader.list(new AbortController().signal, ({ metadata }) => names.push(metadata.name));
  return { seen, names, tooLarge, version: await list(), again: list };
}

const many = (count: number, bytes: number): Stored[] =>
  Array.from({ length: count }, (_, index) => ({ name: `o${index}`, bytes }));

describe('a list', () => {
  test('of small objects is read in few pages', async () => {
    const { seen, names, version } = await listed(many(1200, 100));
    assert.deepEqual([names.length, version, seen.map(({ limit }) => limit)], [1200, '42', [500, 500, 500]]);
  });

  test('of large objects is read in pages of few bytes, each object once', async () => {
    const { seen, names } = await listed(many(58, 1.5 * MIB));
    assert.deepEqual(
      names,
      many(58, 0).map(({ name }) => name),
    );
    const most = Math.max(...seen.map(({ sent }) => sent));
    assert.ok(most < 4.2 * MIB, `${most} bytes`);
  });

  test('comes back to large pages behind large objects, and does not learn anew each time', async () => {
    const stored = [...many(4, 1.5 * MIB), ...many(3000, 100).map(({ name, bytes }) => ({ name: `s${name}`, bytes }))];
    const { seen, names, again } = await listed(stored);
    assert.equal(names.length, 3004);
    assert.equal(seen.at(-1)?.limit, 500);
    const first = seen.length;
    await again();
    assert.ok(seen.length - first <= first, `${seen.length - first} after ${first}`);
  });

  test('tells of an object that is too large to be read, and goes on behind it', async () => {
    const stored = [...many(2, 10), { name: 'huge', bytes: 9 * MIB }, { name: 'last', bytes: 10 }];
    const { seen, names, tooLarge } = await listed(stored);
    assert.deepEqual([names, tooLarge], [['o0', 'o1', 'last'], ['huge']]);
    assert.ok(Math.max(...seen.map(({ sent }) => sent)) < 4.2 * MIB);
  });

  test('has in its place what stands for it', async () => {
    const stored = [{ name: 'huge', bytes: 9 * MIB }];
    const { names } = await listed(stored, ({ metadata }) => ({ metadata: { name: `${metadata.name} unread` } }));
    assert.deepEqual(names, ['huge unread']);
  });

  test('that is no JSON is an error of the API server', async () => {
    for (const text of ['', '[]', '{"items":[{"metadata":{"name":"a"}}', '{"items":[{}]}', 'null']) {
      const reader = new ListReader<KubeObject>({
        api: {
          async *stream() {
            yield Buffer.from(text);
          },
        },
        path: '/x',
        reading: { selection: { fields: { metadata: METADATA } } },
        onUnreadable: () => undefined,
      });
      await assert.rejects(
        reader.list(new AbortController().signal, () => undefined),
        ApiError,
        text,
      );
    }
  });
});
