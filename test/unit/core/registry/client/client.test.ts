// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { digestOf, hexOf } from '../../../../../core/image/digest.ts';
import { createTestClient, insecure, scopeOf } from '../../../../fakes/registry/registry-client.ts';
import { startFakeRegistry } from '../../../../fakes/registry/registry.ts';
import type { FakeRegistryOptions } from '../../../../fakes/registry/registry.ts';
import type { TestClientOptions } from '../../../../fakes/registry/registry-client.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const closing: (() => Promise<void>)[] = [];
after(() => Promise.all(closing.map((close) => close())));

async function setUp(options: FakeRegistryOptions = {}, client: Partial<TestClientOptions> = {}) {
  const registry = await startFakeRegistry(options);
  const tested = createTestClient({ settings: [insecure(registry.host)], ...client });
  closing.push(
    () => registry.close(),
    () => tested.client.close(),
  );
  const repository = { registry: registry.host, path: 'team/app' };
  const digest = registry.content.putManifest('team/app', { schemaVersion: 2, mediaType: MANIFEST }, '1.0');
  const signatureTag = `sha256-${hexOf(digest)}.sig`;
  registry.content.putManifest('team/app', { schemaVersion: 2, mediaType: MANIFEST, layers: [] }, signatureTag);
  /** What a decision on a signed tag asks for. */
  const readSigned = async (scope = scopeOf()) => {
    assert.equal(await tested.client.resolveTag(repository, '1.0', scope), digest);
    assert.ok(await tested.client.getManifest(repository, signatureTag, 1_000_000, scope));
    return scope.requests;
  };
  return { registry, repository, digest, signatureTag, readSigned, ...tested };
}

describe('resolveTag', () => {
  test('takes one HEAD, and the signature tag one GET', async () => {
    const { registry, readSigned, signatureTag, observed } = await setUp();
    assert.equal(await readSigned(), 2);
    assert.deepEqual(registry.lines(), [
      'HEAD /v2/team/app/manifests/1.0',
      `GET /v2/team/app/manifests/${signatureTag}`,
    ]);
    assert.deepEqual(observed, [`${registry.host} resolve 200`, `${registry.host} manifest 200`]);
  });

  test('lists every image type that the kubelet may pull', async () => {
    const { registry, readSigned } = await setUp();
    await readSigned();
    const accept = registry.requests[0]?.headers.accept ?? '';
    for (const type of [
      'application/vnd.oci.image.index.v1+json',
      'application/vnd.docker.distribution.manifest.list.v2+json',
      'application/vnd.oci.image.manifest.v1+json',
      'application/vnd.docker.distribution.manifest.v2+json',
    ]) {
      assert.ok(accept.split(', ').includes(type), type);
    }
    assert.equal(registry.requests[0]?.headers['accept-encoding'], 'identity');
  });

  test('fetches and hashes the manifest where the digest header is missing or no digest', async () => {
    const { registry, repository, client, digest } = await setUp({ digestHeader: false });
    const scope = scopeOf();
    assert.equal(await client.resolveTag(repository, '1.0', scope), digest);
    assert.equal(scope.requests, 2);
    registry.behaviour.intercept = (request, response) => {
      if (request.method !== 'HEAD') return false;
      response.writeHead(200, { 'docker-content-digest': `sha256:${'A'.repeat(64)}` }).end();
      return true;
    };
    assert.equal(await client.resolveTag(repository, '1.0', scopeOf()), digest);
  });

  test('falls back to GET where HEAD is not allowed', async () => {
    const { registry, repository, client, digest } = await setUp();
    registry.behaviour.intercept = (request, response) => {
      if (request.method !== 'HEAD') return false;
      response.writeHead(405).end();
      return true;
    };
    assert.equal(await client.resolveTag(repository, '1.0', scopeOf()), digest);
  });

  test('takes no web page for an image', async () => {
    const { registry, repository, client } = await setUp();
    registry.behaviour.intercept = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      return true;
    };
    await assert.rejects(client.resolveTag(repository, '1.0', scopeOf()), {
      code: 'RegistryUnavailable',
      message: /answered with a web page \(text\/html\)/,
    });
  });

  test('says that an unknown tag is not there', async () => {
    const { repository, client } = await setUp();
    assert.equal(await client.resolveTag(repository, '2.0', scopeOf()), undefined);
  });

  test('lets nothing but a reference into the path', async () => {
    const { registry, repository, client } = await setUp();
    for (const tag of ['../../x', 'a/b', 'a?b', '', '-a', 'a b', 'sha256:00', 'a'.repeat(129)]) {
      await assert.rejects(client.resolveTag(repository, tag, scopeOf()), { code: 'InvalidReference' }, tag);
    }
    for (const path of ['../x', 'a//b', 'A', '/a', 'a/', 'a?b', 'a/../b']) {
      const hostile = { registry: registry.host, path };
      await assert.rejects(client.resolveTag(hostile, '1.0', scopeOf()), { code: 'InvalidReference' }, path);
    }
    assert.deepEqual(registry.lines(), []);
  });
});

