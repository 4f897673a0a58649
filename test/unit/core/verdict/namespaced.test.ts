// SPDX-License-Identifier: Apache-2.0
// What policies of a namespace do to decisions; the evidence is that of the real cosign's vectors, without HTTP.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_CONFIGURATION } from '../../../../core/config/configuration.ts';
import type { Configuration } from '../../../../core/config/types.ts';
import { EngineError } from '../../../../core/errors.ts';
import { silentMetrics } from '../../../../core/observe.ts';
import { compilePolicy } from '../../../../core/policy/compile/compile.ts';
import type { NamespacedImagePolicySpec } from '../../../../core/policy/documents/kinds.ts';
import { createPolicyStore } from '../../../../core/policy/store/store.ts';
import type { CompiledPolicy } from '../../../../core/policy/types.ts';
import type { RegistryClient } from '../../../../core/registry/types.ts';
import { createEngine } from '../../../../core/verdict/engine.ts';
import type { Verdict } from '../../../../core/verdict/types.ts';
import { anonymous, compileContext, compiled, publicKeyPem } from '../../../fakes/engine.ts';
import { createLayoutRegistry } from '../../../vectors/cosign/layout-registry.ts';

const SIGNED = 'registry.example.com/demo/signed:1.0';
const UNSIGNED = 'registry.example.com/demo/unsigned:1.0';
const registry = createLayoutRegistry();
const BY_DIGEST = `registry.example.com/demo/signed@${registry.digest('demo/signed:1.0')}`;
const release = [{ name: 'release', pem: publicKeyPem('release') }];
const other = [{ name: 'other', pem: publicKeyPem('other') }];

function own(name: string, spec: NamespacedImagePolicySpec, namespace = 'team'): CompiledPolicy {
  const metadata = { name, namespace, generation: 1 };
  return compilePolicy(
    { apiVersion: 'cosignet.dev/v1', kind: 'NamespacedImagePolicy', metadata, spec },
    compileContext(),
  );
}

interface Scene {
  readonly policies: readonly CompiledPolicy[];
  readonly unmatchedImages?: Configuration['unmatchedImages'];
  readonly outage?: keyof typeof OUTAGES;
  /** Null: outside of any. */
  readonly namespace?: string | null;
}

const unavailable = () => Promise.reject(new EngineError('RegistryUnavailable', 'made to fail'));
const OUTAGES = {
  none: {},
  tags: { resolveTag: unavailable },
  evidence: { getManifest: unavailable, getBlob: unavailable, listReferrers: unavailable },
  all: { resolveTag: unavailable, getManifest: unavailable, getBlob: unavailable, listReferrers: unavailable },
} satisfies Record<string, Partial<RegistryClient>>;

/** One for all tests: to make an engine costs more than a decision. */
const store = createPolicyStore();
const client = { ...registry };
const configuration: { -readonly [K in keyof Configuration]: Configuration[K] } = { ...DEFAULT_CONFIGURATION };
let now = Date.parse('2026-06-01T00:00:00Z');
const engine = createEngine({
  policies: store,
  registry: client,
  trustRoots: { names: () => [], load: () => Promise.reject(new Error('there is none')) },
  configuration: () => configuration,
  clock: () => now,
  metrics: silentMetrics,
});

function decide(image: string, { policies, unmatchedImages = 'Deny', outage = 'none', namespace = 'team' }: Scene) {
  registry.requests.length = 0;
  store.replace(policies);
  Object.assign(client, registry, OUTAGES[outage]);
  configuration.unmatchedImages = unmatchedImages;
  // Whatever was remembered of other decisions is too old to count.
  now += 10 * 24 * 3_600_000;
  const context = namespace === null ? { labels: {} } : { name: namespace, labels: {} };
  return engine({ image, namespace: context, keychain: anonymous, signal: new AbortController().signal });
}

const shown = ({ outcome, mode, code, policies }: Verdict) => [outcome, mode, code, policies.join(' ')];

/** Of the verdict while the registry can't resolve tags. */
const modeOf = async (...policies: readonly CompiledPolicy[]) =>
  (await decide(SIGNED, { policies, outage: 'tags' })).mode;

