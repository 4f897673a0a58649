// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, describe, test } from 'node:test';
import { hexOf } from '../../../../../core/image/digest.ts';
import { createTestClient, insecure, scopeOf } from '../../../../fakes/registry/registry-client.ts';
import { startFakeRegistry } from '../../../../fakes/registry/registry.ts';
import type { FakeRegistryOptions } from '../../../../fakes/registry/registry.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const DIGEST = `sha256:${'0'.repeat(64)}`;
const closing: (() => Promise<void>)[] = [];
after(() => Promise.all(closing.map((close) => close())));

const answering = (status: number) => (request: IncomingMessage, response: ServerResponse) => {
  if (!request.url?.includes('/referrers/')) return false;
  response.writeHead(status).end();
  return true;
};

async function setUp(options: FakeRegistryOptions = {}) {
  const registry = await startFakeRegistry(options);
  const { client, time } = createTestClient({ settings: [insecure(registry.host)] });
  closing.push(
    () => registry.close(),
    () => client.close(),
  );
  const digest = registry.content.putManifest('team/app', { schemaVersion: 2, mediaType: MANIFEST }, '1.0');
  const fallbackTag = `sha256-${hexOf(digest)}`;
  const attach = (count: number) =>
    Array.from({ length: count }, (_, index) =>
      registry.content.putManifest('team/app', {
        schemaVersion: 2,
        mediaType: MANIFEST,
        artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
        annotations: { number: String(index) },
        subject: { mediaType: MANIFEST, digest, size: 1 },
      }),
    );
  const list = async (path = 'team/app') => {
    const scope = scopeOf();
    const found = await client.listReferrers({ registry: registry.host, path }, digest, scope);
    return { ...found, digests: found.descriptors.map((descriptor) => descriptor.digest), requests: scope.requests };
  };
  const serveIndex = (manifests: unknown, extra: object = {}) => {
    registry.behaviour.intercept = (request, response) => {
      if (!request.url?.includes('/referrers/')) return false;
      response.writeHead(200, { 'content-type': INDEX });
      response.end(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests, ...extra }));
      return true;
    };
  };
  return { registry, client, time, digest, fallbackTag, attach, list, serveIndex };
}