describe('getManifest', () => {
  test('gives bytes, digest and media type', async () => {
    const { repository, client, digest } = await setUp();
    const manifest = await client.getManifest(repository, digest, 1000, scopeOf());
    assert.equal(manifest?.digest, digest);
    assert.equal(manifest?.mediaType, MANIFEST);
    assert.equal(digestOf(manifest?.bytes ?? new Uint8Array()), digest);
  });

  test('refuses a body that does not have the digest asked for', async () => {
    const { registry, repository, client, digest } = await setUp();
    registry.behaviour.intercept = (_request, response) => {
      response.writeHead(200, { 'content-type': MANIFEST, 'docker-content-digest': digest }).end('{"schemaVersion":2}');
      return true;
    };
    await assert.rejects(client.getManifest(repository, digest, 1000, scopeOf()), { code: 'RegistryUnavailable' });
  });

  test('refuses a manifest that calls itself something else than its Content-Type', async () => {
    const { registry, repository, client } = await setUp();
    const index = 'application/vnd.oci.image.index.v1+json';
    registry.content.putManifest('team/app', { schemaVersion: 2, mediaType: MANIFEST, x: 1 }, 'mixed', index);
    await assert.rejects(client.getManifest(repository, 'mixed', 1000, scopeOf()), /media type/);
  });

  test('reads exactly as many bytes as allowed', async () => {
    const { registry, repository, client } = await setUp();
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, filler: 'x'.repeat(500) }));
    registry.content.putManifest('team/app', bytes, 'big');
    assert.ok(await client.getManifest(repository, 'big', bytes.length, scopeOf()));
    await assert.rejects(client.getManifest(repository, 'big', bytes.length - 1, scopeOf()), {
      code: 'ResponseTooLarge',
    });
  });
});