describe('policies of a namespace', () => {
  const cluster = compiled('prod', { images: ['**'], keys: release });

  test('ask for more, in their namespace and nowhere else', async () => {
    const policies = [cluster, own('strict', { images: ['**/demo/*'], keys: other })];
    const here = await decide(SIGNED, { policies });
    assert.deepEqual(shown(here), ['denied', 'Enforce', 'UntrustedSignature', 'prod team/strict']);
    assert.deepEqual(here.refusedBy, ['team/strict']);
    assert.match(here.message, /policy "team\/strict"/);
    for (const namespace of ['other', 'tea', 'team-a', '', null]) {
      const elsewhere = await decide(SIGNED, { policies, namespace });
      assert.deepEqual(shown(elsewhere), ['allowed', 'Enforce', 'Verified', 'prod'], `in ${namespace}`);
    }
  });

  test('leave the policies of the cluster to speak, however specific they are themselves', async () => {
    const policies = [cluster, own('mild', { images: ['registry.example.com/demo/unsigned'], action: 'Allow' })];
    assert.deepEqual(shown(await decide(UNSIGNED, { policies })), [
      'denied',
      'Enforce',
      'NoSignature',
      'prod team/mild',
    ]);
    assert.equal((await decide(SIGNED, { policies })).code, 'Verified');
  });

  test('are ranked among themselves: the most specific speaks, ties all', async () => {
    const wide = own('wide', { images: ['**'], action: 'Deny' });
    const a = own('a', { images: ['**/demo/*'], keys: release });
    assert.deepEqual(shown(await decide(SIGNED, { policies: [cluster, wide, a] })), [
      'allowed',
      'Enforce',
      'Verified',
      'prod team/a',
    ]);
    const b = own('b', { images: ['**/demo/*'], keys: other });
    const tied = await decide(SIGNED, { policies: [cluster, wide, a, b] });
    assert.deepEqual(shown(tied), ['denied', 'Enforce', 'UntrustedSignature', 'prod team/a team/b']);
  });

  test('have a mode of their own', async () => {
    for (const mode of ['Warn', 'Audit'] as const) {
      const policies = [cluster, own('soft', { images: ['**'], keys: other, mode })];
      assert.deepEqual(shown(await decide(SIGNED, { policies })), [
        'denied',
        mode,
        'UntrustedSignature',
        'prod team/soft',
      ]);
      const unsigned = await decide(UNSIGNED, { policies });
      assert.deepEqual([unsigned.mode, unsigned.refusedBy], ['Enforce', ['prod', 'team/soft']]);
    }
  });

  test('deny without asking the registry', async () => {
    const verdict = await decide(SIGNED, { policies: [cluster, own('ban', { images: ['**'], action: 'Deny' })] });
    assert.deepEqual([verdict.code, verdict.resolved, registry.requests], ['DeniedByPolicy', undefined, []]);
  });

  test('deny what they claim in their namespace when they are not Ready, and say how to look', async () => {
    const policies = [cluster, own('broken', { images: ['**'], keys: [{ pem: 'nonsense' }] })];
    const verdict = await decide(SIGNED, { policies });
    assert.deepEqual(shown(verdict), ['denied', 'Enforce', 'PolicyNotReady', 'prod team/broken']);
    assert.match(verdict.remedy, /kubectl describe namespacedimagepolicies\.cosignet\.dev --namespace team broken$/);
    assert.equal((await decide(SIGNED, { policies, namespace: 'other' })).code, 'Verified');
  });

  test('never admit what no policy of the cluster covers', async () => {
    const policies = [own('mine', { images: ['**'], keys: release })];
    const denied = await decide(SIGNED, { policies });
    assert.deepEqual(shown(denied), ['denied', 'Enforce', 'NoPolicy', '']);
    assert.deepEqual([denied.refusedBy, denied.resolved, registry.requests], [[], undefined, []]);
    assert.match(denied.message, /"team\/mine" can only add/);
  });

  test('come on top where the configuration lets unmatched images in', async () => {
    const verify = [own('mine', { images: ['**'], keys: release })];
    const allow = [own('mine', { images: ['**'], action: 'Allow' })];
    for (const [policies, image, unmatchedImages, expected] of [
      [verify, SIGNED, 'Allow', ['allowed', 'Enforce', 'Verified', 'team/mine']],
      [verify, UNSIGNED, 'Allow', ['denied', 'Enforce', 'NoSignature', 'team/mine']],
      [allow, UNSIGNED, 'Allow', ['allowed', 'Enforce', 'NoPolicy', 'team/mine']],
      [verify, SIGNED, 'Warn', ['denied', 'Warn', 'NoPolicy', 'team/mine']],
      [verify, UNSIGNED, 'Warn', ['denied', 'Enforce', 'NoSignature', 'team/mine']],
      [allow, UNSIGNED, 'Warn', ['denied', 'Warn', 'NoPolicy', 'team/mine']],
    ] as const) {
      assert.deepEqual(shown(await decide(image, { policies, unmatchedImages })), expected);
    }
  });

  test('apply to a tag by their digest patterns too', async () => {
    const policies = [cluster, own('ban', { images: [BY_DIGEST], action: 'Deny' })];
    assert.equal((await decide(SIGNED, { policies })).code, 'DeniedByPolicy');
    assert.equal((await decide(SIGNED, { policies, namespace: 'other' })).code, 'Verified');
  });

  test('share what is read with the policies of the cluster', async () => {
    await decide(SIGNED, { policies: [cluster] });
    const alone = [...registry.requests];
    assert.notEqual(alone.length, 0);
    const both = await decide(SIGNED, { policies: [cluster, own('mine', { images: ['**'], keys: release })] });
    assert.deepEqual([both.code, registry.requests], ['Verified', alone]);
  });

  test('that only look on do not refuse what the cluster allows, whatever the registry does', async () => {
    const policies = [
      compiled('open', { images: ['**'], action: 'Allow' }),
      own('trial', { images: ['**'], keys: release, mode: 'Audit' }),
    ];
    for (const outage of ['tags', 'evidence', 'all'] as const) {
      const { outcome, mode } = await decide(SIGNED, { policies, outage });
      assert.deepEqual([outcome, mode], ['error', 'Audit']);
    }
  });

  test('leave a failure as harmless as the modes of all are, also before the digest is known', async () => {
    const looking = compiled('looking', { images: ['**'], keys: release, mode: 'Audit' });
    const digest = compiled('digest', { images: [BY_DIGEST], action: 'Deny' });
    const trial = own('trial', { images: ['**'], keys: release, mode: 'Audit' });
    const strict = own('strict', { images: ['**'], keys: release });
    // The digest may be the one that is denied.
    assert.equal(await modeOf(digest, looking), 'Enforce');
    const watched = { ...digest, mode: 'Audit' as const };
    assert.equal(await modeOf(watched, looking), 'Audit');
    assert.equal(await modeOf(watched, looking, trial), 'Audit');
    assert.equal(await modeOf(watched, looking, strict), 'Enforce');
    // Nobody of the cluster speaks: what the configuration says of such images stands.
    assert.equal(await modeOf(watched, trial), 'Enforce');
  });
});

