// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { ApiError, createKubeApi } from '../../../../operator/kubernetes/api-client.ts';
import { createNamespaces, type Namespaces } from '../../../../operator/kubernetes/namespaces.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { eventually } from '../eventually.ts';

const PATH = '/api/v1/namespaces';

describe('createNamespaces', () => {
  let server: FakeApiServer;
  let namespaces: Namespaces;

  beforeEach(async () => {
    server = await new FakeApiServer().start();
    server.put(PATH, { metadata: { name: 'shop', labels: { team: 'a' } } });
    namespaces = createNamespaces({
      api: createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) }),
      log: silentLogger,
    });
    namespaces.reflector.start();
    await namespaces.reflector.synced;
  });
  afterEach(async () => {
    await namespaces.reflector.stop();
    await server.stop();
  });

  test('answers from its copy without a request, and follows label changes', async () => {
    await eventually(() => server.watchers === 1);
    const asked = server.seen.length;
    assert.deepEqual(await namespaces.context('shop'), { name: 'shop', labels: { team: 'a' } });
    assert.equal(server.seen.length, asked);
    server.put(PATH, { metadata: { name: 'shop', labels: { team: 'b' } } });
    await eventually(() => namespaces.reflector.get('shop')?.metadata.labels?.['team'] === 'b');
  });

  test('asks once for a namespace that is newer than the watch', async () => {
    await eventually(() => server.watchers === 1);
    server.muted = true;
    server.put(PATH, { metadata: { name: 'new', labels: { team: 'c' } } });
    const asked = server.seen.length;
    const contexts = await Promise.all([namespaces.context('new'), namespaces.context('new')]);
    assert.deepEqual(contexts[1], { name: 'new', labels: { team: 'c' } });
    assert.equal(server.seen.length, asked + 1);
  });

  test('fails, and does not answer "no labels", where it can not know', async () => {
    await assert.rejects(
      namespaces.context('missing'),
      (thrown) => thrown instanceof ApiError && thrown.status === 404,
    );
    server.fault = () => 'reset';
    await assert.rejects(namespaces.context('missing'), ApiError);
    await assert.rejects(namespaces.context('..'), ApiError);
  });
});
