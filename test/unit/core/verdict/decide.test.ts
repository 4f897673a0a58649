// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { EngineError } from '../../../../core/errors.ts';
import { compiled, publicKeyPem, startEngine } from '../../../fakes/engine.ts';
import type { TestEngine } from '../../../fakes/engine.ts';

const release = { name: 'release', pem: publicKeyPem('release') };
const other = { name: 'other', pem: publicKeyPem('other') };

function entryOf(digest: string, os: string, architecture: string): object {
  return { digest, size: 1, platform: { os, architecture } };
}

describe('decide, on images that the real cosign signed', () => {
  let engine: TestEngine;
  before(async () => {
    engine = await startEngine();
  });
  after(() => engine.close());
  beforeEach(() => {
    engine.store.replace([compiled('prod', { images: ['**'], keys: [release] })]);
  });

  for (const image of [
    'signed:1.0',
    'bundle:1.0',
    'two-signers:simple-signing',
    'two-signers:bundle',
    'signed-again:simple-signing',
    'signed-again:bundle',
    'index:simple-signing',
    'index:bundle',
    'both-formats:1.0',
    'foreign-bundle:1.0',
    'foreign-signature:1.0',
    'old-fallback:1.0',
    'signed-and-attested:bundle',
  ]) {
    test(`allows demo/${image} by its key, and by no other`, async () => {
      const verdict = await engine.decide(`demo/${image}`);
      assert.equal(verdict.code, 'Verified', verdict.message);
      assert.equal(verdict.signers[0]?.name, 'release');
      engine.store.replace([compiled('prod', { images: ['**'], keys: [{ pem: publicKeyPem('p384') }] })]);
      const stranger = await engine.decide(`demo/${image}`);
      assert.deepEqual([stranger.outcome, stranger.code], ['denied', 'UntrustedSignature']);
    });
  }

  for (const [image, code] of [
    ['unsigned:1.0', 'NoSignature'],
    ['other-key:1.0', 'UntrustedSignature'],
    ['other-key:bundle', 'UntrustedSignature'],
    ['attested:bundle', 'NoSignature'],
    ['attested:simple-signing', 'NoSignature'],
    ['absent:1.0', 'ImageNotFound'],
  ] as const) {
    test(`denies demo/${image}: ${code}`, async () => {
      const verdict = await engine.decide(`demo/${image}`);
      assert.deepEqual([verdict.outcome, verdict.code, verdict.mode], ['denied', code, 'Enforce']);
      assert.ok(verdict.message.includes(image.split(':')[0] ?? ''), verdict.message);
      assert.notEqual(verdict.remedy, '');
    });
  }

  test('the message names image, digest, policy, the signers tried and where was looked', async () => {
    const { message, resolved = '' } = await engine.decide('demo/unsigned:1.0');
    for (const part of [
      'demo/unsigned:1.0',
      resolved.slice(resolved.indexOf('@') + 1),
      '"prod"',
      '"release" (sha256:',
      '.sig',
      'referrers',
    ]) {
      assert.ok(message.includes(part), `${part} in: ${message}`);
    }
  });

  test('one key that signed twice, or is listed twice, is one signer', async () => {
    for (const format of ['simple-signing', 'bundle']) {
      engine.store.replace([
        compiled('prod', { images: ['**'], keys: [release, { ...release, name: 'again' }, other], threshold: 2 }),
      ]);
      assert.equal((await engine.decide(`demo/signed-again:${format}`)).code, 'ThresholdNotMet');
      assert.equal((await engine.decide(`demo/two-signers:${format}`)).code, 'Verified');
    }
  });

  test('an image of a signed index is not signed itself', async () => {
    const { resolved = '' } = await engine.decide('demo/index:bundle');
    const index = engine.registry.content.manifest('demo/index', resolved.slice(resolved.indexOf('@') + 1));
    const { manifests }: { manifests: { digest: string }[] } = JSON.parse(Buffer.from(index?.bytes ?? '').toString());
    assert.equal((await engine.decide(`demo/index@${manifests[0]?.digest}`)).code, 'NoSignature');
  });

  for (const format of ['simple-signing', 'bundle'] as const) {
    test(`the manifest of one platform is told to be that of an index which is signed (${format})`, async () => {
      const tag = `demo/index:${format}`;
      const { resolved = '' } = await engine.decide(tag);
      const digest = resolved.slice(resolved.indexOf('@') + 1);
      const index = engine.registry.content.manifest('demo/index', digest);
      const { manifests }: { manifests: { digest: string; platform: { os: string; architecture: string } }[] } =
        JSON.parse(Buffer.from(index?.bytes ?? '').toString());
      for (const { digest: child, platform } of manifests) {
        const verdict = await engine.decide(`${tag}@${child}`);
        assert.equal(verdict.code, 'NoSignature');
        const { os, architecture } = platform;
        const told = `the digest is the manifest for ${os}/${architecture} of the image index ${digest}, which has one`;
        assert.ok(verdict.message.includes(told), verdict.message);
        // Again: what was told is not asked for anew.
        assert.equal((await engine.decide(`${tag}@${child}`)).registryRequests, 0);
      }
    });
  }

  test('an index is told to be one, and that its manifest which is signed does not count for it', async () => {
    const own = await startEngine({ policies: { prod: { images: ['**'], keys: [release] } } });
    const { content } = own.registry;
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const signed = content.manifest('demo/signed', '1.0') ?? assert.fail('no image');
    const indexOf = (digest: string, tag: string) =>
      content.putManifest(
        'demo/signed',
        {
          schemaVersion: 2,
          mediaType,
          manifests: [entryOf(`sha256:${'0'.repeat(64)}`, 'unknown', 'unknown'), entryOf(digest, 'linux', 'amd64')],
        },
        tag,
      );
    indexOf(signed.digest, 'of-signed');
    indexOf(`sha256:${'1'.repeat(64)}`, 'of-unsigned');
    const told = (await own.decide('demo/signed:of-signed')).message;
    assert.match(
      told,
      /no signature was found; the digest is an image index: its manifest for linux\/amd64 has one, which/,
    );
    assert.match((await own.decide('demo/signed:of-unsigned')).message, /the digest is an image index; tried/);
    const { message, registryRequests } = await own.decide('demo/unsigned:1.0');
    assert.doesNotMatch(message, /index/);
    assert.ok(registryRequests <= 5, `${registryRequests} requests`);
    await own.close();
  });

  test('policies tied on one pattern must all be satisfied', async () => {
    engine.store.replace([
      compiled('a', { images: ['**'], keys: [release] }),
      compiled('b', { images: ['**'], keys: [other] }),
    ]);
    const one = await engine.decide('demo/signed:1.0');
    assert.deepEqual([one.outcome, one.code, one.policies], ['denied', 'UntrustedSignature', ['a', 'b']]);
    assert.match(one.message, /policy "b"/);
    assert.equal((await engine.decide('demo/two-signers:simple-signing')).outcome, 'allowed');
  });

  test('of tied policies that fail, the enforcing one decides', async () => {
    engine.store.replace([
      compiled('audit', { images: ['**'], keys: [other], mode: 'Audit' }),
      compiled('enforce', { images: ['**'], keys: [release] }),
    ]);
    const signed = await engine.decide('demo/signed:1.0');
    assert.deepEqual([signed.outcome, signed.mode], ['denied', 'Audit']);
    const unsigned = await engine.decide('demo/unsigned:1.0');
    assert.deepEqual([unsigned.outcome, unsigned.mode], ['denied', 'Enforce']);
  });

  test('a policy that is not Ready denies what it claims, and says what is wrong', async () => {
    engine.store.replace([
      compiled('broken', { images: ['**/demo/*'], keys: [{ pem: 'nonsense' }] }),
      compiled('wide', { images: ['**'], keys: [release] }),
    ]);
    const verdict = await engine.decide('demo/signed:1.0');
    assert.deepEqual([verdict.outcome, verdict.code], ['denied', 'PolicyNotReady']);
    assert.match(verdict.message, /"broken".*spec\.keys\[0\]\.pem/);
    assert.equal(verdict.registryRequests, 0);
  });

  test('a broken Audit policy does not hide what an enforcing one says', async () => {
    engine.store.replace([
      compiled('broken', { images: ['**'], keys: [{ pem: 'nonsense' }], mode: 'Audit' }),
      compiled('enforce', { images: ['**'], keys: [release] }),
    ]);
    const verdict = await engine.decide('demo/unsigned:1.0');
    assert.deepEqual([verdict.outcome, verdict.mode, verdict.code], ['denied', 'Enforce', 'NoSignature']);
  });

  test('unmatched images follow the configuration', async () => {
    engine.store.replace([]);
    for (const [unmatchedImages, outcome, mode] of [
      ['Deny', 'denied', 'Enforce'],
      ['Warn', 'denied', 'Warn'],
      ['Allow', 'allowed', 'Enforce'],
    ] as const) {
      engine.configuration = { ...engine.configuration, unmatchedImages };
      const verdict = await engine.decide('demo/signed:1.0');
      assert.deepEqual([verdict.outcome, verdict.mode, verdict.code], [outcome, mode, 'NoPolicy']);
    }
  });

  test('a configuration that only audits is the mode of every verdict, as admission acts on it', async () => {
    engine.configuration = { ...engine.configuration, enforcement: 'Audit' };
    for (const [image, code] of [
      ['demo/unsigned:1.0', 'NoSignature'],
      ['demo/signed:1.0', 'Verified'],
      ['a b', 'InvalidReference'],
    ] as const) {
      const verdict = await engine.decide(image);
      assert.deepEqual([verdict.code, verdict.mode], [code, 'Audit']);
    }
    engine.configuration = { ...engine.configuration, enforcement: 'PerPolicy' };
  });

  test('what is no reference is refused without a request', async () => {
    for (const image of ['', 'docker.io/UPPER/case', 'a@sha256:1', `x@sha512:${'a'.repeat(128)}`, 'a b']) {
      const verdict = await engine.decide(image);
      assert.deepEqual([verdict.outcome, verdict.code, verdict.registryRequests], ['denied', 'InvalidReference', 0]);
    }
  });

  test('a registry that cannot be reached is an error, not a denial', async () => {
    const verdict = await engine.decide('127.0.0.1:1/demo-x/signed:1.0');
    assert.equal(verdict.outcome, 'error');
    assert.notEqual(verdict.remedy, '');
  });
});

