// SPDX-License-Identifier: Apache-2.0
// `platforms`: what must be signed where an image is an index. The images in these indexes were signed by the real cosign.
import { UNBOUNDED } from '../../../../core/registry/read-budget.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEFAULT_CONFIGURATION } from '../../../../core/config/configuration.ts';
import type { Digest } from '../../../../core/image/digest.ts';
import type { ImagePolicySpec } from '../../../../core/policy/documents/image-policy.gen.ts';
import { denialText } from '../../../../core/verdict/denial.ts';
import type { EvidenceCache } from '../../../../core/verdict/evidence/evidence-cache.ts';
import { ImageEvidence } from '../../../../core/verdict/evidence/evidence.ts';
import { boundedReading } from '../../../../core/verdict/evidence/bounded-reading.ts';
import { anonymous, compiled, publicKeyPem, startEngine } from '../../../fakes/engine.ts';
import type { TestEngine, TestEngineOptions } from '../../../fakes/engine.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const REPOSITORY = 'demo/signed';
const each: ImagePolicySpec = {
  images: ['**'],
  keys: [{ name: 'release', pem: publicKeyPem('release') }],
  platforms: 'Each',
};

async function within(options: TestEngineOptions, work: (engine: TestEngine) => Promise<void>): Promise<void> {
  const engine = await startEngine({ policies: { each }, ...options });
  try {
    await work(engine);
  } finally {
    await engine.close();
  }
}

interface Entry {
  readonly digest: string;
  readonly mediaType?: string;
  readonly platform?: object;
  readonly annotations?: object;
}

const on = (platform: string): object => {
  const [os, architecture, variant] = platform.split('/');
  return { os, architecture, ...(variant !== undefined && { variant }) };
};

const entry = (digest: string, platform = 'linux/amd64', more: Partial<Entry> = {}): Entry => ({
  digest,
  platform: on(platform),
  ...more,
});

const NOWHERE = `sha256:${'1'.repeat(64)}`;
const attestation = entry(NOWHERE, 'unknown/unknown', {
  annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
});

function signed(engine: TestEngine, tag: '1.0' | '2.0'): string {
  return engine.registry.content.manifest(REPOSITORY, tag)?.digest ?? assert.fail('no image');
}

/** An index that nobody signed. */
function put(engine: TestEngine, entries: readonly Entry[], more: object = {}, mediaType?: string): Digest {
  const manifests = entries.map((one) => ({ mediaType: MANIFEST, size: 1, ...one }));
  const index = { schemaVersion: 2, mediaType: INDEX, manifests, ...more };
  return engine.registry.content.putManifest(REPOSITORY, index, undefined, mediaType);
}

const decide = (engine: TestEngine, digest: string) => engine.decide(`${REPOSITORY}@${digest}`);

