// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { readInputs, SEEDS } from './engine/corpus.ts';
import { mutateDer } from './engine/der.ts';
import { fuzz } from './engine/fuzzer.ts';
import { instrument } from './engine/instrument.ts';
import { checkInput } from './engine/invariants.ts';
import { Random } from './engine/random.ts';
import { mutateJson } from './engine/structured.ts';
import type { Target } from './engine/target.ts';

/** One of each construct that gets a probe, with and without braces. */
const PROGRAM = `
function classify(n) {
  if (n < 0) if (n < -5) return 'low'; else return 'negative';
  else if (n === 0) return 'zero';
  let text = n > 5 ? (n > 8 ? 'huge' : 'big') : 'small';
  for (let i = 0; i < n; i++) text += i % 2 ? '.' : ',';
  while (text.length > 9) text = text.slice(1);
  switch (n) { case 1: case 2: text += '!'; break; default: text += '?' }
  try { if (n === 3) throw new Error('three') } catch (error) { text = error.message }
  const wrap = (value) => ({ value, twice: n && n * 2, or: n > 7 || null, given: value.absent ?? 'none' });
  return JSON.stringify(wrap(text));
}
[-9, -1, 0, 1, 2, 3, 6, 9].map(classify).join(' ')`;

describe('probes', () => {
  test('do not change what a program does, and count what it passes', () => {
    let used = 0;
    const literals = new Set<string>();
    const instrumented = instrument(PROGRAM, { next: () => used++, literals });
    const cosignetProbes = new Uint32Array(100);
    assert.equal(runInNewContext(instrumented, { cosignetProbes }), runInNewContext(PROGRAM));
    assert.ok(used > 20);
    assert.ok(cosignetProbes.subarray(0, used).every((times) => times > 0 && times < 1000));
    assert.ok(literals.has('negative'));
  });
});

describe('mutators', () => {
  const mutation = { random: new Random(7), dictionary: ['word'], other: Buffer.from('{"b":[1]}') };

  test('of JSON make JSON, nearly always another', () => {
    const input = Buffer.from('{"a":{"b":["x",1,null],"c":"eyJkIjoxMjM0NTY3fQ=="}}');
    const made = new Set<string>();
    for (let count = 0; count < 500; count++) {
      const text = String(mutateJson(input, mutation));
      JSON.parse(text);
      made.add(text);
    }
    assert.ok(made.size > 200, String(made.size));
    assert.equal(mutateJson(Buffer.from('{'), mutation), undefined);
  });

  test('of DER keep lengths right, so that many certificates are still read', () => {
    const [seed] = readInputs(SEEDS, 'certificate');
    assert.ok(seed);
    let read = 0;
    for (let count = 0; count < 300; count++) read += isCertificate(mutateDer(seed.input, mutation)) ? 1 : 0;
    assert.ok(read > 30, String(read));
  });

  test('follow from the seed', () => {
    assert.deepEqual(sequence(1), sequence(1));
    assert.notDeepEqual(sequence(1), sequence(2));
  });
});

/** The first numbers that follow from a seed. */
function sequence(seed: number): readonly number[] {
  const random = new Random(seed);
  return Array.from({ length: 9 }, () => random.below(9));
}

function isCertificate(der: Buffer | undefined): boolean {
  try {
    return new X509Certificate(der ?? '').raw.length > 0;
  } catch {
    return false;
  }
}

function planted(check: Target['check']): Target {
  return {
    name: 'planted',
    maximumBytes: 1000,
    maximumMilliseconds: 50,
    mutators: [mutateJson],
    dictionary: ['admin', '{"admin":'],
    check,
  };
}

describe('the fuzzer', () => {
  const options = {
    probes: { hits: new Uint32Array(1), count: () => 0, literals: new Set<string>() },
    seed: 1,
    milliseconds: 5000,
    announce: () => {},
  };

  test('finds a planted fault, and shortens what shows it', async () => {
    const target = planted((input) => {
      if (input.includes('admin') && input.length > 20) throw new Error('found');
    });
    const { crashes } = await fuzz({ ...options, target, milliseconds: 1000 });
    assert.equal(crashes.length, 1);
    assert.equal(crashes[0]?.error.message, 'found');
    assert.equal(crashes[0]?.input.length, 21);
  });

  test('holds every target to its time and to clean prototypes', async () => {
    const slow = planted(() => {
      // By processor time, as it is measured: on a busy machine this process may not have had half of what passed.
      for (const start = process.cpuUsage(); process.cpuUsage(start).user < 80_000;);
    });
    await assert.rejects(checkInput(slow, Buffer.alloc(0)), /takes \d+ ms, more than 50 ms/);
    const polluting = planted(() => void Object.assign(Object.prototype, { polluted: 1 }));
    try {
      await assert.rejects(checkInput(polluting, Buffer.alloc(0)), /a prototype was written to/);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'polluted');
    }
  });
});
