// SPDX-License-Identifier: Apache-2.0
// What one party does with an image must not change the answer that another gets about it.
import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { p256 } from '@noble/curves/nist.js';
import { cosignPayload } from '../../../../core/cosign/payload-prediction.ts';
import { hexOf, isDigest } from '../../../../core/image/digest.ts';
import type { Digest } from '../../../../core/image/digest.ts';
import { compilePolicy } from '../../../../core/policy/compile/compile.ts';
import type { Keychain } from '../../../../core/registry/types.ts';
import type { Verdict } from '../../../../core/verdict/types.ts';
import { anonymous, compileContext, compiled, publicKeyPem, startEngine } from '../../../fakes/engine.ts';
import type { TestEngine, TestEngineOptions } from '../../../fakes/engine.ts';
import { DEFAULT_LIMITS } from '../../../../core/limits.ts';
import { RegistryContent } from '../../../fakes/registry/registry-content.ts';

const release = { name: 'release', pem: publicKeyPem('release') };

const engines: TestEngine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

/** It ends with its test, however that ends. */
async function started(options?: TestEngineOptions): Promise<TestEngine> {
  const engine = await startEngine(options);
  engines.push(engine);
  return engine;
}

interface Asker {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly keychain?: Keychain;
  readonly signal?: AbortSignal;
}

function ask(engine: TestEngine, image: string, asker: Asker = {}): Promise<Verdict> {
  const { namespace = 'default', labels = {}, keychain = anonymous, signal = AbortSignal.timeout(300_000) } = asker;
  return engine.decideRaw({
    image: `${engine.registry.host}/${image}`,
    namespace: { name: namespace, labels },
    keychain,
    signal,
  });
}

function keychainOf(username: string): Keychain {
  return { id: username, resolve: async () => [{ username, password: 'pw' }] };
}

function basic(username: string): string {
  return `Basic ${Buffer.from(`${username}:pw`).toString('base64')}`;
}

function digestOfImage({ registry }: TestEngine, path: string, tag: string): Digest {
  const digest = registry.content.manifest(path, tag)?.digest ?? '';
  assert.ok(isDigest(digest));
  return digest;
}

/** Another key than the signer's under which an ECDSA signature verifies: anybody can compute it. */
function secondKey(payload: Uint8Array, signature: Uint8Array): string {
  const { r, s } = p256.Signature.fromBytes(signature, 'der');
  const hash = createHash('sha256').update(payload).digest();
  const known = createPublicKey(release.pem).export({ format: 'jwk' });
  const keys = [0, 1].map((bit) => {
    const raw = new p256.Signature(r, s, bit).recoverPublicKey(hash).toBytes(false);
    const x = Buffer.from(raw.slice(1, 33)).toString('base64url');
    const y = Buffer.from(raw.slice(33)).toString('base64url');
    return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x, y } });
  });
  const other = keys.find((key) => key.export({ format: 'jwk' }).x !== known.x);
  assert.ok(other !== undefined && verify('sha256', payload, other, signature));
  return other.export({ format: 'pem', type: 'spki' });
}

test('a second key under which a signature verifies takes no proof away from the first', async () => {
  const engine = await started();
  const { content } = engine.registry;
  const digest = digestOfImage(engine, 'demo/signed', '1.0');
  const manifest = content.manifest('demo/signed', `sha256-${hexOf(digest)}.sig`) ?? assert.fail('no signature');
  const [layer] = JSON.parse(Buffer.from(manifest.bytes).toString()).layers;
  const payload = content.blob('demo/signed', layer.digest) ?? assert.fail('no payload');
  const signature = Buffer.from(layer.annotations['dev.cosignproject.cosign/signature'], 'base64');
  const pem = secondKey(payload, signature);
  const inProd = { namespaceSelector: { matchLabels: { env: 'prod' } } };
  engine.store.replace([
    compiled('prod', { images: ['**'], keys: [release], ...inProd }),
    compiled('elsewhere', {
      images: ['**'],
      action: 'Allow',
      namespaceSelector: { matchExpressions: [{ key: 'env', operator: 'DoesNotExist' }] },
    }),
    compilePolicy(
      {
        apiVersion: 'cosignet.dev/v1',
        kind: 'NamespacedImagePolicy',
        metadata: { name: 'evil', namespace: 'team' },
        spec: { images: ['**'], keys: [{ pem }] },
      },
      compileContext(),
    ),
  ]);
  const prod = { namespace: 'prod', labels: { env: 'prod' } };
  // The attacker's key is proven first, and the evidence made smaller; then the other way round.
  assert.equal((await ask(engine, 'demo/signed:1.0', { namespace: 'team' })).code, 'Verified');
  assert.equal((await ask(engine, 'demo/signed:1.0', prod)).code, 'Verified');
  engine.time.now += 3_600_001;
  assert.equal((await ask(engine, 'demo/signed:1.0', prod)).code, 'Verified');
  assert.equal((await ask(engine, 'demo/signed:1.0', { namespace: 'team' })).code, 'Verified');
  assert.equal((await ask(engine, 'demo/signed:1.0', prod)).registryRequests, 0);
});

