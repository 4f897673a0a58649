// SPDX-License-Identifier: Apache-2.0
// How long evidence counts, for whom, and what is left of it in an outage.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEFAULT_CACHE } from '../../../../../core/config/types.ts';
import type { ResolvedImage, SignatureCandidate } from '../../../../../core/signatures/types.ts';
import { silentMetrics } from '../../../../../core/observe.ts';
import { createEvidenceCache } from '../../../../../core/verdict/evidence/evidence-cache.ts';
import type { EvidenceCache } from '../../../../../core/verdict/evidence/evidence-cache.ts';
import type { EvidenceBatch } from '../../../../../core/signatures/types.ts';
import type { EvidenceSource } from '../../../../../core/verdict/evidence/evidence.ts';
import { UNBOUNDED } from '../../../../../core/registry/read-budget.ts';
import { anonymous } from '../../../../fakes/engine.ts';

const { verified, rejected, staleIfError } = DEFAULT_CACHE;
const repository = { registry: 'ghcr.io', path: 'acme/app' };
const image: ResolvedImage = { repository, digest: `sha256:${'ab'.repeat(32)}` };
const candidate: SignatureCandidate = {
  format: 'simple-signing',
  source: 'test',
  signedBytes: Buffer.alloc(0),
  signature: Buffer.alloc(0),
  annotations: {},
  material: { kind: 'annotations' },
};

interface Stage {
  now: number;
  readonly cache: EvidenceCache;
  readonly looked: string[];
}

function source(maximumBytes?: number, places: readonly EvidenceSource[] = []): Stage {
  const looked: string[] = [];
  const cache = createEvidenceCache({
    openSources: () => places,
    lifetimes: () => DEFAULT_CACHE,
    clock: () => here.now,
    metrics: { ...silentMetrics, cacheLookup: ({ cache: name, result }) => void looked.push(`${name} ${result}`) },
    ...(maximumBytes !== undefined && { maximumBytes }),
  });
  const here: Stage = { now: 0, cache, looked };
  return here;
}

describe('evidence', () => {
  test('counts for its lifetime, and is read anew after it', () => {
    const here = source();
    const first = here.cache.current(image, repository);
    here.now = verified * 1000 - 1;
    assert.equal(here.cache.current(image, repository), first);
    here.now += 1;
    assert.notEqual(here.cache.current(image, repository), first);
    assert.deepEqual(here.looked, ['evidence miss', 'evidence hit', 'evidence miss']);
  });

  test('is of one digest, one repository and one place of signatures', () => {
    const { cache } = source();
    const first = cache.current(image, repository);
    const other = { registry: 'ghcr.io', path: 'acme/other' };
    const elsewhere = { registry: 'quay.io', path: 'acme/app' };
    const all = [
      cache.current({ ...image, digest: `sha256:${'cd'.repeat(32)}` }, repository),
      cache.current({ ...image, repository: other }, repository),
      cache.current({ ...image, repository: elsewhere }, repository),
      cache.current(image, other),
      cache.current(image, elsewhere),
    ];
    // Nor is it of two places for signatures that are not the image's own.
    assert.equal(new Set([first, ...all]).size, 6);
    assert.equal(cache.current(image, repository), first);
  });

  test('that led to a denial is read anew when it is old enough, by whoever comes first', () => {
    const here = source();
    const first = here.cache.current(image, repository);
    here.now = rejected * 1000 - 1;
    assert.equal(here.cache.renewed(image, repository, first), first);
    here.now += 1;
    const renewed = here.cache.renewed(image, repository, first);
    assert.notEqual(renewed, first);
    assert.equal(here.cache.renewed(image, repository, first), renewed);
    assert.equal(here.cache.current(image, repository), renewed);
  });
});

describe('what was read before', () => {
  test('is what held a signature, while an outage may last', () => {
    const here = source();
    const first = here.cache.current(image, repository);
    first.signatures = [candidate];
    assert.equal(here.cache.previous(image, repository), undefined);
    here.now = verified * 1000;
    here.cache.current(image, repository);
    assert.equal(here.cache.previous(image, repository), first);
    here.now = staleIfError * 1000 - 1;
    assert.equal(here.cache.previous(image, repository), first);
    here.now += 1;
    assert.equal(here.cache.previous(image, repository), undefined);
  });

  test('is not what held none, which leaves in place what was before it', () => {
    const here = source();
    const first = here.cache.current(image, repository);
    first.signatures = [candidate];
    here.now = verified * 1000;
    const empty = here.cache.current(image, repository);
    here.now *= 2;
    assert.notEqual(here.cache.current(image, repository), empty);
    assert.equal(here.cache.previous(image, repository), first);
  });

  test('is gone with the first that was never there', () => {
    const here = source();
    here.cache.current(image, repository);
    here.now = verified * 1000;
    here.cache.current(image, repository);
    assert.equal(here.cache.previous(image, repository), undefined);
  });
});

describe('the bound on memory', () => {
  const other: ResolvedImage = { ...image, digest: `sha256:${'cd'.repeat(32)}` };

  test('is apart for what is large: it pushes out only what is large', () => {
    const { cache } = source();
    const small = cache.current(image, repository);
    const digests = Array.from(
      { length: 8 },
      (_, index): ResolvedImage['digest'] => `sha256:${`${index}0`.repeat(32)}`,
    );
    const large = digests.map((digest) => {
      const evidence = cache.current({ ...image, digest }, repository);
      evidence.bytes = 12 * 1024 * 1024;
      cache.grown({ ...image, digest }, repository, evidence);
      return evidence;
    });
    const kept = digests.filter((digest, index) => cache.current({ ...image, digest }, repository) === large[index]);
    assert.equal(kept.length, 4);
    assert.equal(cache.current(image, repository), small);
  });

  test('counts what places hold and have not read', async () => {
    const nothing: EvidenceBatch = { signatures: [], attestations: [], faults: [] };
    const place: EvidenceSource = {
      kind: 'bundle',
      place: 'the referrers',
      next: async () => nothing,
      heldCharacters: () => 25 * 1024 * 1024,
    };
    const { cache } = source(undefined, [place]);
    const evidence = cache.current(image, repository);
    const scope = { signal: new AbortController().signal, keychain: anonymous, budget: UNBOUNDED, count: () => {} };
    await evidence.advance(place, scope);
    assert.equal(cache.current(image, repository), evidence);
    cache.grown(image, repository, evidence);
    assert.notEqual(cache.current(image, repository), evidence, 'more than there is room for');
  });

  test('counts evidence as it has grown', () => {
    const { bytes } = source().cache.current(image, repository);
    const { cache } = source(3 * bytes);
    const first = cache.current(image, repository);
    const second = cache.current(other, repository);
    second.bytes += bytes;
    cache.grown(other, repository, second);
    assert.equal(cache.current(image, repository), first, 'all of it still fits');
    second.bytes += bytes;
    cache.grown(other, repository, second);
    assert.notEqual(cache.current(image, repository), first, 'the older one had to go');
  });

  test('is not asked for evidence that is no longer there', () => {
    const here = source();
    const first = here.cache.current(image, repository);
    here.now = verified * 1000;
    const second = here.cache.current(image, repository);
    first.bytes += 1;
    here.cache.grown(image, repository, first);
    assert.equal(here.cache.current(image, repository), second);
  });
});
