// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { DEFAULT_CONFIGURATION } from '../../../../core/config/configuration.ts';
import type { Configuration } from '../../../../core/config/types.ts';
import { silentMetrics } from '../../../../core/observe.ts';
import { createPolicyStore, type PolicyStore } from '../../../../core/policy/store/store.ts';
import type { CompiledPolicy } from '../../../../core/policy/types.ts';
import { createRecentVerdicts, type RecentVerdicts } from '../../../../core/verdict/recent.ts';
import type { Verdict } from '../../../../core/verdict/types.ts';
import { anonymous, compiled, publicKeyPem } from '../../../fakes/engine.ts';

const IMAGE = 'registry.example.com/acme/app:1';
const SHOP = { name: 'shop', labels: { team: 'a' } };

const VERIFIED: Verdict = {
  image: IMAGE,
  outcome: 'allowed',
  mode: 'Enforce',
  code: 'Verified',
  policies: ['prod'],
  message: 'signed',
  remedy: '',
  signers: [],
  registryRequests: 0,
};

function asking(expression: string): CompiledPolicy {
  return compiled('prod', {
    images: ['**'],
    keys: [{ pem: publicKeyPem('release') }],
    attestations: [{ name: 'a', predicateType: 't', conditions: [{ expression }] }],
  });
}

describe('verdicts of the last second', () => {
  let now: number;
  let verdict: Verdict;
  let configuration: Configuration;
  let store: PolicyStore;
  let recent: RecentVerdicts;
  let counted: string[];
  let during: () => void;
  let outdated: string | undefined;

  beforeEach(() => {
    now = 1_000_000;
    verdict = VERIFIED;
    configuration = DEFAULT_CONFIGURATION;
    store = createPolicyStore();
    counted = [];
    during = () => undefined;
    outdated = undefined;
    recent = createRecentVerdicts({
      decide: async () => (during(), verdict),
      policies: { snapshot: () => store.snapshot(), outdated: () => outdated },
      configuration: () => configuration,
      clock: () => now,
      metrics: {
        ...silentMetrics,
        decided: ({ code }) => counted.push(code),
        cacheLookup: ({ cache, result }) => counted.push(`${cache} ${result}`),
      },
    });
  });

  const decide = (image = IMAGE, namespace = SHOP) =>
    recent.decide({ image, namespace, keychain: anonymous, signal: new AbortController().signal });

  test('are those of the decision', async () => {
    assert.equal(await decide(), VERIFIED);
    verdict = { ...VERIFIED, outcome: 'denied', code: 'NoSignature' };
    assert.equal(await decide(), verdict);
  });

  test('are said again for the same image in the same namespace, and counted', async () => {
    assert.equal(recent.recall(IMAGE, SHOP), undefined);
    await decide();
    assert.equal(recent.recall(IMAGE, { ...SHOP }), VERIFIED);
    assert.deepEqual(counted, ['verdict miss', 'verdict hit', 'Verified']);
  });

  test('end with the instant at which a policy decides otherwise by itself, and not only with their second', async () => {
    const key = { pem: publicKeyPem('release') };
    const policies = {
      exception: { images: ['**'], action: 'Allow', expiresAt: new Date(now + 300).toISOString() },
      expired: { images: ['**'], keys: [{ ...key, notAfter: new Date(now + 299).toISOString() }] },
      early: { images: ['**'], keys: [{ ...key, notBefore: new Date(now + 300).toISOString() }] },
    } as const;
    for (const [name, spec] of Object.entries(policies)) {
      store.replace([compiled(name, spec), compiled('lasting', { images: ['**'], action: 'Deny' })]);
      const began = now;
      await decide();
      now = began + 299;
      assert.equal(recent.recall(IMAGE, SHOP), VERIFIED, name);
      now = began + 300;
      assert.equal(recent.recall(IMAGE, SHOP), undefined, name);
      now = began;
    }
  });

  test('are not kept where a condition asks for the time', async () => {
    for (const [expression, kept] of [
      ['predicate.at != ""', VERIFIED],
      ['now > timestamp(predicate.at)', undefined],
    ] as const) {
      store.replace([asking(expression)]);
      await decide();
      assert.equal(recent.recall(IMAGE, SHOP), kept, expression);
    }
  });

  test('are of no use for another image, another namespace, or one whose labels were read anew', async () => {
    await decide();
    assert.equal(recent.recall(`${IMAGE}0`, SHOP), undefined);
    assert.equal(recent.recall(IMAGE, { ...SHOP, name: 'other' }), undefined);
    assert.equal(recent.recall(IMAGE, { name: 'shop', labels: { team: 'a' } }), undefined);
  });

  test('end with their second, and when the clock is set back', async () => {
    await decide();
    now += 999;
    assert.equal(recent.recall(IMAGE, SHOP), VERIFIED);
    now += 1;
    assert.equal(recent.recall(IMAGE, SHOP), undefined);
    await decide();
    now -= 1;
    assert.equal(recent.recall(IMAGE, SHOP), undefined);
  });

  test('end with a change of the policies or of the configuration', async () => {
    await decide();
    store.set(compiled('other', { images: ['registry.example.com/else/*'] }));
    assert.equal(recent.recall(IMAGE, SHOP), undefined);
    await decide();
    configuration = { ...DEFAULT_CONFIGURATION };
    assert.equal(recent.recall(IMAGE, SHOP), undefined);
  });

  test('are not kept where policies changed while they were made', async () => {
    during = () => store.set(compiled('other', { images: ['registry.example.com/else/*'] }));
    await decide();
    assert.equal(recent.recall(IMAGE, SHOP), undefined);
  });

  test('are not said again while the policies are outdated', async () => {
    await decide();
    outdated = 'not heard of for 400 s';
    assert.equal(recent.recall(IMAGE, SHOP), undefined);
    outdated = undefined;
    assert.equal(recent.recall(IMAGE, SHOP), VERIFIED);
  });

  const UNREPEATABLE: Readonly<Record<string, Partial<Verdict>>> = {
    'a denial': { outcome: 'denied', code: 'NoSignature' },
    'an error': { outcome: 'error', code: 'RegistryUnavailable' },
    'one that rests on old evidence': { remedy: 'The registry cannot be asked now' },
    'one that asked the registry': { registryRequests: 1 },
  };
  for (const [what, fields] of Object.entries(UNREPEATABLE)) {
    test(`are not kept: ${what}`, async () => {
      verdict = { ...VERIFIED, ...fields };
      await decide();
      assert.equal(recent.recall(IMAGE, SHOP), undefined);
    });
  }

  for (const cache of [{ tags: 0 }, { verified: 0 }]) {
    test(`are not kept where the configuration wants everything asked anew: ${JSON.stringify(cache)}`, async () => {
      configuration = { ...configuration, cache: { ...configuration.cache, ...cache } };
      await decide();
      assert.equal(recent.recall(IMAGE, SHOP), undefined);
    });
  }

  test('are limited in number', async () => {
    for (let index = 0; index <= 10_000; index += 1) await decide(`${IMAGE}${index}`);
    assert.equal(recent.recall(`${IMAGE}9999`, SHOP), VERIFIED);
    assert.equal(recent.recall(`${IMAGE}10000`, SHOP), undefined);
  });
});