describe('platforms', () => {
  for (const [platforms, ofIndex, ofImages] of [
    ['Index', 'Verified', 'NoSignature'],
    ['Each', 'NoSignature', 'Verified'],
    ['IndexOrEach', 'Verified', 'Verified'],
  ] as const) {
    for (const format of ['simple-signing', 'bundle'] as const) {
      test(`${platforms}: an index that is signed is ${ofIndex}, one of which the images are is ${ofImages} (${format})`, () =>
        within({}, async (engine) => {
          engine.store.replace([compiled('policy', { ...each, platforms })]);
          assert.equal((await engine.decide(`demo/index:${format}`)).code, ofIndex);
          const [one, two] = ['1.0', '2.0'].map(
            (tag) =>
              engine.registry.content.manifest(format === 'bundle' ? 'demo/bundle' : REPOSITORY, tag)?.digest ?? '',
          );
          const repository = format === 'bundle' ? 'demo/bundle' : REPOSITORY;
          const manifests = [entry(one ?? ''), entry(two ?? '', 'linux/arm64'), attestation];
          const digest = engine.registry.content.putManifest(repository, {
            schemaVersion: 2,
            mediaType: INDEX,
            manifests,
          });
          const verdict = await engine.decide(`${repository}@${digest}`);
          assert.equal(verdict.code, ofImages, verdict.message);
          // What is pinned is the index, whatever of it was looked at.
          assert.equal(verdict.resolved?.split('@')[1], digest);
        }));
    }
  }

  for (const platforms of ['Each', 'IndexOrEach'] as const) {
    test(`an image of one platform is checked itself (${platforms})`, () =>
      within({}, async (engine) => {
        engine.store.replace([compiled('policy', { ...each, platforms })]);
        assert.equal((await engine.decide('demo/signed:1.0')).code, 'Verified');
        assert.equal((await engine.decide('demo/unsigned:1.0')).code, 'NoSignature');
      }));
  }

  test('the verdict says which platform lacks what, and the denial too', () =>
    within({}, async (engine) => {
      const lacking = put(engine, [entry(signed(engine, '1.0')), entry(NOWHERE, 'linux/arm/v7')]);
      const verdict = await decide(engine, lacking);
      assert.equal(verdict.code, 'NoSignature');
      assert.ok(verdict.message.includes(`linux/arm/v7 (${NOWHERE}): no signature was found`), verdict.message);
      assert.doesNotMatch(verdict.message, /linux\/amd64/);
      assert.match(verdict.remedy, new RegExp(`cosign sign --recursive --key cosign.key .*@${lacking}$`));
      assert.match(
        denialText(verdict, { namespace: 'default' }),
        /demo\/signed \(linux\/arm\/v7\) is not signed\. Policy "each" requires a signature by "release" for each platform\./,
      );
    }));

  test('either: what the index lacks is told beside what its images lack', () =>
    within({}, async (engine) => {
      engine.store.replace([compiled('policy', { ...each, platforms: 'IndexOrEach' })]);
      const { code, message } = await decide(engine, put(engine, [entry(NOWHERE, 'linux/s390x')]));
      assert.equal(code, 'NoSignature');
      assert.match(message, /the index: no signature was found; linux\/s390x \(sha256:1+\): no signature was found/);
    }));

  test('an image by nobody who is trusted is not made good by the others', () =>
    within({}, async (engine) => {
      const content = engine.registry.content;
      const other = content.manifest('demo/two-signers', 'simple-signing')?.digest ?? '';
      const index = { schemaVersion: 2, mediaType: INDEX, manifests: [entry(other)] };
      const digest = content.putManifest('demo/two-signers', index);
      assert.equal((await engine.decide(`demo/two-signers@${digest}`)).code, 'Verified');
      const keys = [...(each.keys ?? []), { name: 'p256', pem: publicKeyPem('p256') }];
      engine.store.replace([compiled('each', { ...each, keys, threshold: 2 })]);
      const verdict = await engine.decide(`demo/two-signers@${digest}`);
      assert.equal(verdict.code, 'ThresholdNotMet', verdict.message);
    }));

  test('cost one request for the index beside those of each image, and none again', () =>
    within({}, async (engine) => {
      // The payload that was signed for this repository is learned with the first.
      await engine.decide('demo/signed:1.0');
      const digest = put(engine, [
        entry(signed(engine, '1.0')),
        entry(signed(engine, '2.0'), 'linux/arm64'),
        attestation,
      ]);
      engine.registry.forget();
      assert.equal((await decide(engine, digest)).registryRequests, 2);
      const [index, signature] = engine.registry.lines();
      assert.equal(index, `GET /v2/${REPOSITORY}/manifests/${digest}`);
      assert.match(signature ?? '', /^GET .*\/sha256-[0-9a-f]{64}\.sig$/);
      assert.equal((await decide(engine, digest)).registryRequests, 0);
    }));

  test('cost nothing where the index itself is asked for, or is good', () =>
    within({}, async (engine) => {
      for (const platforms of ['Index', 'IndexOrEach'] as const) {
        engine.store.replace([compiled('policy', { ...each, platforms })]);
        await engine.decide('demo/index:simple-signing');
      }
      assert.deepEqual(
        engine.registry.lines().filter((line) => /^GET .*manifests\/sha256:/.test(line)),
        [],
      );
    }));
});

