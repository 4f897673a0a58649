// SPDX-License-Identifier: Apache-2.0
// What a decision makes of its policies and of what goes wrong; the evidence is that of the vectors, without HTTP.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EngineError } from '../../../../core/errors.ts';
import { DEFAULT_CONFIGURATION } from '../../../../core/config/configuration.ts';
import type { Configuration } from '../../../../core/config/types.ts';
import type { ImagePolicySpec } from '../../../../core/policy/documents/image-policy.gen.ts';
import { silentMetrics } from '../../../../core/observe.ts';
import { createPolicyStore } from '../../../../core/policy/store/store.ts';
import type { RegistryClient } from '../../../../core/registry/types.ts';
import { createEngine } from '../../../../core/verdict/engine.ts';
import type { TrustRoots } from '../../../../core/sigstore/trust/trust-root.ts';
import type { Verdict } from '../../../../core/verdict/types.ts';
import { anonymous, compiled, publicKeyPem } from '../../../fakes/engine.ts';
import { createLayoutRegistry } from '../../../vectors/cosign/layout-registry.ts';

const IMAGE = 'registry.example.com/demo/signed:1.0';
const RESOLVED = `registry.example.com/demo/signed@${createLayoutRegistry().digest('demo/signed:1.0')}`;
const verify: ImagePolicySpec = { images: ['**'], keys: [{ name: 'release', pem: publicKeyPem('release') }] };
const verifyOther: ImagePolicySpec = { images: ['**'], keys: [{ name: 'other', pem: publicKeyPem('other') }] };
const deny: ImagePolicySpec = { images: ['**'], action: 'Deny' };
const allow: ImagePolicySpec = { images: ['**'], action: 'Allow' };
const broken: ImagePolicySpec = { images: ['**', 'UPPER/**:tag'], action: 'Allow' };

interface Scene {
  readonly policies?: Readonly<Record<string, ImagePolicySpec>>;
  readonly registry?: Partial<RegistryClient>;
  readonly unmatchedImages?: Configuration['unmatchedImages'];
  readonly outdated?: string;
  readonly background?: boolean;
  readonly decided?: unknown[];
  readonly trustRoots?: TrustRoots;
  readonly signal?: AbortSignal;
}

function decide(image: string, scene: Scene = {}): Promise<Verdict> {
  const store = createPolicyStore();
  store.replace(Object.entries(scene.policies ?? {}).map(([name, spec]) => compiled(name, spec)));
  let now = 0;
  const engine = createEngine({
    policies: { snapshot: () => store.snapshot(), outdated: () => scene.outdated },
    registry: { ...createLayoutRegistry(), ...scene.registry },
    trustRoots: scene.trustRoots ?? { names: () => [], load: () => Promise.reject(new Error('there is none')) },
    configuration: () => ({ ...DEFAULT_CONFIGURATION, unmatchedImages: scene.unmatchedImages ?? 'Deny' }),
    // A second passes between two looks at it.
    clock: () => (now += 1000),
    metrics: { ...silentMetrics, decided: (labels, seconds) => void scene.decided?.push({ ...labels, seconds }) },
  });
  const { background = false, signal = new AbortController().signal } = scene;
  return engine({ image, namespace: { labels: {} }, keychain: anonymous, signal, background });
}

const hanging = () => new Promise<never>(() => undefined);
const shown = ({ outcome, mode, code, refusedBy }: Verdict): object => ({ outcome, mode, code, refusedBy });

