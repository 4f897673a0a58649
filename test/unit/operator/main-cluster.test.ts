// SPDX-License-Identifier: Apache-2.0
// What the webhook asks of the cluster that it runs in, over HTTPS as API servers call it.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger, type LogFields } from '../../../core/observe.ts';
import { serve } from '../../../operator/main.ts';
import { FakeApiServer } from '../../fakes/api-server.ts';
import { podReview } from '../webhook/reviews.ts';
import { eventually } from './eventually.ts';
import {
  CONFIGURATIONS,
  LEASES,
  NAMESPACES,
  notesOf,
  pathSecret,
  POLICIES,
  putRelease,
  reached,
  SECRETS,
  tokenOf,
  useKubeconfig,
  WANTED,
} from './host/started-cluster.ts';

interface Answered {
  readonly status: number;
  readonly connection: string | undefined;
  readonly response: {
    readonly allowed?: boolean;
    readonly warnings?: readonly string[];
    readonly status?: { message: string };
  };
}

describe('serve, in a cluster', () => {
  let server: FakeApiServer;
  let folder: string;
  let restored: () => Promise<void>;
  let agent: Agent;
  let done: Promise<number>;
  const stopping = { controller: new AbortController() };
  const lines = new Map<string, LogFields>();

  beforeEach(async () => {
    server = await new FakeApiServer().start();
    server.fault = reached;
    putRelease(server);
    server.put(SECRETS, pathSecret('a', 'b'));
    server.put(NAMESPACES, { metadata: { name: 'other' } });
    const metadata = { generation: 1, uid: 'uid-of-hub' };
    server.put(POLICIES, {
      metadata: { name: 'hub', ...metadata },
      spec: { images: ['docker.io/**'], action: 'Deny' },
    });
    const namespaceSelector = { matchLabels: { team: 'a' } };
    const spec = { images: ['docker.io/library/*'], action: 'Allow', namespaceSelector };
    server.put(POLICIES, { metadata: { name: 'library', generation: 1 }, spec });
    folder = await mkdtemp(path.join(tmpdir(), 'serve-'));
    restored = await useKubeconfig(server);
    stopping.controller = new AbortController();
    agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
    lines.clear();
  });
  afterEach(async () => {
    stopping.controller.abort();
    assert.equal(await done, 0);
    agent.destroy();
    await Promise.all([restored(), server.stop(), rm(folder, { recursive: true })]);
  });

  async function start(graceMilliseconds = 0): Promise<void> {
    const webhooks = path.join(folder, 'webhooks.yaml');
    await writeFile(webhooks, JSON.stringify(WANTED));
    done = serve(
      {
        webhooks,
        listen: { host: '127.0.0.1', port: 0 },
        metricsListen: { host: '127.0.0.1', port: 0 },
        namespace: 'cosignet',
        name: 'cosignet',
        identity: 'pod',
        tufCache: path.join(folder, 'tuf'),
        graceMilliseconds,
        log: { ...silentLogger, info: (message, fields) => lines.set(message, fields ?? {}) },
      },
      stopping.controller.signal,
    );
    await eventually(() => lines.has('serving'));
    await eventually(async () => (await probe('readyz')) === 200);
  }

  async function probe(name: string): Promise<number> {
    const { status } = await fetch(`${String(lines.get('serving')?.['metrics'])}/${name}`);
    return status;
  }

  /** As an API server that was told of the path does, unless another end of it is given. */
  function post(name: string, body: unknown, end = `/${tokenOf('a')}`): Promise<Answered> {
    const { promise, resolve, reject } = Promise.withResolvers<Answered>();
    const url = `${String(lines.get('serving')?.['webhook'])}/${name}${end}?timeout=10s`;
    const sent = request(
      url,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          const { statusCode: status = 0, headers } = response;
          resolve({
            status,
            connection: headers.connection,
            response: status === 200 ? JSON.parse(text).response : {},
          });
        });
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
    return promise;
  }

  const holder = () => String(Reflect.get(server.get(LEASES, 'cosignet')?.spec ?? {}, 'holderIdentity'));
  const ask = (namespace: string, end?: string) => post('mutate', podReview(['nginx'], { namespace }), end);

  test('answers whom API servers are, by the policies and the labels of their cluster', async () => {
    await start();
    assert.equal((await ask('other', '')).status, 403);
    assert.equal((await ask('other', `/${tokenOf('9')}`)).status, 403);
    const { response } = await ask('other');
    assert.equal(response.allowed, false);
    assert.match(response.status?.message ?? '', /hub/);
    assert.equal((await ask('shop')).response.allowed, true);
    // Its own Pods must start before it answers.
    assert.equal((await ask('cosignet')).response.allowed, true);
    await eventually(() =>
      notesOf(server).some((note) => note.includes('"uid-of-hub"') && note.includes('DeniedByPolicy')),
    );
  });

  test('tells whoever writes a policy what is wrong, and refuses a definition that would drop a part of one', async () => {
    await start();
    const object = {
      apiVersion: 'cosignet.dev/v1',
      kind: 'ImagePolicy',
      metadata: { name: 'x' },
      spec: { images: ['a:1'] },
    };
    const advised = await post('policies', { request: { uid: 'u', object } });
    assert.equal(advised.response.allowed, true);
    assert.match(advised.response.warnings?.[0] ?? '', /spec\.images\[0\]/);
    const spec = { names: { kind: 'ImagePolicy' }, versions: [{ name: 'v1', schema: { openAPIV3Schema: {} } }] };
    const { response } = await post('definitions', { request: { uid: 'u', object: { spec } } });
    assert.equal(response.allowed, false);
    assert.match(response.status?.message ?? '', /ImagePolicy hub: spec/);
  });

  test('sends connections away once it is not ready', async () => {
    await start();
    assert.equal((await ask('shop')).connection, 'keep-alive');
    assert.equal(await probe('armed'), 200);
    for (const collection of CONFIGURATIONS) server.remove(collection, 'cosignet');
    await eventually(async () => (await ask('shop')).connection === 'close');
    assert.equal(await probe('readyz'), 503);
    assert.equal(await probe('armed'), 503);
  });

  test('lets another replica lead when it ends, and answers meanwhile', async () => {
    await start(4000);
    await eventually(() => holder().startsWith('pod_'));
    stopping.controller.abort();
    await eventually(() => holder() === '');
    assert.equal((await ask('shop')).response.allowed, true);
  });
});
