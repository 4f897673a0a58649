// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReadBudgets, FREE_BYTES } from '../../../../core/registry/read-budget.ts';
import { createTestClient, insecure, scopeOf } from '../../../fakes/registry/registry-client.ts';
import { startFakeRegistry } from '../../../fakes/registry/registry.ts';

const KIB = 1024;
const spent = { code: 'DeadlineExceeded' };

test('one decision may read so much and not a byte more', () => {
  const budget = createReadBudgets()();
  budget.expect(FREE_BYTES);
  budget.spend(FREE_BYTES - 1);
  budget.spend(1);
  assert.equal(budget.isSpent, false);
  assert.throws(() => budget.spend(1), spent);
  assert.equal(budget.isSpent, true);
});

test('evidence that others have read is held within the same bound', () => {
  const budget = createReadBudgets()();
  budget.hold(6 * FREE_BYTES);
  assert.throws(() => budget.hold(6 * FREE_BYTES + 1), spent);
  assert.equal(budget.isSpent, true);
});

test("many decisions together may read so much, beyond what is each one's own, until they end", () => {
  const open = createReadBudgets(100 * KIB);
  const [first, second, third] = [open(), open(), open()];
  first.spend(100 * KIB);
  second.spend(16 * KIB);
  second.expect(16 * KIB);
  assert.throws(() => second.spend(17 * KIB), spent);
  third.spend(16 * KIB);
  first.release();
  third.spend(100 * KIB);
  third.release();
  open().spend(116 * KIB);
});

test('what comes in for a decision that is over is not read, and takes nothing from others', () => {
  const open = createReadBudgets(100 * KIB);
  for (let decision = 0; decision < 10; decision += 1) {
    const budget = open();
    budget.spend(50 * KIB);
    budget.release();
    for (const late of [() => budget.expect(1), () => budget.spend(60 * KIB), () => budget.hold(2 ** 30)])
      assert.throws(late, spent);
    budget.release();
  }
  open().spend(116 * KIB);
});

test('an answer of unknown size is read no further than the budget goes, and rests no mirror', async () => {
  const mirror = await startFakeRegistry();
  const origin = await startFakeRegistry({ content: mirror.content });
  const settings = [insecure(origin.host, mirror.host), insecure(mirror.host)];
  const { client } = createTestClient({ settings });
  try {
    const image = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json' };
    origin.content.putManifest('app', { ...image, annotations: { padding: 'x'.repeat(FREE_BYTES) } }, 'large');
    origin.content.putManifest('app', image, 'small');
    const repository = { registry: origin.host, path: 'app' };
    const budget = createReadBudgets()();
    const large = client.getManifest(repository, 'large', 1024 * KIB, { ...scopeOf(), budget });
    await assert.rejects(large, spent);
    assert.equal(budget.isSpent, true);
    assert.ok(
      await client.getManifest(repository, 'small', 1024 * KIB, { ...scopeOf(), budget: createReadBudgets()() }),
    );
    assert.deepEqual([mirror.requests.length, origin.requests.length], [2, 0]);
  } finally {
    await client.close();
    await Promise.all([mirror.close(), origin.close()]);
  }
});