describe('a decision', () => {
  test('is counted once, with its seconds, unless nobody waits for it', async () => {
    const decided: unknown[] = [];
    await decide('nginx', { policies: { a: { ...deny, mode: 'Warn' } }, decided });
    assert.deepEqual(decided, [{ code: 'DeniedByPolicy', outcome: 'denied', mode: 'Warn', seconds: 1 }]);
    await decide('nginx', { policies: { a: deny }, decided, background: true });
    assert.equal(decided.length, 1);
  });

  test('follows no policy that is too old, not even one that allows or only warns', async () => {
    for (const policies of [{}, { a: allow }, { a: { ...deny, mode: 'Audit' } }, { a: verify }] as const) {
      const scene = { policies, outdated: 'not heard of for 400 s', unmatchedImages: 'Allow' } as const;
      const { outcome, mode, code, message } = await decide(IMAGE, scene);
      assert.deepEqual([outcome, mode, code], ['error', 'Enforce', 'PolicyStale']);
      assert.match(message, /could not be checked: not heard of for 400 s$/);
    }
  });

  test('names the image in full', async () => {
    const { image, resolved, message } = await decide('nginx', { policies: { a: deny } });
    assert.deepEqual([image, resolved], ['docker.io/library/nginx:latest', undefined]);
    assert.equal(message, 'image docker.io/library/nginx:latest is denied by policy "a"');
  });

  test('of what is no image repeats it as it is', async () => {
    const verdict = await decide('Not An Image', { policies: { a: allow } });
    assert.deepEqual(shown(verdict), {
      outcome: 'denied',
      mode: 'Enforce',
      code: 'InvalidReference',
      refusedBy: undefined,
    });
    assert.equal(verdict.image, 'Not An Image');
  });

  test('that meets a mistake of ours is an error in the strictest mode of its policies', async () => {
    const registry = {
      resolveTag: () => Promise.reject(new TypeError('undefined is not a function')),
    };
    const verdict = await decide(IMAGE, {
      policies: { a: { ...verify, mode: 'Warn' }, b: { ...verify, mode: 'Audit' } },
      registry,
    });
    assert.deepEqual(shown(verdict), { outcome: 'error', mode: 'Warn', code: 'InternalError', refusedBy: undefined });
    assert.match(
      verdict.message,
      /^image registry\.example\.com\/demo\/signed:1\.0 could not be checked by policy "a" and policy "b": undefined is not/,
    );
  });

  test('that is late says by whom and about which digest it was to be made', async () => {
    const names = Object.keys(createLayoutRegistry()).filter((name) => name !== 'resolveTag');
    const registry: Partial<RegistryClient> = Object.fromEntries(names.map((name) => [name, hanging]));
    const verdict = await decide(IMAGE, { policies: { a: verify }, registry, signal: AbortSignal.timeout(50) });
    assert.equal(verdict.code, 'DeadlineExceeded');
    const digest = RESOLVED.slice(RESOLVED.indexOf('@') + 1);
    assert.ok(
      verdict.message.startsWith(`image ${IMAGE} (${digest}) could not be checked by policy "a": `),
      verdict.message,
    );
  });

  test('that allows says by whom it was signed, and has nothing to be done', async () => {
    const verdict = await decide(IMAGE, { policies: { a: verify } });
    assert.deepEqual(shown(verdict), { outcome: 'allowed', mode: 'Enforce', code: 'Verified', refusedBy: undefined });
    assert.equal(verdict.resolved, RESOLVED);
    assert.equal(verdict.remedy, '');
    assert.equal(verdict.message, `image ${RESOLVED} is signed by "release" as policy "a" requires`);
    assert.deepEqual(verdict.policies, ['a']);
  });

  test('that needs no evidence has nothing to be done either', async () => {
    const { remedy, signers, message } = await decide('nginx', { policies: { a: allow } });
    assert.deepEqual([remedy, signers], ['', []]);
    assert.equal(message, 'image docker.io/library/nginx:latest is allowed by policy "a"');
  });

  test('that finds no good signature says of which digest, and where it looked', async () => {
    const { message, remedy, resolved } = await decide(IMAGE, { policies: { a: verifyOther } });
    assert.equal(resolved, RESOLVED);
    assert.ok(message.includes(`signed:1.0 (${RESOLVED.split('@')[1]}) does not satisfy policy "a": `), message);
    assert.match(message, /; tried .*; looked at sha256-[0-9a-f]{64}\.sig/);
    assert.notEqual(remedy, '');
  });
});

