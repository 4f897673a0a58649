// SPDX-License-Identifier: Apache-2.0
import { UNBOUNDED } from '../../../../../core/registry/read-budget.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EvidenceBatch } from '../../../../../core/signatures/types.ts';
import { EngineError } from '../../../../../core/errors.ts';
import type { RequestScope } from '../../../../../core/registry/types.ts';
import { ImageEvidence } from '../../../../../core/verdict/evidence/evidence.ts';
import type { EvidenceSource } from '../../../../../core/verdict/evidence/evidence.ts';

const SIGNED = { signatures: true, attestations: [] };
const ATTESTED = { signatures: true, attestations: ['type'] };

const FAULT: EvidenceBatch = { signatures: [], attestations: [], faults: [{ source: 'x', message: 'broken' }] };

function scopeOf(id: string, milliseconds = 1000): RequestScope {
  return {
    signal: AbortSignal.timeout(milliseconds),
    keychain: { id, resolve: async () => [] },
    budget: UNBOUNDED,
    count: () => {},
  };
}

function stageOf(next: EvidenceSource['next'], kind: EvidenceSource['kind'] = 'bundle'): EvidenceSource {
  return { kind, place: 'somewhere', next };
}

describe('ImageEvidence', () => {
  test('reads once however many decisions ask at the same time', async () => {
    let reads = 0;
    const source = stageOf(async () => {
      reads += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      return FAULT;
    });
    const evidence = new ImageEvidence([source], Date.now);
    await Promise.all(Array.from({ length: 1000 }, () => evidence.advance(source, scopeOf(''))));
    assert.equal(reads, 1);
    assert.equal(evidence.faults.length, 1);
  });

  test('remembers a failure for the same credentials and asks again with others', async () => {
    const asked: string[] = [];
    const source = stageOf(async ({ keychain }) => {
      asked.push(keychain.id ?? '');
      throw new EngineError('RegistryUnauthorized', 'no');
    });
    const evidence = new ImageEvidence([source], () => 0);
    for (const id of ['a', 'a', 'b']) {
      assert.equal((await evidence.advance(source, scopeOf(id)))?.code, 'RegistryUnauthorized');
    }
    assert.deepEqual(asked, ['a', 'b']);
  });

  test('forgets a failure after two seconds', async () => {
    let now = 0;
    let reads = 0;
    const source = stageOf(async () => {
      reads += 1;
      throw new EngineError('RegistryUnavailable', 'down');
    });
    const evidence = new ImageEvidence([source], () => now);
    await evidence.advance(source, scopeOf(''));
    now = 1999;
    await evidence.advance(source, scopeOf(''));
    assert.equal(reads, 1);
    now = 2001;
    await evidence.advance(source, scopeOf(''));
    assert.equal(reads, 2);
  });

  test('a reader that hangs past its deadline does not hold up the next one', async () => {
    let first = true;
    const source = stageOf(() => {
      const answer = first ? new Promise<undefined>(() => {}) : Promise.resolve(FAULT);
      first = false;
      return answer;
    });
    const evidence = new ImageEvidence([source], Date.now);
    assert.equal((await evidence.advance(source, scopeOf('', 10)))?.code, 'DeadlineExceeded');
    assert.equal(await evidence.advance(source, scopeOf('')), undefined);
    assert.equal(evidence.faults.length, 1);
  });

  test('what is thrown and unknown is an internal error, never an end of reading', async () => {
    const source = stageOf(async () => {
      throw new TypeError('unforeseen');
    });
    const evidence = new ImageEvidence([source], Date.now);
    assert.equal((await evidence.advance(source, scopeOf('')))?.code, 'InternalError');
    assert.equal(evidence.nextSource(SIGNED, new Set(), scopeOf('')), source);
  });

  test('asks for attestation tags only where attestations are wanted', () => {
    const source = stageOf(async () => undefined, 'attestation-tag');
    const evidence = new ImageEvidence([source], Date.now);
    assert.equal(evidence.nextSource(SIGNED, new Set(), scopeOf('')), undefined);
    assert.equal(evidence.nextSource(ATTESTED, new Set(), scopeOf('')), source);
  });

  test('notes where it looked and when it was done', async () => {
    let now = 5;
    const source = stageOf(async () => undefined);
    const evidence = new ImageEvidence([source], () => now);
    now = 9;
    await evidence.advance(source, scopeOf(''));
    assert.deepEqual(evidence.places, ['somewhere']);
    assert.equal(evidence.completedAt, 9);
    assert.equal(evidence.nextSource(SIGNED, new Set(), scopeOf('')), undefined);
  });

  test('what one keychain was not shown is asked for anew with another, and what was found is shared', async () => {
    const asked: string[] = [];
    const kinds = ['simple-signing', 'bundle'] as const;
    const sourceOf = (kind: EvidenceSource['kind']): EvidenceSource => {
      let given = false;
      return {
        kind,
        place: kind,
        anew: () => sourceOf(kind),
        next: async ({ keychain: { id = '' } }) => {
          asked.push(`${id} ${kind}`);
          if (given || id === 'stranger' || kind === 'simple-signing') return undefined;
          given = true;
          return FAULT;
        },
      };
    };
    const evidence = new ImageEvidence(kinds.map(sourceOf), Date.now);
    const readAs = async (id: string) => {
      for (let at = evidence.nextSource(SIGNED, new Set(), scopeOf(id)); at;) {
        await evidence.advance(at, scopeOf(id));
        at = evidence.nextSource(SIGNED, new Set(), scopeOf(id));
      }
    };
    await readAs('stranger');
    assert.equal(evidence.faults.length, 0);
    await readAs('stranger');
    assert.deepEqual(asked.splice(0), ['stranger simple-signing', 'stranger bundle']);
    await readAs('owner');
    assert.equal(evidence.faults.length, 1);
    assert.deepEqual(asked.splice(0), ['owner simple-signing', 'owner bundle', 'owner bundle']);
    await readAs('third');
    assert.deepEqual(asked.splice(0), ['third simple-signing']);
    assert.deepEqual(evidence.places, kinds);
  });
});