test('"nothing there" to one who may not see it is no answer for one who may', async () => {
  const engine = await started({
    registry: {
      referrersApi: true,
      intercept: (request, response) => {
        if (!request.url?.startsWith('/v2/demo/signed/')) return false;
        const { authorization } = request.headers;
        if (authorization === basic('owner')) return false;
        if (authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' });
        else response.writeHead(404);
        response.end();
        return true;
      },
    },
    policies: { all: { images: ['**'], keys: [release] } },
  });
  const digest = digestOfImage(engine, 'demo/signed', '1.0');
  const stranger = await ask(engine, `demo/signed@${digest}`, { keychain: keychainOf('stranger') });
  assert.equal(stranger.code, 'NoSignature');
  assert.equal((await ask(engine, 'demo/signed:1.0', { keychain: keychainOf('owner') })).code, 'Verified');
});

describe('a caller that hangs up while evidence is read', () => {
  for (const [image, key] of [
    ['demo/signed:1.0', 'release'],
    ['keys/p256:bundle', 'p256'],
  ] as const) {
    test(`marks nothing as read: ${image}`, async () => {
      let isHanging = true;
      const engine = await started({
        registry: {
          referrersApi: true,
          intercept: (request, response) => {
            if (!isHanging || !/\/(?:blobs|manifests)\/sha256[-:]/.test(request.url ?? '')) return false;
            setTimeout(() => response.destroy(), 300);
            return true;
          },
        },
        policies: { all: { images: ['**'], keys: [{ pem: publicKeyPem(key) }] } },
      });
      const gone = new AbortController();
      const first = ask(engine, image, { signal: gone.signal });
      await delay(100);
      gone.abort();
      assert.equal((await first).outcome, 'error');
      await delay(400);
      isHanging = false;
      assert.equal((await ask(engine, image)).code, 'Verified');
    });
  }
});

/** An image whose repository is full of signatures by keys that nobody trusts, in every place where some may be. */
function flooded(each: number): RegistryContent {
  const content = new RegistryContent();
  const repository = 'demo/shop';
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    ...content.putBlob(repository, Buffer.from('{}')),
  };
  const digest = content.putManifest(repository, { schemaVersion: 2, mediaType, config, layers: [] }, '1.0');
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-521' });
  const payload = cosignPayload(`x/${repository}`, digest);
  const blob = content.putBlob(repository, payload);
  const layers = () =>
    Array.from({ length: each }, () => ({
      mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
      ...blob,
      annotations: {
        'dev.cosignproject.cosign/signature': sign('sha256', payload, stranger.privateKey).toString('base64'),
      },
    }));
  content.putManifest(
    repository,
    { schemaVersion: 2, mediaType, config, layers: layers() },
    `sha256-${hexOf(digest)}.sig`,
  );
  const artifactType = 'application/vnd.dev.cosign.artifact.sig.v1+json';
  const subject = { mediaType, digest, size: 100 };
  for (let index = 0; index < 8; index += 1) {
    const annotations = { index: `${index}` };
    content.putManifest(repository, {
      schemaVersion: 2,
      mediaType,
      artifactType,
      config: { ...config, mediaType: artifactType },
      layers: layers(),
      subject,
      annotations,
    });
  }
  return content;
}

describe('an image whose author pushed more signatures than anybody needs', () => {
  const keys = Array.from({ length: 8 }, () => ({
    pem: generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey.export({ format: 'pem', type: 'spki' }),
  }));

  test('is an error that names the limit, with work that is counted, and others get their turn meanwhile', async () => {
    const engine = await started({
      registry: { content: flooded(32), referrersApi: true },
      policies: { all: { images: ['**'], keys } },
      // Less than a busy machine manages within the deadline.
      configuration: { limits: { ...DEFAULT_LIMITS, verifications: 256 } },
    });
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    const { outcome, code, remedy } = await ask(engine, 'demo/shop:1.0');
    clearInterval(timer);
    assert.deepEqual([outcome, code], ['error', 'ResponseTooLarge']);
    assert.match(remedy, /limits\.(?:candidates|verifications)/);
    assert.ok(turns > 20, `timers ran ${turns} times`);
  });

  test('ends with the decision, between two attempts', async () => {
    const engine = await started({
      registry: { content: flooded(8), referrersApi: true },
      policies: { all: { images: ['**'], keys } },
      configuration: { limits: { ...DEFAULT_LIMITS, verifications: 100_000 } },
    });
    const gone = new AbortController();
    const verdict = ask(engine, 'demo/shop:1.0', { signal: gone.signal });
    await delay(20);
    gone.abort();
    assert.equal((await verdict).code, 'DeadlineExceeded');
  });

  test('costs more attempts than a policy has, and is refused by number, whatever the clock says', async () => {
    const engine = await started({
      registry: { content: flooded(2), referrersApi: true },
      policies: { all: { images: ['**'], keys } },
      configuration: { limits: { ...DEFAULT_LIMITS, verifications: 20 } },
    });
    const { code, remedy } = await ask(engine, 'demo/shop:1.0');
    assert.equal(code, 'ResponseTooLarge');
    assert.match(remedy, /limits\.verifications/);
  });
});