describe('an image that no policy covers', () => {
  for (const [unmatchedImages, outcome, mode] of [
    ['Deny', 'denied', 'Enforce'],
    ['Warn', 'denied', 'Warn'],
    ['Allow', 'allowed', 'Enforce'],
  ] as const) {
    test(`is ${outcome} in mode ${mode} by ${unmatchedImages}`, async () => {
      assert.deepEqual(shown(await decide('nginx', { unmatchedImages })), {
        outcome,
        mode,
        code: 'NoPolicy',
        refusedBy: undefined,
      });
    });
  }
});

describe('policies tied on one pattern must all be satisfied', () => {
  const cases: readonly (readonly [string, Readonly<Record<string, ImagePolicySpec>>, object])[] = [
    [
      'two that allow',
      { a: allow, b: { ...allow, mode: 'Audit' } },
      { outcome: 'allowed', mode: 'Enforce', code: 'AllowedByPolicy', refusedBy: undefined },
    ],
    [
      'one that allows, one that verifies',
      { a: allow, b: verify },
      { outcome: 'allowed', mode: 'Enforce', code: 'Verified', refusedBy: undefined },
    ],
    [
      'one that allows, one that nobody satisfies',
      { a: allow, b: verifyOther },
      { outcome: 'denied', mode: 'Enforce', code: 'UntrustedSignature', refusedBy: ['b'] },
    ],
    [
      'one that denies, one that verifies',
      { a: deny, b: verify },
      { outcome: 'denied', mode: 'Enforce', code: 'DeniedByPolicy', refusedBy: ['a'] },
    ],
    [
      'one that denies in Audit, one that verifies',
      { a: { ...deny, mode: 'Audit' }, b: verify },
      { outcome: 'denied', mode: 'Audit', code: 'DeniedByPolicy', refusedBy: ['a'] },
    ],
    [
      'one that denies in Audit, one that nobody satisfies',
      { a: { ...deny, mode: 'Audit' }, b: verifyOther },
      { outcome: 'denied', mode: 'Enforce', code: 'UntrustedSignature', refusedBy: ['a', 'b'] },
    ],
    [
      'one that denies in Warn, one that allows',
      { a: { ...deny, mode: 'Warn' }, b: allow },
      { outcome: 'denied', mode: 'Warn', code: 'DeniedByPolicy', refusedBy: ['a'] },
    ],
    [
      'one that is broken, one that allows',
      { a: broken, b: allow },
      { outcome: 'denied', mode: 'Enforce', code: 'PolicyNotReady', refusedBy: ['a'] },
    ],
    [
      'two that nobody satisfies',
      { a: { ...verifyOther, mode: 'Warn' }, b: verifyOther },
      { outcome: 'denied', mode: 'Enforce', code: 'UntrustedSignature', refusedBy: ['a', 'b'] },
    ],
  ];
  for (const [what, policies, expected] of cases) {
    test(what, async () => assert.deepEqual(shown(await decide(IMAGE, { policies })), expected));
  }

  test('and nothing is asked of the registry where one denies', async () => {
    const { registryRequests, resolved } = await decide(IMAGE, { policies: { a: deny, b: verify } });
    assert.deepEqual([registryRequests, resolved], [0, undefined]);
  });
});