const PATTERNS = [
  '**',
  'registry.example.com/**',
  'registry.example.com/demo/*',
  'registry.example.com/demo/signed',
  'registry.example.com/elsewhere/*',
  BY_DIGEST,
];
const KEYS = { release, other, broken: [{ pem: 'nonsense' }] };

const anySpec = fc.record({
  images: fc.subarray(PATTERNS, { minLength: 1, maxLength: 2 }),
  action: fc.constantFrom('Verify', 'Verify', 'Allow', 'Deny'),
  mode: fc.constantFrom('Enforce', 'Warn', 'Audit'),
  keys: fc.constantFrom(...Object.values(KEYS)),
});

/** What becomes of a Pod: the higher the worse. */
function severity({ outcome, mode }: Verdict): number {
  return outcome === 'allowed' ? 0 : { Audit: 1, Warn: 2, Enforce: 3 }[mode];
}

const anyScene = fc.record({
  image: fc.constantFrom(SIGNED, UNSIGNED, BY_DIGEST, 'registry.example.com/demo/absent:1.0', 'no image'),
  ofCluster: fc.array(anySpec, { maxLength: 3 }),
  ofNamespace: fc.array(anySpec, { minLength: 1, maxLength: 3 }),
  unmatchedImages: fc.constantFrom('Deny', 'Warn', 'Allow'),
  outage: fc.constantFrom('none', 'none', 'tags', 'evidence', 'all'),
});

describe('whatever the policies are', () => {
  test('no policy of a namespace makes an answer milder', async () => {
    await fc.assert(
      fc.asyncProperty(anyScene, async ({ image, ofCluster, ofNamespace, ...around }) => {
        const policies = ofCluster.map((spec, index) => compiled(`cluster-${index}`, spec));
        const added = ofNamespace.map((spec, index) => own(`own-${index}`, spec));
        const before = await decide(image, { policies, ...around });
        const after = await decide(image, { policies: [...policies, ...added], ...around });
        const told = `${JSON.stringify(before)}\nbecame\n${JSON.stringify(after)}`;
        assert.ok(severity(after) >= severity(before), told);
      }),
      { numRuns: 400 },
    );
  });

  test('policies of another namespace change nothing of an answer', async () => {
    await fc.assert(
      fc.asyncProperty(anyScene, async ({ image, ofCluster, ofNamespace, ...around }) => {
        const policies = ofCluster.map((spec, index) => compiled(`cluster-${index}`, spec));
        const added = ofNamespace.map((spec, index) => own(`own-${index}`, spec, 'elsewhere'));
        assert.deepEqual(
          await decide(image, { policies: [...policies, ...added], ...around }),
          await decide(image, { policies, ...around }),
        );
      }),
      { numRuns: 100 },
    );
  });
});