test('allows a simple signature that is stored as a referrer', async () => {
  const engine = await startEngine({
    policies: { prod: { images: ['**'], keys: [release] } },
    registry: { referrersApi: true },
  });
  assert.equal((await engine.decide('demo/simple-referrer:1.0')).code, 'Verified');
  await engine.close();
});

test('what was proven is not asked for again while it counts, however soon a rejection would be', async () => {
  const engine = await startEngine({ policies: { prod: { images: ['**'], keys: [release] } } });
  const { rejected, verified } = engine.configuration.cache;
  const { resolved = '' } = await engine.decide('demo/signed:1.0');
  const asked = engine.registry.requests.length;
  engine.time.now += (rejected + 1) * 1000;
  assert.equal((await engine.decide(resolved)).code, 'Verified');
  assert.equal(engine.registry.requests.length, asked);
  engine.time.now += verified * 1000;
  assert.equal((await engine.decide(resolved)).code, 'Verified');
  assert.ok(engine.registry.requests.length > asked);
  await engine.close();
});

test('verified digests are admitted through an outage while staleIfError lasts, and say so', async () => {
  const engine = await startEngine({ policies: { prod: { images: ['**'], keys: [release] } } });
  const { cache } = engine.configuration;
  assert.equal((await engine.decide('demo/signed:1.0')).remedy, '');
  engine.registry.behaviour.intercept = (_request, response) => {
    response.writeHead(503).end();
    return true;
  };
  engine.time.now += cache.verified * 1000 + 1;
  const stale = await engine.decide('demo/signed:1.0');
  assert.deepEqual([stale.outcome, stale.code], ['allowed', 'Verified'], stale.message);
  assert.match(stale.remedy, /registry/i);
  const unseen = await engine.decide('demo/signed:2.0');
  assert.deepEqual([unseen.outcome, unseen.code], ['error', 'RegistryUnavailable']);
  engine.time.now += cache.staleIfError * 1000;
  assert.equal((await engine.decide('demo/signed:1.0')).outcome, 'error');
  await engine.close();
});

