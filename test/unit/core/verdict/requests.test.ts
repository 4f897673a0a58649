// SPDX-License-Identifier: Apache-2.0
import { UNBOUNDED } from '../../../../core/registry/read-budget.ts';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DEFAULT_CONFIGURATION } from '../../../../core/config/configuration.ts';
import { publicKeyPem, startEngine } from '../../../fakes/engine.ts';
import type { TestEngine } from '../../../fakes/engine.ts';

const RELEASE = { images: ['**'], keys: [{ pem: publicKeyPem('release') }] };
const KEYS = ['other', 'p256', 'p384', 'p521', 'rsa2048', 'rsa3072', 'rsa4096', 'ed25519', 'release'];

describe('requests of a cold decision', () => {
  let engine: TestEngine;
  const learn = async (image: string) => {
    // The vectors name the registry of their signing time: what that payload looks like is learned once.
    assert.equal((await engine.decide(image)).code, 'Verified');
    engine.registry.forget();
  };
  before(async () => {
    engine = await startEngine({ policies: { release: RELEASE } });
  });
  after(() => engine.close());

  test('by tag, `.sig`: the tag and the signature manifest', async () => {
    await learn('demo/signed:1.0');
    const verdict = await engine.decide('demo/signed:2.0');
    assert.equal(verdict.code, 'Verified');
    assert.equal(verdict.registryRequests, 2);
    assert.match(engine.registry.lines()[0] ?? '', /^HEAD .*\/manifests\/2\.0$/);
    assert.match(engine.registry.lines()[1] ?? '', /^GET .*\/manifests\/sha256-[0-9a-f]{64}\.sig$/);
    assert.equal(engine.registry.lines().length, 2);
  });

  test('a second decision about the same digest asks nothing, by tag or by digest', async () => {
    engine.registry.forget();
    const { resolved = '', registryRequests } = await engine.decide('demo/signed:2.0');
    assert.equal(registryRequests, 0);
    const byDigest = await engine.decide(resolved);
    assert.equal(byDigest.code, 'Verified');
    assert.equal(engine.registry.lines().length, 0);
  });

  test('by tag, bundle, where the format and the missing referrers API are known: four', async () => {
    await learn('demo/bundle:1.0');
    const verdict = await engine.decide('demo/bundle:2.0');
    assert.equal(verdict.code, 'Verified');
    assert.equal(verdict.registryRequests, 4);
    assert.equal(engine.registry.lines().length, 4);
  });

  test('a tag that moved is resolved again once `cache.tags` is over', async () => {
    await engine.decide('demo/signed:1.0');
    engine.registry.forget();
    engine.time.now += engine.configuration.cache.tags * 1000 + 1;
    await engine.decide('demo/signed:1.0');
    assert.deepEqual(
      engine.registry.lines().map((line) => line.split(' ')[0]),
      ['HEAD'],
    );
  });
});

test('by digest, `.sig`: one request', async () => {
  const first = await startEngine({ policies: { release: RELEASE } });
  const { resolved = '' } = await first.decide('demo/signed:2.0');
  await first.close();
  const engine = await startEngine({ policies: { release: RELEASE } });
  await engine.decide('demo/signed:1.0');
  const digest = resolved.slice(resolved.indexOf('@'));
  const verdict = await engine.decide(`demo/signed${digest}`);
  assert.equal(verdict.code, 'Verified');
  assert.equal(verdict.registryRequests, 1);
  await engine.close();
});

test('by digest, bundle through the referrers API: three', async () => {
  const engine = await startEngine({ policies: { release: RELEASE }, registry: { referrersApi: true } });
  await engine.decide('demo/bundle:1.0');
  const head = await engine.client.resolveTag({ registry: engine.registry.host, path: 'demo/bundle' }, '2.0', {
    signal: AbortSignal.timeout(60_000),
    keychain: { resolve: async () => [] },
    budget: UNBOUNDED,
    count: () => {},
  });
  const verdict = await engine.decide(`demo/bundle@${head}`);
  assert.equal(verdict.code, 'Verified');
  assert.equal(verdict.registryRequests, 3);
  await engine.close();
});

test('a tag is resolved once, also where a policy names a digest and tags are never remembered', async () => {
  const engine = await startEngine({
    policies: { release: RELEASE, digest: { images: [`**@sha256:${'0'.repeat(64)}`], action: 'Deny' } },
    configuration: { cache: { ...DEFAULT_CONFIGURATION.cache, tags: 0 } },
  });
  await engine.decide('demo/signed:1.0');
  engine.registry.forget();
  assert.equal((await engine.decide('demo/signed:2.0')).code, 'Verified');
  assert.deepEqual(
    engine.registry.lines().map((line) => line.split(' ')[0]),
    ['HEAD', 'GET'],
  );
  await engine.close();
});

test('more keys and more policies cost no more requests', async () => {
  const policies = Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [
      `p${index}`,
      { images: ['**'], keys: KEYS.map((name) => ({ name, pem: publicKeyPem(name) })) },
    ]),
  );
  const engine = await startEngine({ policies });
  await engine.decide('demo/signed:1.0');
  engine.registry.forget();
  const verdict = await engine.decide('demo/signed:2.0');
  assert.equal(verdict.code, 'Verified');
  assert.equal(verdict.policies.length, 20);
  assert.equal(engine.registry.lines().length, 2);
  await engine.close();
});

test('a thousand decisions at once about one cold image are one verification', async () => {
  const engine = await startEngine({ policies: { release: RELEASE } });
  await engine.decide('demo/signed:1.0');
  engine.registry.forget();
  const verdicts = await Promise.all(Array.from({ length: 1000 }, () => engine.decide('demo/signed:2.0')));
  assert.ok(verdicts.every(({ code }) => code === 'Verified'));
  assert.equal(engine.registry.lines().length, 2);
  await engine.close();
});

test('an edited policy is evaluated again without a request', async () => {
  const engine = await startEngine({ policies: { release: RELEASE } });
  assert.equal((await engine.decide('demo/both-formats:1.0')).outcome, 'allowed');
  engine.registry.forget();
  const { compiled } = await import('../../../fakes/engine.ts');
  engine.store.set(compiled('release', { ...RELEASE, keys: [{ pem: publicKeyPem('release'), name: 'renamed' }] }));
  const verdict = await engine.decide('demo/both-formats:1.0');
  assert.equal(verdict.signers[0]?.name, 'renamed');
  assert.equal(engine.registry.lines().length, 0);
  await engine.close();
});

test('what is proven stays proven without its bytes, for its key and for no other', async () => {
  const { compiled } = await import('../../../fakes/engine.ts');
  for (const image of ['demo/signed:2.0', 'demo/bundle:2.0']) {
    const engine = await startEngine({ policies: { release: RELEASE } });
    assert.equal((await engine.decide(image)).code, 'Verified');
    engine.registry.forget();
    for (const [name, code] of [
      ['other', 'UntrustedSignature'],
      ['release', 'Verified'],
    ] as const) {
      engine.store.set(compiled('release', { images: ['**'], keys: [{ pem: publicKeyPem(name) }] }));
      assert.equal((await engine.decide(image)).code, code);
    }
    await engine.close();
  }
});
