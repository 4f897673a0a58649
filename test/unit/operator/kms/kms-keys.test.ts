// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseKmsReference, type KmsReference } from '../../../../core/kms/reference.ts';
import type { ReadKms } from '../../../../core/kms/types.ts';
import { silentLogger } from '../../../../core/observe.ts';
import { createKmsKeys, type KmsKeys } from '../../../../operator/kms/kms-keys.ts';
import { eventually } from '../eventually.ts';

const RELEASE = parseKmsReference('hashivault://release');

function until(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('it was stopped'))));
}

describe('keys of a KMS that are followed', () => {
  let read: ReadKms;
  let reads: string[];
  let results: boolean[];
  let changes: string[];
  let named: readonly KmsReference[];
  let settings: { refreshSeconds: number; maxAgeSeconds: number };
  let keys: KmsKeys;

  beforeEach(() => {
    [reads, results, changes, named] = [[], [], [], [RELEASE]];
    settings = { refreshSeconds: 0.02, maxAgeSeconds: 3600 };
    read = async () => ['one'];
    keys = createKmsKeys({
      read: (reference, signal) => {
        reads.push(reference.text);
        return read(reference, signal);
      },
      settings: () => settings,
      named: () => named,
      onChange: ({ text }) => changes.push(text),
      onRead: (_, succeeded) => results.push(succeeded),
      log: silentLogger,
      monotonic: () => performance.now(),
      random: () => 0,
      backoff: { first: 20, most: 20 },
      lookEvery: 20,
    });
  });
  afterEach(() => keys.stop());

  test('are unavailable, and pending, until they were read', async () => {
    const reading = Promise.withResolvers<readonly string[]>();
    read = () => reading.promise;
    assert.deepEqual(keys.lookup(RELEASE), { unavailable: 'it was not read yet' });
    assert.ok(keys.isPending(RELEASE));
    assert.ok(!keys.isSettled());
    reading.resolve(['one']);
    await eventually(() => changes.length === 1);
    assert.deepEqual(keys.lookup(RELEASE), { pems: ['one'] });
    assert.ok(!keys.isPending(RELEASE));
    assert.ok(keys.isSettled());
  });

  test('say why where they could not be read, and come when they can', async () => {
    read = () => Promise.reject(new Error('Vault is sealed'));
    keys.lookup(RELEASE);
    await eventually(() => changes.length === 1);
    assert.deepEqual(keys.lookup(RELEASE), { unavailable: 'Vault is sealed' });
    assert.deepEqual(new Set(results), new Set([false]));
    read = async () => ['one'];
    await eventually(() => keys.lookup(RELEASE).pems?.[0] === 'one');
    assert.equal(results.at(-1), true);
  });

  test('are read again, and told only where they changed', async () => {
    keys.lookup(RELEASE);
    await eventually(() => reads.length > 3);
    assert.equal(changes.length, 1);
    read = async () => ['two', 'one'];
    await eventually(() => keys.lookup(RELEASE).pems?.length === 2);
    assert.equal(changes.length, 2);
  });

  test('count for a bounded time after they were last read', async () => {
    settings.maxAgeSeconds = 1;
    keys.lookup(RELEASE);
    await eventually(() => keys.lookup(RELEASE).pems !== undefined);
    const told = changes.length;
    read = () => Promise.reject(new Error('Vault is sealed'));
    const failed = reads.length + 2;
    await eventually(() => reads.length > failed);
    assert.deepEqual(keys.lookup(RELEASE), { pems: ['one'] }, 'an outage changes nothing at once');
    assert.equal(changes.length, told);
    await eventually(() => keys.lookup(RELEASE).pems === undefined, 10_000);
    assert.match(keys.lookup(RELEASE).unavailable ?? '', /^it was last read \d+ s ago; Vault is sealed$/);
    await eventually(() => changes.length === told + 1);
  });

  test('are read at once after the configuration changed', async () => {
    settings.refreshSeconds = 3600;
    keys.lookup(RELEASE);
    await eventually(() => keys.lookup(RELEASE).pems !== undefined);
    const before = reads.length;
    keys.reconfigured();
    await eventually(() => reads.length > before);
  });

  test('are asked for no more when no policy names them', async () => {
    keys.lookup(RELEASE);
    await eventually(() => !keys.isPending(RELEASE) && reads.length > 1);
    named = [];
    const other = parseKmsReference('hashivault://other');
    named = [other];
    keys.lookup(other);
    await eventually(() => reads.slice(-10).every((text) => text === other.text) && reads.length > 20);
  });

  test('are bounded in number, and four are asked for at once', async () => {
    read = (_, signal) => until(signal);
    named = Array.from({ length: 300 }, (_, index) => parseKmsReference(`hashivault://k${index}`));
    const entries = named.map((reference) => keys.lookup(reference));
    assert.equal(entries.filter(({ unavailable = '' }) => unavailable.includes('more than 256')).length, 300 - 256);
    await eventually(() => reads.length > 0);
    assert.equal(reads.length, 4);
  });
});