describe('a slip in a policy that only audits', () => {
  const audit: ImagePolicySpec = { ...verifyOther, mode: 'Audit' };
  const slips: readonly (readonly [string, ImagePolicySpec])[] = [
    ['in a pattern', { ...audit, images: ['registry.example.com/demo/signed?'] }],
    ['in a host', { ...audit, images: ['^registry.example.com/demo/signed'] }],
    ['in a digest', { ...audit, images: ['registry.example.com/demo/signed@sha256:12'] }],
    [
      'in its selector',
      { ...audit, images: ['registry.example.com/demo/*'], namespaceSelector: { matchLabels: { 'not a label': 'x' } } },
    ],
    [
      'in the shape of its selector',
      JSON.parse(
        JSON.stringify({ ...audit, images: ['registry.example.com/demo/*'], namespaceSelector: { matchLabels: 7 } }),
      ),
    ],
    [
      'in a field that does not exist',
      JSON.parse(JSON.stringify({ ...audit, images: ['registry.example.com/demo/*'], nameSpaces: ['dev'] })),
    ],
  ];
  for (const [where, slipped] of slips) {
    test(`${where} leaves its images to the policy behind it`, async () => {
      const refused = {
        outcome: 'denied',
        mode: 'Enforce',
        code: 'UntrustedSignature',
        refusedBy: ['slipped', 'strict'],
      };
      assert.deepEqual(shown(await decide(IMAGE, { policies: { slipped, strict: verifyOther } })), refused);
      const noted = { outcome: 'denied', mode: 'Audit', code: 'PolicyNotReady', refusedBy: ['slipped'] };
      assert.deepEqual(shown(await decide(IMAGE, { policies: { slipped, strict: verify } })), noted);
    });

    test(`${where} leaves them to the configuration where no policy covers them`, async () => {
      const policies = { slipped };
      const refused = await decide(IMAGE, { policies, unmatchedImages: 'Deny' });
      assert.deepEqual([refused.outcome, refused.mode, refused.code], ['denied', 'Enforce', 'NoPolicy']);
      assert.match(refused.message, /"slipped" can only add to one$/);
      const allowed = await decide(IMAGE, { policies, unmatchedImages: 'Allow' });
      assert.deepEqual([allowed.outcome, allowed.mode, allowed.code], ['denied', 'Audit', 'PolicyNotReady']);
    });

    test(`${where} makes no failure harmless`, async () => {
      const registry = { resolveTag: () => Promise.reject(new EngineError('RegistryUnavailable', 'gone')) };
      const failed = await decide(IMAGE, { policies: { slipped, strict: verify }, registry });
      assert.deepEqual([failed.outcome, failed.mode, failed.code], ['error', 'Enforce', 'RegistryUnavailable']);
    });
  }

  test('makes no failure harmless where a pattern with a digest may apply, and none covers the image', async () => {
    const registry = { resolveTag: () => Promise.reject(new EngineError('RegistryUnavailable', 'gone')) };
    const pinned: ImagePolicySpec = { images: [`**@sha256:${'0'.repeat(64)}`], action: 'Deny', mode: 'Audit' };
    const policies = { slipped: { ...audit, images: ['^all'] }, pinned };
    const { outcome, mode } = await decide(IMAGE, { policies, registry });
    assert.deepEqual([outcome, mode], ['error', 'Enforce']);
  });

  test('makes no text that is no reference harmless', async () => {
    const policies = { slipped: { ...audit, images: ['^all'] } };
    const { outcome, mode, code } = await decide('registry.example.com/Demo', { policies });
    assert.deepEqual([outcome, mode, code], ['denied', 'Enforce', 'InvalidReference']);
  });
});

test('a sound selector limits a policy that is refused for something else', async () => {
  const spec = JSON.parse(
    JSON.stringify({ ...deny, namespaceSelector: { matchLabels: { stage: 'test' } }, nonsense: true }),
  );
  const { code } = await decide(IMAGE, { policies: { elsewhere: spec, strict: verify } });
  assert.equal(code, 'Verified');
});

test('an image named by its digest is verified by it, whatever the tag says', async () => {
  const registry = { resolveTag: () => Promise.reject(new Error('must not be asked')) };
  const digest = RESOLVED.split('@')[1];
  const verdict = await decide(`registry.example.com/demo/signed:9@${digest}`, { policies: { a: verify }, registry });
  assert.deepEqual([verdict.code, verdict.resolved], ['Verified', RESOLVED]);
});

const gone = () => Promise.reject(new EngineError('RegistryUnavailable', 'gone'));
const hide = () => Promise.reject(new EngineError('RegistryUnauthorized', 'not for you'));
const { tags, verified } = DEFAULT_CONFIGURATION.cache;

