// SPDX-License-Identifier: Apache-2.0
// What is read for one policy, where it is kept, and what counts when some of it cannot be read.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEFAULT_CACHE } from '../../../../../core/config/types.ts';
import type { EvidenceBatch, ResolvedImage } from '../../../../../core/signatures/types.ts';
import { EngineError } from '../../../../../core/errors.ts';
import type { FailureCode } from '../../../../../core/verdict-codes.ts';
import type { Repository } from '../../../../../core/image/types.ts';
import { DEFAULT_LIMITS } from '../../../../../core/limits.ts';
import { silentMetrics } from '../../../../../core/observe.ts';
import type { ImagePolicySpec } from '../../../../../core/policy/documents/image-policy.gen.ts';
import type { RegistryClient } from '../../../../../core/registry/types.ts';
import { createPayloadTemplates } from '../../../../../core/cosign/payload-prediction.ts';
import { readStored } from '../../../../../core/cosign/reading/read-stored.ts';
import { createEvidenceCache } from '../../../../../core/verdict/evidence/evidence-cache.ts';
import type { EvidenceCache } from '../../../../../core/verdict/evidence/evidence-cache.ts';
import type { EvidenceSource, ImageEvidence } from '../../../../../core/verdict/evidence/evidence.ts';
import { createFormatMemory } from '../../../../../core/verdict/evidence/format-memory.ts';
import { evidenceSources } from '../../../../../core/verdict/evidence/evidence-sources.ts';
import { createSignatureVerifier } from '../../../../../core/policy/signers/verification/signature-verifier.ts';
import { verifyPolicy } from '../../../../../core/verdict/verification/verify-policy.ts';
import type { PolicyVerification } from '../../../../../core/verdict/verification/verify-policy.ts';
import { compiled, publicKeyPem } from '../../../../fakes/engine.ts';
import { createLayoutRegistry, freshScope, repositoryOf } from '../../../../vectors/cosign/layout-registry.ts';

const layout = createLayoutRegistry();
const keys = [{ name: 'release', pem: publicKeyPem('release') }];
const HOST = 'registry.example.com';

function imageOf(name: string): ResolvedImage {
  return { repository: repositoryOf(name, HOST), digest: layout.digest(name) };
}

/** An engine's parts, with a cache that notes which evidence it measures anew, and where that is kept. */
function workshop(registry: RegistryClient, openSources?: () => readonly EvidenceSource[]) {
  const time = { now: 0 };
  const formats = createFormatMemory();
  const templates = createPayloadTemplates();
  const reading = { registry, templates, formats, limits: DEFAULT_LIMITS, readStored };
  const grown: { readonly place: string; readonly bytes: number }[] = [];
  const inner = createEvidenceCache({
    openSources: (image, signatures) => openSources?.() ?? evidenceSources(image, signatures, reading),
    lifetimes: () => DEFAULT_CACHE,
    clock: () => time.now,
    metrics: silentMetrics,
  });
  const cache: EvidenceCache = {
    ...inner,
    grown: (image: ResolvedImage, signatures: Repository, evidence: ImageEvidence) => {
      grown.push({ place: signatures.path, bytes: evidence.bytes });
      inner.grown(image, signatures, evidence);
    },
  };
  const verifier = createSignatureVerifier({ names: () => [], load: () => Promise.reject(new Error('there is none')) });
  const verified = (name: string, spec: Partial<ImagePolicySpec> = {}): Promise<PolicyVerification> =>
    verifyPolicy(compiled('test', { images: ['**'], keys, ...spec }), imageOf(name), freshScope(), {
      cache,
      owner: '',
      verifier,
      formats,
      clock: () => time.now,
      limits: () => DEFAULT_LIMITS,
      tellPlatforms: async () => '',
    });
  return { verified, cache, formats, grown, time };
}

const codeOf = (verification: PolicyVerification): string => (verification.satisfied ? 'satisfied' : verification.code);

const gone = () => Promise.reject(new EngineError('RegistryUnavailable', 'gone'));
const none: EvidenceBatch = { signatures: [], attestations: [], faults: [] };
/** The first is of another kind than the second: for one kind a failure answers for all. */
const source = (place: 'first' | 'second', next: EvidenceSource['next']): EvidenceSource => ({
  kind: place === 'first' ? 'bundle' : 'simple-signing',
  place,
  next,
});
const failing = (code: FailureCode) => () => Promise.reject(new EngineError(code, `failed: ${code}`));
const part = (code?: FailureCode): EvidenceBatch => ({
  ...none,
  faults: [{ source: 'part', message: 'did not come', ...(code && { code }) }],
});
const once = (batch: EvidenceBatch): EvidenceSource => {
  const batches = [batch];
  return source('first', async () => batches.shift());
};