test('a denial is asked again once `cache.rejected` is over, and a signature made meanwhile counts', async () => {
  const engine = await startEngine({ policies: { prod: { images: ['**'], keys: [release] } } });
  engine.registry.behaviour.intercept = (request, response) => {
    if (request.url?.endsWith('.sig') !== true) return false;
    response.writeHead(404).end();
    return true;
  };
  assert.equal((await engine.decide('demo/signed:1.0')).code, 'NoSignature');
  engine.registry.behaviour.intercept = undefined;
  assert.equal((await engine.decide('demo/signed:1.0')).code, 'NoSignature');
  engine.time.now += engine.configuration.cache.rejected * 1000 + 1;
  assert.equal((await engine.decide('demo/signed:1.0')).code, 'Verified');
  await engine.close();
});

test('a digest that is denied does not run by way of its tag', async () => {
  const engine = await startEngine({ policies: { prod: { images: ['**'], keys: [release] } } });
  const { resolved = '' } = await engine.decide('demo/signed:1.0');
  engine.store.set(compiled('ban', { images: [resolved], action: 'Deny' }));
  for (const image of ['demo/signed:1.0', resolved]) {
    const verdict = await engine.decide(image);
    assert.deepEqual([verdict.outcome, verdict.code, verdict.policies], ['denied', 'DeniedByPolicy', ['ban']]);
  }
  assert.equal((await engine.decide('demo/signed:2.0')).code, 'Verified');
  await engine.close();
});