describe('getBlob', () => {
  const mediaType = 'application/octet-stream';

  test('gives the blob of a descriptor', async () => {
    const { registry, repository, client } = await setUp();
    const blob = registry.content.putBlob('team/app', 'payload');
    const scope = scopeOf();
    assert.equal(
      Buffer.from((await client.getBlob(repository, { mediaType, ...blob }, scope)) ?? []).toString(),
      'payload',
    );
    assert.equal(scope.requests, 1);
  });

  test('says that an unknown blob is not there', async () => {
    const { repository, client } = await setUp();
    const descriptor = { mediaType, digest: digestOf(Buffer.from('other')), size: 5 };
    assert.equal(await client.getBlob(repository, descriptor, scopeOf()), undefined);
  });

  test('refuses a blob that is longer, shorter or another than its descriptor says', async () => {
    const { registry, repository, client } = await setUp();
    const blob = registry.content.putBlob('team/app', 'payload');
    const served = async (text: string, size: number) => {
      registry.behaviour.intercept = (_request, response) => {
        response.end(text);
        return true;
      };
      return client.getBlob(repository, { mediaType, digest: blob.digest, size }, scopeOf());
    };
    await assert.rejects(served('payload', 6), { code: 'ResponseTooLarge' });
    await assert.rejects(served('payload', 8), { code: 'RegistryUnavailable' });
    await assert.rejects(served('paYload', 7), { code: 'RegistryUnavailable' });
    assert.ok(await served('payload', 7));
  });

  test('does not ask for a blob that says itself to be too large', async () => {
    const { registry, repository, client } = await setUp({}, { limits: { bundleBytes: 100, payloadBytes: 10 } });
    const blob = registry.content.putBlob('team/app', 'x'.repeat(101));
    await assert.rejects(client.getBlob(repository, { mediaType, ...blob }, scopeOf()), { code: 'ResponseTooLarge' });
    assert.deepEqual(registry.lines(), []);
  });

  test('needs no request where the descriptor carries the content, and believes nothing else', async () => {
    const { registry, repository, client } = await setUp();
    const blob = registry.content.putBlob('team/app', 'payload');
    const scope = scopeOf();
    const right = { mediaType, ...blob, data: base64('payload') };
    assert.equal(Buffer.from((await client.getBlob(repository, right, scope)) ?? []).toString(), 'payload');
    assert.equal(scope.requests, 0);
    const wrong = { mediaType, ...blob, data: base64('paYload') };
    assert.equal(Buffer.from((await client.getBlob(repository, wrong, scope)) ?? []).toString(), 'payload');
    assert.equal(scope.requests, 1);
  });
});

describe('requests', () => {
  test('are retried once after a connection reset, and counted each', async () => {
    const { registry, repository, client, digest } = await setUp();
    let resets = 1;
    registry.behaviour.intercept = (request) => {
      if (resets === 0) return false;
      resets -= 1;
      request.socket.resetAndDestroy();
      return true;
    };
    const scope = scopeOf();
    assert.equal(await client.resolveTag(repository, '1.0', scope), digest);
    assert.equal(scope.requests, 2);
  });

  test('are retried once after 408, 502, 503 and 504, and HEAD by GET after 406; not after 500', async () => {
    const { registry, repository, client } = await setUp();
    for (const [status, expected] of [
      [408, 2],
      [502, 2],
      [503, 2],
      [504, 2],
      [406, 2],
      [500, 1],
    ] as const) {
      registry.behaviour.intercept = (_request, response) => {
        response.writeHead(status).end();
        return true;
      };
      const scope = scopeOf();
      await assert.rejects(client.resolveTag(repository, '1.0', scope), { code: 'RegistryUnavailable' });
      assert.equal(scope.requests, expected, String(status));
    }
  });

  test('keep one connection for one decision after another', async () => {
    const { registry, readSigned } = await setUp();
    const ports = new Set<number | undefined>();
    registry.behaviour.intercept = (request) => {
      ports.add(request.socket.remotePort);
      return false;
    };
    await readSigned();
    await readSigned();
    assert.equal(ports.size, 1);
  });

  test('are not sent once the decision is over', async () => {
    const { registry, repository, client } = await setUp();
    const scope = scopeOf([], AbortSignal.abort());
    await assert.rejects(client.resolveTag(repository, '1.0', scope), { code: 'DeadlineExceeded' });
    assert.equal(scope.requests, 0);
    assert.deepEqual(registry.lines(), []);
  });

  test('end when the decision does', async () => {
    const { repository, client } = await setUp({ delayMilliseconds: 30_000 });
    const started = Date.now();
    const pending = client.resolveTag(repository, '1.0', scopeOf([], AbortSignal.timeout(50)));
    await assert.rejects(pending, { code: 'DeadlineExceeded' });
    assert.ok(Date.now() - started < 20_000);
  });
});
