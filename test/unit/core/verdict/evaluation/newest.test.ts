// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newestOf, type TrustedAttestation } from '../../../../../core/verdict/evaluation/newest.ts';

const NOW = Date.parse('2026-06-08T00:00:00Z');

/** `statement` is what was signed: copies of one differ in what comes with it. */
function attestation(source: string, statement: string): TrustedAttestation {
  const signed = { signedBytes: Buffer.from(statement), signature: Buffer.alloc(0), annotations: {} };
  const said = { predicateType: 'x', predicate: {}, statement: {} };
  const signer = { kind: 'identity', name: 'ci', trustRoot: 'x', claims: [] } as const;
  const anything = { source: '', matches: () => true };
  const shown = { name: 'ci', fingerprint: '', format: 'bundle' } as const;
  return {
    candidate: { format: 'bundle', source, ...signed, ...said, material: { kind: 'bundle', bundle: {} } },
    proof: { signer: { ...signer, issuer: anything, subject: anything }, holder: '', fingerprint: '', shown },
  };
}

/** Minutes from now, by source; undefined: nothing proves it. */
async function newest(
  minutes: Readonly<Record<string, number | undefined>>,
  statements: Readonly<Record<string, string>> = {},
) {
  const all = Object.keys(minutes).map((source) => attestation(source, statements[source] ?? source));
  const { trusted, faults } = await newestOf(all, {
    now: NOW,
    timeOf: async ({ candidate: { source } }) => {
      const minute = minutes[source];
      return minute === undefined ? { ok: false, reason: 'nothing' } : { ok: true, value: NOW + minute * 60_000 };
    },
  });
  return faults.length > 0 ? faults : trusted.map(({ candidate }) => candidate.source);
}

describe('the newest', () => {
  test('is the one of the latest time, and all that are as new', async () => {
    assert.deepEqual(await newest({ a: -3, b: -1, c: -2 }), ['b']);
    assert.deepEqual(await newest({ a: -1, b: -2, c: -1 }), ['a', 'c']);
    assert.deepEqual(await newest({}), []);
  });

  test('can not be told where one has no time, or one of the future', async () => {
    assert.deepEqual(await newest({ a: -3, b: undefined }), ['b has no time: nothing']);
    assert.deepEqual(await newest({ a: -3, b: 5 }), ['b']);
    assert.deepEqual(await newest({ a: -3, b: 5.001 }), ['b is of 2026-06-08T00:05:00Z, more than 5 minutes ahead']);
  });

  test('is not an old one that somebody had stamped anew', async () => {
    assert.deepEqual(await newest({ old: -9, again: -1, newer: -5 }, { again: 'old' }), ['newer']);
  });

  test('is told as well where there is a copy without its time', async () => {
    assert.deepEqual(await newest({ a: -3, b: -1, bare: undefined }, { bare: 'a' }), ['b']);
    assert.deepEqual(await newest({ a: -1, b: -3, bare: undefined }, { bare: 'a' }), ['a', 'bare']);
  });
});