for (const mode of ['Warn', 'Audit'] as const) {
  test(`a tag that cannot be resolved is refused where a digest of it may be denied, though the rest is ${mode}`, async () => {
    let locked = false;
    const engine = await startEngine({
      registry: {
        intercept: (_request, response) => {
          if (!locked) return false;
          response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
          return true;
        },
      },
      policies: { rollout: { images: ['**'], mode, keys: [release] } },
    });
    const { resolved = '' } = await engine.decide('demo/unsigned:1.0');
    engine.store.set(compiled('ban', { images: [resolved], action: 'Deny' }));
    locked = true;
    engine.time.now += engine.configuration.cache.staleIfError * 1000 + 1;
    const verdict = await engine.decide('demo/unsigned:1.0');
    assert.deepEqual([verdict.outcome, verdict.code, verdict.mode], ['error', 'RegistryUnauthorized', 'Enforce']);
    engine.store.remove('ban');
    assert.equal((await engine.decide('demo/unsigned:1.0')).mode, mode);
    await engine.close();
  });
}

test('a policy for a host applies however the host is written, and the image keeps what was written', async () => {
  const engine = await startEngine({
    configuration: { registries: [{ host: 'registry.local', mirrors: [], insecure: true }], unmatchedImages: 'Allow' },
    policies: {
      https: { images: ['registry.example.com/**', 'docker.io/**'], action: 'Deny' },
      http: { images: ['registry.local/**'], action: 'Deny' },
    },
  });
  for (const image of [
    'registry.example.com:443/app:1',
    'REGISTRY.example.com:0443/app:1',
    'registry-1.docker.io/library/nginx:1',
    'registry.hub.docker.com/acme/app:1',
    'index.docker.io/acme/app:1',
    'registry.local:80/app:1',
    'registry.local/app:1',
  ]) {
    const verdict = await engine.decide(image);
    assert.equal(verdict.code, 'DeniedByPolicy', image);
    if (!image.startsWith('index.')) assert.equal(verdict.image, image.toLowerCase());
  }
  assert.equal((await engine.decide('registry.example.com:80/app:1')).code, 'NoPolicy');
  await engine.close();
});

test('a text that is no reference has the strictest mode of the policies that may have been meant', async () => {
  const engine = await startEngine({
    policies: {
      watched: { images: ['ghcr.io/acme/**'], keys: [release], mode: 'Audit' },
      warned: { images: ['ghcr.io/acme/app'], keys: [release], mode: 'Warn' },
      prod: { images: ['quay.io/*'], keys: [release] },
      elsewhere: { images: ['**'], keys: [release], namespaceSelector: { matchLabels: { stage: 'production' } } },
    },
  });
  const modeOf = async (image: string, labels = {}) => {
    const verdict = await engine.decide(image, { labels });
    assert.deepEqual([verdict.outcome, verdict.code], ['denied', 'InvalidReference']);
    return verdict.mode;
  };
  assert.equal(await modeOf('ghcr.io/acme/web:a b'), 'Audit');
  assert.equal(await modeOf('ghcr.io/acme/App:1'), 'Warn');
  assert.equal(await modeOf('quay.io/App'), 'Enforce');
  assert.equal(await modeOf('ghcr.io/acme/App:1', { stage: 'production' }), 'Enforce');
  // Nobody can have meant it: what the configuration says of images without a policy.
  assert.equal(await modeOf('registry.example.com/App'), 'Enforce');
  engine.configuration = { ...engine.configuration, unmatchedImages: 'Warn' };
  assert.equal(await modeOf('registry.example.com/App'), 'Warn');
  engine.configuration = { ...engine.configuration, unmatchedImages: 'Allow' };
  assert.equal(await modeOf(' '), 'Audit');
  engine.configuration = { ...engine.configuration, unmatchedImages: 'Deny', enforcement: 'Audit' };
  assert.equal(await modeOf('quay.io/App'), 'Audit');
  await engine.close();
});

test('a failure that knows what to do about it says so in place of what its code says', async () => {
  const remedy = 'Set insecure: true for it in registries[].';
  const engine = await startEngine({
    policies: { prod: { images: ['**'], keys: [release] } },
    wrap: (client) => ({
      ...client,
      getManifest: () => Promise.reject(new EngineError('RegistryUnavailable', 'it speaks plain HTTP', { remedy })),
    }),
  });
  const verdict = await engine.decide('demo/signed:1.0');
  assert.deepEqual([verdict.code, verdict.remedy], ['RegistryUnavailable', remedy]);
  await engine.close();
});