describe('listReferrers by API', () => {
  test('takes one request and gives descriptors as served', async () => {
    const { attach, list } = await setUp({ referrersApi: true });
    const [first] = attach(2);
    const found = await list();
    assert.equal(found.requests, 1);
    assert.equal(found.truncated, false);
    assert.equal(found.digests.length, 2);
    assert.equal(found.digests[0], first);
    assert.equal(found.descriptors[0]?.artifactType, 'application/vnd.dev.sigstore.bundle.v0.3+json');
    assert.deepEqual(found.descriptors[1]?.annotations, { number: '1' });
  });

  test('does not look for the fallback tag when the API says that there are none', async () => {
    const { list } = await setUp({ referrersApi: true });
    assert.deepEqual(await list(), { descriptors: [], truncated: false, digests: [], requests: 1 });
  });

  test('follows pages', async () => {
    const { attach, list } = await setUp({ referrersApi: 2 });
    const attached = attach(5);
    const found = await list();
    assert.deepEqual(found.digests, attached);
    assert.equal(found.requests, 3);
    assert.equal(found.truncated, false);
  });

  test('stops after eight pages and says so', async () => {
    const { attach, list } = await setUp({ referrersApi: 1 });
    attach(10);
    const found = await list();
    assert.equal(found.digests.length, 8);
    assert.equal(found.truncated, true);
    assert.equal(found.requests, 8);
  });

  test('passes over malformed entries, and says what is wrong with them', async () => {
    const { list, serveIndex } = await setUp();
    const good = { mediaType: MANIFEST, digest: `sha256:${'a'.repeat(64)}`, size: 1 };
    serveIndex([
      null,
      good,
      { ...good, digest: 'sha256:AA' },
      { ...good, size: -1 },
      { ...good, size: 1.5 },
      { ...good, mediaType: undefined },
      { ...good, annotations: { a: 1 } },
      { ...good, artifactType: 7 },
      [good],
    ]);
    const found = await list();
    assert.deepEqual(found.descriptors, [good]);
    assert.deepEqual(found.faults, [
      'referrer 0 is not an object',
      'referrer 2 has no sha256 digest',
      'referrer 3 has no valid size',
      'referrer 4 has no valid size',
      'referrer 5 has no mediaType',
      'referrer 6 has annotations that are not texts',
      'referrer 7 has an artifactType or data that is not text',
      'referrer 8 is not an object',
    ]);
  });

  test('asks for no further page once it has 1024 descriptors', async () => {
    const { registry, list } = await setUp({ referrersApi: true });
    const [entry] = [{ mediaType: MANIFEST, digest: `sha256:${'0'.repeat(64)}`, size: 1 }];
    let page = 0;
    registry.behaviour.intercept = (request, response) => {
      if (!request.url?.includes('/referrers/')) return false;
      page += 1;
      const path = request.url.split('?', 1)[0];
      response.writeHead(200, { 'content-type': INDEX, link: `<${path}?page=${page}>; rel="next"` });
      const manifests = Array.from({ length: 600 }, () => entry);
      response.end(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
      return true;
    };
    const { requests, truncated, descriptors } = await list();
    assert.deepEqual([requests, truncated, descriptors.length], [2, true, 1024]);
  });

  test('takes a second page of 390,000 entries for a list that is too long', async () => {
    const { registry, list } = await setUp({ referrersApi: true });
    registry.behaviour.intercept = (request, response) => {
      if (!request.url?.includes('/referrers/')) return false;
      const [path, query] = request.url.split('?', 2);
      const isFirst = query?.includes('page=') !== true;
      response.writeHead(200, { 'content-type': INDEX, ...(isFirst && { link: `<${path}?page=2>; rel="next"` }) });
      const manifests = isFirst ? [] : Array.from({ length: 390_000 }, () => 0);
      response.end(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
      return true;
    };
    const { truncated, failure } = await list();
    assert.deepEqual([truncated, failure], [true, undefined]);
  });

  test('keeps at most 1024 descriptors of a listing', async () => {
    const { list, serveIndex } = await setUp();
    serveIndex(Array.from({ length: 2000 }, () => ({ mediaType: 'm', digest: `sha256:${'a'.repeat(64)}`, size: 1 })));
    const found = await list();
    assert.equal(found.descriptors.length, 1024);
    assert.equal(found.truncated, true);
  });

  test('reads a list that a Go server wrote as null', async () => {
    const { list, serveIndex } = await setUp();
    serveIndex(null);
    assert.deepEqual(await list(), { descriptors: [], truncated: false, digests: [], requests: 1 });
  });
});

describe('listReferrers by fallback tag', () => {
  const descriptor = { mediaType: MANIFEST, digest: `sha256:${'b'.repeat(64)}`, size: 7 } as const;
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: [descriptor] };

  for (const [kind, image] of [
    ['an image', { schemaVersion: 2, mediaType: MANIFEST, annotations: { a: 'b' } }],
    ['an index', { schemaVersion: 2, mediaType: INDEX, manifests: [{ mediaType: MANIFEST, digest: DIGEST, size: 7 }] }],
  ] as const) {
    test(`finds nothing in ${kind} itself, which a copy may have left there`, async () => {
      const registry = await startFakeRegistry({});
      const { client } = createTestClient({ settings: [insecure(registry.host)] });
      closing.push(
        () => registry.close(),
        () => client.close(),
      );
      const digest = registry.content.putManifest('team/app', image, '1.0');
      registry.content.putManifest('team/app', image, `sha256-${hexOf(digest)}`);
      const found = await client.listReferrers({ registry: registry.host, path: 'team/app' }, digest, scopeOf());
      assert.deepEqual(found, { descriptors: [], truncated: false });
    });
  }

  test('is asked where there is no API, and first for the next ten minutes', async () => {
    const { registry, time, fallbackTag, list } = await setUp();
    registry.content.putManifest('team/app', index, fallbackTag);
    const cold = await list();
    assert.deepEqual(cold.descriptors, [descriptor]);
    assert.equal(cold.requests, 2);
    assert.equal((await list()).requests, 1);
    time.now += 599_999;
    assert.equal((await list()).requests, 1);
    time.now += 1;
    assert.equal((await list()).requests, 2);
  });

  test('gives an empty list where the tag is missing', async () => {
    const { list } = await setUp();
    assert.deepEqual(await list(), { descriptors: [], truncated: false, digests: [], requests: 2 });
  });

  for (const status of [400, 405, 406, 501]) {
    test(`is asked when the API answers ${status}`, async () => {
      const { registry, fallbackTag, list } = await setUp();
      registry.content.putManifest('team/app', index, fallbackTag);
      registry.behaviour.intercept = (request, response) => {
        if (!request.url?.includes('/referrers/')) return false;
        response.writeHead(status).end();
        return true;
      };
      assert.deepEqual((await list()).descriptors, [descriptor]);
    });
  }

  test('is asked when the API answers 200 with anything but an index', async () => {
    for (const [type, body] of [
      ['text/html', '<html>'],
      ['application/json', JSON.stringify(index)],
      [MANIFEST, '{}'],
      [INDEX, 'no JSON'],
      [INDEX, '[]'],
      [INDEX, '{"schemaVersion":2}'],
      [INDEX, '{"schemaVersion":1,"manifests":[]}'],
    ] as const) {
      const { registry, fallbackTag, list } = await setUp();
      registry.content.putManifest('team/app', index, fallbackTag);
      registry.behaviour.intercept = (request, response) => {
        if (!request.url?.includes('/referrers/')) return false;
        response.writeHead(200, { 'content-type': type }).end(body);
        return true;
      };
      assert.deepEqual((await list()).descriptors, [descriptor], `${type} ${body}`);
    }
  });

  test('is not asked when the registry is out of order', async () => {
    const { registry, fallbackTag, list } = await setUp();
    registry.content.putManifest('team/app', index, fallbackTag);
    registry.behaviour.intercept = answering(503);
    await assert.rejects(list(), { code: 'RegistryUnavailable' });
  });

  for (const [status, code] of [
    [500, 'RegistryUnavailable'],
    [401, 'RegistryUnauthorized'],
    [403, 'RegistryUnauthorized'],
  ] as const) {
    test(`is asked when the API answers ${status}, and the list says that there may be more`, async () => {
      const { registry, fallbackTag, list } = await setUp();
      registry.content.putManifest('team/app', index, fallbackTag);
      registry.behaviour.intercept = answering(status);
      const { descriptors, failure } = await list();
      assert.deepEqual([descriptors, failure?.code], [[descriptor], code]);
      // Nothing is learnt from it.
      registry.behaviour.intercept = undefined;
      assert.equal((await list()).requests, 2);
    });
  }

  test('reports a tag that is no index', async () => {
    const { registry, fallbackTag, list } = await setUp();
    registry.content.putManifest('team/app', { schemaVersion: 2, mediaType: MANIFEST, layers: [] }, fallbackTag);
    const found = await list();
    assert.deepEqual(found.descriptors, []);
    assert.deepEqual(found.faults, [`tag ${fallbackTag} is not an image index`]);
  });

  test('is not remembered because of one unknown repository', async () => {
    const { registry, attach, list } = await setUp({ referrersApi: true });
    attach(1);
    registry.behaviour.intercept = (request, response) => {
      if (!request.url?.includes('/unknown/referrers/')) return false;
      response.writeHead(404).end(JSON.stringify({ errors: [{ code: 'NAME_UNKNOWN' }] }));
      return true;
    };
    assert.deepEqual((await list('unknown')).descriptors, []);
    assert.equal((await list()).descriptors.length, 1);
  });

  test('is not remembered because of an index that is none, as Harbor answers for an unknown digest', async () => {
    const { registry, attach, list } = await setUp({ referrersApi: true });
    attach(1);
    registry.behaviour.intercept = (request, response) => {
      if (!request.url?.includes('/unknown/referrers/')) return false;
      response.writeHead(200, { 'content-type': INDEX }).end('{}');
      return true;
    };
    assert.deepEqual((await list('unknown')).descriptors, []);
    assert.equal((await list()).descriptors.length, 1);
  });

  test('says that the API was not asked, and is not asked again by whoever asks the API anew', async () => {
    const { registry, digest, attach, list, client } = await setUp();
    // Of this repository nothing is known yet, only of another one on the registry.
    await list('elsewhere');
    assert.equal((await list('elsewhere')).apiAssumedAbsent, undefined);
    assert.equal((await list()).apiAssumedAbsent, true);
    registry.behaviour.referrersApi = true;
    const [first] = attach(1);
    const scope = scopeOf();
    const anew = await client.listReferrers({ registry: registry.host, path: 'team/app' }, digest, scope, true);
    assert.deepEqual([anew.descriptors.map((found) => found.digest), scope.requests], [[first], 1]);
    assert.equal((await list()).apiAssumedAbsent, undefined);
  });

  test('is not remembered of a registry that has answered the API', async () => {
    const { registry, attach, list } = await setUp({ referrersApi: true });
    attach(1);
    await list();
    registry.behaviour.referrersApi = false;
    await list('elsewhere');
    registry.behaviour.referrersApi = true;
    assert.equal((await list()).descriptors.length, 1);
  });
});
