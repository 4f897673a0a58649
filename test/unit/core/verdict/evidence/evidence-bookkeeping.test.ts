// SPDX-License-Identifier: Apache-2.0
// When evidence was read, how large it is, and which failures end the asking.
import { UNBOUNDED } from '../../../../../core/registry/read-budget.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EvidenceBatch, SignatureCandidate } from '../../../../../core/signatures/types.ts';
import { EngineError } from '../../../../../core/errors.ts';
import { factsOf, VERDICT_CODES } from '../../../../../core/verdict-codes.ts';
import type { RequestScope } from '../../../../../core/registry/types.ts';
import { ImageEvidence } from '../../../../../core/verdict/evidence/evidence.ts';
import type { EvidenceSource } from '../../../../../core/verdict/evidence/evidence.ts';

const SIGNED = { signatures: true, attestations: [] };
const ATTESTED = { signatures: true, attestations: ['type'] };

const NONE: EvidenceBatch = { signatures: [], attestations: [], faults: [] };

const candidate = (change: Partial<SignatureCandidate> = {}): SignatureCandidate => ({
  format: 'simple-signing',
  source: 'test',
  signedBytes: Buffer.alloc(100),
  signature: Buffer.alloc(10),
  annotations: {},
  material: { kind: 'annotations' },
  ...change,
});

const attestation = { predicateType: 'type', predicate: {}, statement: {} };

/** A place that gives these batches, and then its end. */
function stageOf(batches: readonly EvidenceBatch[], kind: EvidenceSource['kind'] = 'bundle'): EvidenceSource {
  const rest = [...batches];
  return { kind, place: `the ${kind}`, next: async () => rest.shift() };
}

function scope(id?: string, signal = new AbortController().signal): RequestScope {
  return {
    signal,
    keychain: { ...(id !== undefined && { id }), resolve: async () => [] },
    budget: UNBOUNDED,
    count: () => {},
  };
}

const weightOf = async (batch: EvidenceBatch): Promise<number> => {
  const source = stageOf([batch]);
  const evidence = new ImageEvidence([source], () => 0);
  const before = evidence.bytes;
  await evidence.advance(source, scope());
  return evidence.bytes - before;
};

const failing = (error: () => Error): { source: EvidenceSource; reads: () => number } => {
  let reads = 0;
  const next: EvidenceSource['next'] = async () => {
    reads += 1;
    throw error();
  };
  return { source: { kind: 'bundle', place: 'the place', next }, reads: () => reads };
};

describe('the time of evidence', () => {
  test('is when it was opened, and when a place was last read to its end', async () => {
    let now = 5;
    const source = stageOf([NONE]);
    const evidence = new ImageEvidence([source], () => now);
    assert.deepEqual([evidence.createdAt, evidence.completedAt], [5, 5]);
    now = 7;
    await evidence.advance(source, scope());
    assert.deepEqual([evidence.completedAt, evidence.places], [5, []]);
    now = 9;
    await evidence.advance(source, scope());
    assert.deepEqual([evidence.createdAt, evidence.completedAt, evidence.places], [5, 9, ['the bundle']]);
    assert.equal(evidence.nextSource(ATTESTED, new Set(), scope()), undefined);
  });
});

describe('the next place', () => {
  test('is an attestation tag only where attestations are asked for, and never one that failed', () => {
    const [bundle, tag] = [stageOf([]), stageOf([], 'attestation-tag')];
    const evidence = new ImageEvidence([bundle, tag], () => 0);
    assert.equal(evidence.nextSource(SIGNED, new Set(), scope()), bundle);
    assert.equal(evidence.nextSource(SIGNED, new Set([bundle]), scope()), undefined);
    assert.equal(evidence.nextSource(ATTESTED, new Set([bundle]), scope()), tag);
  });

  test('stays where it was when one before it was read to its end', async () => {
    const [first, second, third] = [stageOf([]), stageOf([], 'simple-signing'), stageOf([], 'attestation-tag')];
    const evidence = new ImageEvidence([first, second, third], () => 0);
    await evidence.advance(second, scope());
    assert.equal(evidence.nextSource(ATTESTED, new Set(), scope()), first);
    assert.equal(evidence.nextSource(ATTESTED, new Set([first]), scope()), third);
  });
});