describe('evidence in another repository', () => {
  const elsewhere = { signatureRepository: `${HOST}/demo/signatures` };

  test('is read, kept and remembered there', async () => {
    const { verified, formats, grown } = workshop(layout);
    assert.equal(codeOf(await verified('demo/elsewhere:simple-signing')), 'NoSignature');
    assert.equal(codeOf(await verified('demo/elsewhere:bundle', elsewhere)), 'satisfied');
    assert.deepEqual(
      grown.map(({ place }) => place),
      ['demo/elsewhere', 'demo/signatures'],
    );
    assert.equal(formats.expected({ registry: HOST, path: 'demo/signatures' }), 'bundle');
  });

  test('counts from there also in an outage', async () => {
    const registry: RegistryClient = { ...layout };
    const { verified, time } = workshop(registry);
    assert.equal(codeOf(await verified('demo/elsewhere:simple-signing', elsewhere)), 'satisfied');
    Object.assign(registry, { getManifest: gone, listReferrers: gone });
    time.now = DEFAULT_CACHE.verified * 1000;
    const verification = await verified('demo/elsewhere:simple-signing', elsewhere);
    assert.ok(verification.satisfied && verification.stale);
  });
});

describe('the cache', () => {
  test('measures what a satisfied policy leaves, which is less than was read', async () => {
    const { verified, cache, grown } = workshop(layout);
    const image = imageOf('demo/signed:1.0');
    assert.equal(codeOf(await verified('demo/signed:1.0')), 'satisfied');
    const [candidate] = cache.current(image, image.repository).signatures;
    assert.equal(candidate?.source, 'proven before');
    assert.deepEqual(
      grown.map(({ bytes }) => bytes),
      [cache.current(image, image.repository).bytes],
    );
  });

  test('keeps the bytes of what satisfied nobody', async () => {
    const { verified, cache, grown } = workshop(layout);
    const image = imageOf('demo/other-key:1.0');
    assert.equal(codeOf(await verified('demo/other-key:1.0')), 'UntrustedSignature');
    const [candidate] = cache.current(image, image.repository).signatures;
    assert.ok(candidate && candidate.signedBytes.length > 0);
    assert.equal(grown.length, 1);
  });

  test('is evaluated again without another look at what was compacted', async () => {
    const { verified, cache } = workshop(layout);
    const image = imageOf('demo/signed:1.0');
    await verified('demo/signed:1.0');
    const [first] = cache.current(image, image.repository).signatures;
    await verified('demo/signed:1.0');
    assert.equal(cache.current(image, image.repository).signatures[0], first);
  });
});

describe('places that fail', () => {
  test('outweigh those that have nothing, and each is asked once', async () => {
    const asked: string[] = [];
    const stages = [
      source('first', async () => (asked.push('first'), failing('RegistryUnavailable')())),
      source('second', async () => (asked.push('second'), undefined)),
    ];
    const verification = await workshop(layout, () => stages).verified('demo/unsigned:1.0');
    assert.ok(!verification.satisfied);
    assert.deepEqual(
      [verification.code, verification.reason, verification.places],
      ['RegistryUnavailable', 'failed: RegistryUnavailable', ['first']],
    );
    assert.deepEqual(asked, ['first', 'second']);
  });

  for (const code of ['RegistryUnauthorized', 'RegistryRateLimited', 'DeadlineExceeded'] as const) {
    test(`by ${code} are the last to be asked`, async () => {
      const asked: string[] = [];
      const stages = [source('first', failing(code)), source('second', async () => (asked.push('second'), undefined))];
      assert.equal(codeOf(await workshop(layout, () => stages).verified('demo/unsigned:1.0')), code);
      assert.deepEqual(asked, []);
    });
  }

  test('in part count as failed, and faults that are no failed reads do not', async () => {
    const failed = await workshop(layout, () => [once(part('ResponseTooLarge'))]).verified('demo/unsigned:1.0');
    assert.ok(!failed.satisfied);
    assert.deepEqual([failed.code, failed.reason, failed.places], ['ResponseTooLarge', 'did not come', ['part']]);
    const malformed = await workshop(layout, () => [once(part())]).verified('demo/unsigned:1.0');
    assert.ok(!malformed.satisfied);
    assert.deepEqual([malformed.code, malformed.places], ['MalformedSignature', ['first']]);
  });
});