/** An engine that has verified the image; then `seconds` pass and the named calls fail. */
async function afterwards(seconds: number, failing: Partial<RegistryClient>, image = IMAGE): Promise<Verdict> {
  const store = createPolicyStore();
  store.replace([compiled('a', verify), compiled('b', verify)]);
  const registry: RegistryClient = { ...createLayoutRegistry() };
  let now = 0;
  const engine = createEngine({
    policies: store,
    registry,
    trustRoots: { names: () => [], load: () => Promise.reject(new Error('there is none')) },
    configuration: () => DEFAULT_CONFIGURATION,
    clock: () => now,
    metrics: silentMetrics,
  });
  const signal = new AbortController().signal;
  const ask = () => engine({ image, namespace: { labels: {} }, keychain: anonymous, signal });
  const first = await ask();
  assert.deepEqual([first.code, first.remedy], ['Verified', '']);
  Object.assign(registry, failing);
  now = seconds * 1000;
  return ask();
}

describe('while the registry is out of reach', () => {
  const REST = /^The registry cannot be asked now/;

  test('a tag is taken for what it was, and the verdict says so', async () => {
    const { code, remedy } = await afterwards(tags + 1, { resolveTag: gone });
    assert.equal(code, 'Verified');
    assert.match(remedy, REST);
  });

  test('a fresh tag and fresh evidence rest on nothing old', async () => {
    const { code, remedy } = await afterwards(tags - 1, { resolveTag: gone, getManifest: gone, listReferrers: gone });
    assert.deepEqual([code, remedy], ['Verified', '']);
  });

  test('old evidence is taken, and the verdict says so', async () => {
    const { code, remedy } = await afterwards(verified + 1, { getManifest: gone, listReferrers: gone }, RESOLVED);
    assert.equal(code, 'Verified');
    assert.match(remedy, REST);
  });

  test('is no longer so: a signature that was taken back, or that is not shown, proves nothing', async () => {
    const empty = {
      getManifest: async () => undefined,
      listReferrers: async () => ({ descriptors: [], truncated: false }),
    };
    assert.equal((await afterwards(verified + 1, empty, RESOLVED)).code, 'NoSignature');
    const hidden = await afterwards(verified + 1, { getManifest: hide, listReferrers: hide }, RESOLVED);
    assert.notEqual(hidden.outcome, 'allowed');
    assert.equal(hidden.code, 'RegistryUnauthorized');
  });

  test('for longer than an outage may last, nothing old is taken', async () => {
    const { staleIfError } = DEFAULT_CONFIGURATION.cache;
    const lost = { getManifest: gone, listReferrers: gone };
    const verdict = await afterwards(verified + staleIfError + 1, lost, RESOLVED);
    assert.deepEqual([verdict.outcome, verdict.code], ['error', 'RegistryUnavailable']);
  });
});

const demanding = (expression: string): ImagePolicySpec => ({
  ...verify,
  attestations: [{ name: 'tests', predicateType: 'https://example.com/tests/v1', conditions: [{ expression }] }],
});

test('a condition sees the tag that was written, and none where none was', async () => {
  const image = 'registry.example.com/demo/signed-and-attested';
  const digest = createLayoutRegistry().digest('demo/signed-and-attested:bundle');
  for (const [written, tag] of [
    [`${image}:bundle`, 'bundle'],
    [`${image}:bundle@${digest}`, 'bundle'],
    [`${image}@${digest}`, ''],
  ] as const) {
    const right = await decide(written, { policies: { a: demanding(`image.tag == '${tag}'`) } });
    assert.equal(right.code, 'Verified', right.message);
    const wrong = await decide(written, { policies: { a: demanding(`image.tag != '${tag}'`) } });
    assert.equal(wrong.code, 'AttestationFailed', wrong.message);
  }
});

test('a trust root that is never read ends with the deadline, and admits nothing', async () => {
  const late = new AbortController();
  setTimeout(() => late.abort(), 50);
  const verdict = await decide(IMAGE, {
    policies: { release: { ...verify, transparencyLog: 'Require' } },
    trustRoots: { names: () => ['slow'], load: () => new Promise(() => {}) },
    signal: late.signal,
  });
  assert.deepEqual([verdict.outcome, verdict.code], ['error', 'DeadlineExceeded']);
});