describe('the weight of evidence', () => {
  test('grows with the bytes of signatures and attestations, and more where a certificate comes along', async () => {
    const plain = await weightOf({ ...NONE, signatures: [candidate()] });
    assert.ok(plain >= 110);
    assert.equal(await weightOf({ ...NONE, signatures: [candidate({ signedBytes: Buffer.alloc(200) })] }), plain + 100);
    assert.equal(await weightOf({ ...NONE, signatures: [candidate({ signature: Buffer.alloc(20) })] }), plain + 10);
    assert.equal(await weightOf({ ...NONE, attestations: [{ ...candidate(), ...attestation }] }), plain);
    assert.equal(await weightOf({ ...NONE, signatures: [candidate(), candidate()] }), 2 * plain);
    const certified = candidate({ material: { kind: 'annotations', certificate: 'pem' } });
    assert.ok((await weightOf({ ...NONE, signatures: [certified] })) > plain);
    const bundle = candidate({ material: { kind: 'bundle', bundle: {} } });
    assert.equal(
      await weightOf({ ...NONE, signatures: [bundle] }),
      await weightOf({ ...NONE, signatures: [certified] }),
    );
    assert.equal(await weightOf({ ...NONE, faults: [{ source: 'x', message: 'y' }] }), 0);
  });

  test('has what places hold and have not read, until they have', async () => {
    let held = 1000;
    const source = { ...stageOf([NONE, NONE]), heldCharacters: () => held };
    const evidence = new ImageEvidence([source], () => 0);
    const before = evidence.bytes;
    await evidence.advance(source, scope());
    evidence.measure();
    evidence.measure();
    assert.equal(evidence.bytes - before, 2000);
    held = 300;
    await evidence.advance(source, scope());
    evidence.measure();
    assert.equal(evidence.bytes - before, 600);
  });

  test('shrinks with what is compacted, in its place', async () => {
    const [heavy, light] = [candidate({ source: 'heavy' }), candidate({ source: 'light' })];
    const source = stageOf([{ ...NONE, signatures: [heavy, light] }]);
    const evidence = new ImageEvidence([source], () => 0);
    await evidence.advance(source, scope());
    const before = evidence.bytes;
    const smaller = { ...heavy, signedBytes: Buffer.alloc(0) };
    evidence.compact((one) => (one === heavy ? smaller : one));
    assert.deepEqual(evidence.signatures, [smaller, light]);
    assert.equal(evidence.bytes, before - 100);
  });
});

describe('a failed read', () => {
  test('is told with its place, and answers for two seconds and not a millisecond longer', async () => {
    let now = 10;
    const { source, reads } = failing(() => new EngineError('RegistryUnavailable', 'gone'));
    const evidence = new ImageEvidence([source], () => now);
    const failure = { code: 'RegistryUnavailable', message: 'gone', place: 'the place' };
    assert.deepEqual(await evidence.advance(source, scope('a')), failure);
    now = 10 + 1999;
    assert.deepEqual(await evidence.advance(source, scope('a')), failure);
    assert.equal(reads(), 1);
    now += 1;
    await evidence.advance(source, scope('a'));
    assert.equal(reads(), 2);
    assert.equal(evidence.nextSource(SIGNED, new Set(), scope()), source);
  });

  test('of somebody without an identity answers for others without one', async () => {
    const { source, reads } = failing(() => new EngineError('RegistryUnavailable', 'gone'));
    const evidence = new ImageEvidence([source], () => 0);
    await evidence.advance(source, scope());
    await evidence.advance(source, scope(''));
    assert.equal(reads(), 1);
  });

  test('is counted where a limit ended it, once for all that it answers', async () => {
    let counted = 0;
    for (const [code, expected] of [
      ['ResponseTooLarge', 1],
      ['RegistryUnavailable', 0],
    ] as const) {
      counted = 0;
      const { source } = failing(() => new EngineError(code, 'x'));
      const evidence = new ImageEvidence(
        [source],
        () => 0,
        () => (counted += 1),
      );
      await evidence.advance(source, scope());
      await evidence.advance(source, scope());
      assert.equal(counted, expected, code);
    }
  });

  test('that is a mistake of ours is an internal error', async () => {
    const { source } = failing(() => new TypeError('mistake'));
    const failure = await new ImageEvidence([source], () => 0).advance(source, scope());
    assert.deepEqual(failure, { code: 'InternalError', message: 'mistake', place: 'the place' });
  });

  test('for want of time answers for nobody else', async () => {
    const { source, reads } = failing(() => new EngineError('DeadlineExceeded', 'late'));
    const evidence = new ImageEvidence([source], () => 0);
    await evidence.advance(source, scope());
    await evidence.advance(source, scope());
    assert.equal(reads(), 2);
  });

  test('is the last where the registry refuses, or the time is over', () => {
    const final = VERDICT_CODES.filter((code) => factsOf(code).endsReading);
    assert.deepEqual(final, ['RegistryUnauthorized', 'RegistryRateLimited', 'DeadlineExceeded']);
  });
});

test('who waits for another to read looks again, and waits no longer than it may', async () => {
  const release: (() => void)[] = [];
  const source: EvidenceSource = {
    kind: 'bundle',
    place: 'the place',
    next: () => new Promise((resolve) => void release.push(() => resolve(NONE))),
  };
  const evidence = new ImageEvidence([source], () => 0);
  const reading = evidence.advance(source, scope());
  const late = new AbortController();
  const waiting = [evidence.advance(source, scope()), evidence.advance(source, scope('', late.signal))];
  late.abort();
  await assert.rejects(waiting[1] ?? reading, { code: 'DeadlineExceeded' });
  release.forEach((done) => done());
  assert.deepEqual(await Promise.all([reading, waiting[0]]), [undefined, undefined]);
  assert.equal(release.length, 1);
});
