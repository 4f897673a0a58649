// SPDX-License-Identifier: Apache-2.0
// Readers wait in memory beside each of many thousand images: what they keep, and when they may be forgotten.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PieceReader } from '../../../../core/cosign/piece-reader.ts';
import type { Opened, PieceRead } from '../../../../core/cosign/piece-reader.ts';
import { createReferrerReader } from '../../../../core/cosign/referrer-reader.ts';
import { EngineError } from '../../../../core/errors.ts';
import { NO_EVIDENCE } from '../../../../core/signatures/evidence.ts';
import type { SignatureCandidate } from '../../../../core/signatures/types.ts';
import { createLayoutRegistry, freshScope } from '../../../vectors/cosign/layout-registry.ts';
import { inputFor } from '../../../vectors/cosign/read-evidence.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const candidate = (source: string): SignatureCandidate => ({
  format: 'simple-signing',
  source,
  signedBytes: Buffer.alloc(1),
  signature: Buffer.alloc(1),
  annotations: {},
  material: { kind: 'annotations' },
});

const unavailable = new EngineError('RegistryUnavailable', 'not now');

/** Batches of two pieces. */
function readerOf(pieces: string, opened: Partial<Opened<string>> = {}, read = signed) {
  return new PieceReader<string>({
    open: async () => ({ pieces: pieces.split(''), faults: [], ...opened }),
    read,
    nameOf: (name) => name,
    batches: [2, 2],
  });
}

async function signed(source: string): Promise<PieceRead<string>> {
  return { batch: { ...NO_EVIDENCE, signatures: [candidate(source)] } };
}

test('what was read is not kept by its reader', async () => {
  const reader = readerOf('a');
  const read = async () => {
    const [first] = (await reader.next(freshScope()))?.signatures ?? [];
    assert.ok(first);
    return new WeakRef(first);
  };
  const found = await read();
  await turn();
  collectGarbage();
  assert.equal(found.deref(), undefined);
  assert.equal(reader.heldCharacters(), 0);
});

describe('a reader is over', () => {
  test('with its last piece, and with a place that holds none', async () => {
    const reader = readerOf('abc');
    assert.equal(reader.isOver, false);
    await reader.next(freshScope());
    assert.equal(reader.isOver, false);
    await reader.next(freshScope());
    assert.equal(reader.isOver, true);
    assert.equal(await reader.next(freshScope()), undefined);
    assert.equal(reader.isOver, true);

    const empty = readerOf('');
    await empty.next(freshScope());
    assert.equal(empty.isOver, true);
  });

  test('not while a piece is to be read later, or again', async () => {
    const later = readerOf('a', {}, async (name) => ({ ...(await signed(name)), ...(name === 'a' && { later: 'z' }) }));
    await later.next(freshScope());
    assert.equal(later.isOver, false);
    await later.next(freshScope());
    assert.equal(later.isOver, true);

    let fails = true;
    const missed = readerOf('ab', {}, async (name) => {
      if (fails && name === 'b') throw unavailable;
      return signed(name);
    });
    await missed.next(freshScope());
    assert.equal(missed.isOver, false);
    fails = false;
    assert.equal((await missed.next(freshScope()))?.signatures[0]?.source, 'b');
    assert.equal(missed.isOver, true);
  });

  test('not where more could not be listed, or it is opened once more', async () => {
    const unlisted = readerOf('a', { failure: unavailable });
    await unlisted.next(freshScope());
    assert.equal(unlisted.isOver, false);
    await assert.rejects(unlisted.next(freshScope()), unavailable);
    assert.equal(unlisted.isOver, false);

    const reader = readerOf('a');
    await reader.next(freshScope());
    reader.reopen();
    assert.equal(reader.isOver, false);
  });

  test('not while a call that its decision gave up on holds the last pieces', async () => {
    const gate = Promise.withResolvers<void>();
    const reader = readerOf('abc', {}, async (name) => {
      if (name === 'c') await gate.promise;
      return signed(name);
    });
    await reader.next(freshScope());
    const decision = new AbortController();
    const given = reader.next({ ...freshScope(), signal: decision.signal });
    await turn();
    assert.equal(reader.isOver, false);
    decision.abort();
    gate.resolve();
    await assert.rejects(given, { code: 'DeadlineExceeded' });
    assert.equal(reader.isOver, false);
    assert.equal((await reader.next(freshScope()))?.signatures[0]?.source, 'c');
    assert.equal(reader.isOver, true);
  });

  test('not while the API for referrers was only thought to be missing', async () => {
    const registry = createLayoutRegistry();
    let isAbsent = true;
    const reader = createReferrerReader({
      ...inputFor('demo/bundle:1.0', registry),
      registry: {
        ...registry,
        listReferrers: async () => ({ descriptors: [], truncated: false, ...(isAbsent && { apiAssumedAbsent: true }) }),
      },
    });
    await reader.next(freshScope());
    assert.equal(reader.isOver, false);
    isAbsent = false;
    await reader.nextOfApi(freshScope());
    assert.equal(reader.isOver, true);
  });
});