describe('what counts as an image of an index', () => {
  const good = (engine: TestEngine) => entry(signed(engine, '1.0'));
  const cases: readonly (readonly [string, Entry, string])[] = [
    ["what BuildKit stores as a platform's attestation does not", attestation, 'Verified'],
    ['what is only called unknown does', entry(NOWHERE, 'unknown/unknown'), 'NoSignature'],
    [
      'what is called an attestation and has a platform does',
      { ...attestation, platform: on('linux/arm64') },
      'NoSignature',
    ],
    ['what names no platform does', { digest: NOWHERE }, 'NoSignature'],
    ['what is of another kind does', entry(NOWHERE, 'linux/arm64', { mediaType: 'text/plain' }), 'NoSignature'],
    ['what names no digest that can be compared refuses the image', entry('sha512:00'), 'MalformedSignature'],
    ['an index that is not there refuses the image', entry(NOWHERE, '', { mediaType: INDEX }), 'ImageNotFound'],
    ['an index that calls itself an attestation does', { ...attestation, mediaType: INDEX }, 'ImageNotFound'],
  ];
  for (const [what, second, code] of cases) {
    test(what, () =>
      within({}, async (engine) => {
        const verdict = await decide(engine, put(engine, [good(engine), second]));
        assert.equal(verdict.code, code, verdict.message);
      }),
    );
  }

  test('those of an index within it do', () =>
    within({}, async (engine) => {
      const inner = (digest: string) => entry(put(engine, [entry(digest)]), '', { mediaType: INDEX });
      const verdict = async (digest: string) => (await decide(engine, put(engine, [good(engine), inner(digest)]))).code;
      assert.equal(await verdict(signed(engine, '2.0')), 'Verified');
      assert.equal(await verdict(NOWHERE), 'NoSignature');
    }));

  test('a manifest that is listed as an index does', () =>
    within({}, async (engine) => {
      const listed = (digest: string) => put(engine, [good(engine), entry(digest, '', { mediaType: INDEX })]);
      assert.equal((await decide(engine, listed(signed(engine, '2.0')))).code, 'Verified');
      const unsigned = engine.registry.content.putManifest(REPOSITORY, { schemaVersion: 2, config: {}, layers: [] });
      assert.equal((await decide(engine, listed(unsigned))).code, 'NoSignature');
    }));

  test('an index that lists nothing is not allowed for lack of anything to sign', () =>
    within({}, async (engine) => {
      for (const entries of [[], [attestation]]) {
        const { code, message } = await decide(engine, put(engine, entries));
        assert.equal(code, 'NoSignature');
        assert.match(message, /lists no image/);
      }
    }));

  test('what can be read as an index and as a manifest is refused', () =>
    within({}, async (engine) => {
      const entries = [good(engine)];
      const both = put(engine, entries, { config: { digest: NOWHERE }, layers: [] });
      const asManifest = put(engine, entries, { mediaType: undefined }, MANIFEST);
      const asIndex = put(engine, entries, { mediaType: undefined, manifests: undefined, layers: [] }, INDEX);
      for (const digest of [both, asManifest, asIndex]) {
        const { outcome, code, message } = await decide(engine, digest);
        assert.deepEqual([outcome, code], ['denied', 'MalformedSignature'], message);
      }
    }));
});

const unasked = () => assert.fail('not asked');
const absent: EvidenceCache = { current: unasked, renewed: unasked, previous: unasked, grown: unasked };

const evidence = (bytes: number) => Object.assign(new ImageEvidence([], Date.now), { bytes });

