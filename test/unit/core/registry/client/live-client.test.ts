// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLiveRegistryClient } from '../../../../../core/registry/client/live-client.ts';
import { createTestClient, insecure, scopeOf } from '../../../../fakes/registry/registry-client.ts';
import { startFakeRegistry } from '../../../../fakes/registry/registry.ts';

const never = () => Promise.reject(new Error('not asked'));

describe('createLiveRegistryClient', () => {
  test('asks by the new limits from the renewal on, and lets what is under way end by the old', async (t) => {
    const registry = await startFakeRegistry({ delayMilliseconds: 400 });
    t.after(() => registry.close());
    const repository = { registry: registry.host, path: 'app' };
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const digest = registry.content.putManifest('app', { schemaVersion: 2, mediaType }, '1.0');
    let requestMilliseconds = 5000;
    const closed: string[] = [];
    const client = createLiveRegistryClient(() => {
      const limits = { requestMilliseconds };
      const { client: made } = createTestClient({ settings: [insecure(registry.host)], limits });
      const name = String(requestMilliseconds);
      return { ...made, close: () => (closed.push(name), made.close()) };
    });
    t.after(() => client.close());
    const before = client.resolveTag(repository, '1.0', scopeOf());
    requestMilliseconds = 100;
    client.renew();
    await assert.rejects(client.resolveTag(repository, '1.0', scopeOf()), { code: 'DeadlineExceeded' });
    assert.deepEqual(closed, []);
    assert.equal(await before, digest);
    assert.deepEqual(closed, ['5000']);
    await client.close();
    assert.deepEqual(closed, ['5000', '100']);
  });

  test('closes a client at once where nothing is under way', () => {
    let open = 0;
    const client = createLiveRegistryClient(() => {
      open += 1;
      const close = async () => void (open -= 1);
      return { resolveTag: never, getManifest: never, getBlob: never, listReferrers: never, close };
    });
    for (let renewals = 0; renewals < 3; renewals += 1) client.renew();
    assert.equal(open, 1);
  });
});