describe('an index is bounded', () => {
  const limits = { ...DEFAULT_CONFIGURATION.limits, platforms: 2 };

  test('by the number of its manifests, indexes within it among them', () =>
    within({ configuration: { limits } }, async (engine) => {
      const [one, two] = [entry(signed(engine, '1.0')), entry(signed(engine, '2.0'), 'linux/arm64')];
      assert.equal((await decide(engine, put(engine, [one, two, one, attestation]))).code, 'Verified');
      const nested = entry(put(engine, [two]), '', { mediaType: INDEX });
      for (const entries of [
        [one, two, entry(NOWHERE)],
        [one, nested],
        [nested, one],
      ]) {
        const { outcome, code, remedy } = await decide(engine, put(engine, entries));
        assert.deepEqual([outcome, code], ['error', 'ResponseTooLarge']);
        assert.match(remedy, /limits\.platforms/);
      }
    }));

  test('by the work for all of its images together', () =>
    within({ configuration: { limits: { ...limits, verifications: 1 } } }, async (engine) => {
      const two = [entry(signed(engine, '1.0')), entry(signed(engine, '2.0'), 'linux/arm64')];
      const verdict = await decide(engine, put(engine, two));
      assert.deepEqual([verdict.outcome, verdict.code], ['error', 'ResponseTooLarge'], verdict.message);
      assert.equal((await decide(engine, put(engine, two.slice(0, 1)))).code, 'Verified');
    }));

  test('by what all of its images take together, counted from one to the next', () => {
    const counted = { requests: 0, grown: 0 };
    const image = { repository: { registry: 'a', path: 'b' }, digest: `sha256:${'1'.repeat(64)}` } as const;
    const open = () =>
      boundedReading(
        {
          signal: AbortSignal.timeout(1000),
          keychain: anonymous,
          budget: UNBOUNDED,
          count: () => (counted.requests += 1),
        },
        {
          cache: { ...absent, grown: () => (counted.grown += 1) },
          limits: () => ({ verifications: 1, evidenceBytes: 10 }),
        },
      );
    const many = open();
    for (let asked = 0; asked < 1024; asked += 1) many.scope.count();
    assert.equal(many.exceeded(), undefined);
    many.scope.count();
    assert.equal(many.exceeded()?.code, 'ResponseTooLarge');
    const large = open();
    large.cache.grown(image, image.repository, evidence(160));
    assert.equal(large.exceeded(), undefined);
    large.cache.grown(image, image.repository, evidence(1));
    assert.equal(large.exceeded()?.code, 'ResponseTooLarge');
    assert.deepEqual(counted, { requests: 1025, grown: 2 });
  });

  test('by what was found beside those that were read: the next are errors, not denials', () =>
    within({ configuration: { limits: { ...DEFAULT_CONFIGURATION.limits, evidenceBytes: 100 } } }, async (engine) => {
      const many = Array.from({ length: 40 }, (_, index) => entry(`sha256:${String(index).padStart(64, '0')}`));
      const { outcome, code, registryRequests } = await decide(engine, put(engine, many));
      assert.deepEqual([outcome, code], ['error', 'ResponseTooLarge']);
      assert.ok(registryRequests < 40, `${registryRequests} requests`);
    }));

  test('by how much is told of it', () =>
    within({}, async (engine) => {
      const many = Array.from({ length: 40 }, (_, index) => entry(`sha256:${String(index).padStart(64, '0')}`));
      const { code, message } = await decide(engine, put(engine, many));
      assert.equal(code, 'NoSignature');
      assert.match(message, /\(\+37 more\)/);
      assert.ok(message.length < 1200, `${message.length} characters`);
    }));
});

const broken = (path: RegExp, status = 500): TestEngineOptions => ({
  registry: {
    intercept: ({ url = '' }, response) => {
      if (!path.test(url)) return false;
      response.writeHead(status).end();
      return true;
    },
  },
});

describe('what can not be read of an index', () => {
  test('of one image only is an error, not a denial, and no pass', () =>
    within({}, async (engine) => {
      const hex = signed(engine, '2.0').slice('sha256:'.length);
      Object.assign(engine.registry.behaviour, broken(new RegExp(hex)).registry);
      const entries = [entry(signed(engine, '1.0')), entry(NOWHERE), entry(`sha256:${hex}`, 'linux/arm64')];
      const digest = put(engine, entries);
      const verdict = await decide(engine, digest);
      assert.deepEqual([verdict.outcome, verdict.code], ['error', 'RegistryUnavailable']);
      assert.match(verdict.message, /linux\/arm64/);
    }));

  for (const platforms of ['Each', 'IndexOrEach'] as const) {
    test(`the index itself is an error (${platforms})`, () =>
      within({}, async (engine) => {
        const digest = put(engine, [entry(signed(engine, '1.0'))]);
        engine.store.replace([compiled('each', { ...each, platforms })]);
        Object.assign(engine.registry.behaviour, broken(/manifests\/sha256:/).registry);
        assert.equal((await decide(engine, digest)).code, 'RegistryUnavailable');
        engine.registry.behaviour.intercept = undefined;
        engine.time.now += 60_000;
        assert.equal((await decide(engine, digest)).code, 'Verified');
      }));
  }

  test('an image of one that is not there at all is not allowed', () =>
    within({}, async (engine) => {
      assert.equal((await decide(engine, NOWHERE)).code, 'ImageNotFound');
    }));

  test('each was read before an outage: it still counts', () =>
    within({}, async (engine) => {
      const digest = put(engine, [entry(signed(engine, '1.0')), entry(signed(engine, '2.0'), 'linux/arm64')]);
      assert.equal((await decide(engine, digest)).code, 'Verified');
      engine.time.now += engine.configuration.cache.verified * 1000 + 1;
      await engine.registry.close();
      const verdict = await decide(engine, digest);
      assert.equal(verdict.code, 'Verified', verdict.message);
      assert.match(verdict.remedy, /rests on what was verified before/);
    }));
});
