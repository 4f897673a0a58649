// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ask, openFronts } from '../../field/bench.ts';
import type { Front } from '../../field/front.ts';
import { ROWS } from '../../field/rows.ts';
import type { Row } from '../../field/row.ts';
import { Workshop } from '../../vectors/cosign/workshop.ts';
import type { RegistryKind } from '../../vectors/cosign/workshop.ts';

const wanted = ROWS.filter(({ input }) => input.includes(process.env['FIELD'] ?? ''));

describe('what other tools write and registries answer, asked of the real cosign and of Cosignet', () => {
  let workshop: Workshop;
  let fronts: Readonly<Record<RegistryKind, Front>>;

  before(async () => {
    workshop = await Workshop.open();
    fronts = await openFronts(workshop);
  });
  after(async () => {
    for (const front of Object.values(fronts)) await front.close();
    await workshop[Symbol.asyncDispose]();
  });

  for (const row of wanted) {
    test(`${row.input}: cosign ${row.cosign}, Cosignet says ${row.cosignet}`, async () => {
      const { cosign, cosignet, requests } = await ask(row, fronts[row.registry ?? 'distribution'], workshop);
      const seen = `${cosign.text}\n${cosignet.text}\n${requests.join('\n')}`;
      assert.equal(cosign.exitCode === 0 ? 'accepts' : 'refuses', row.cosign, seen);
      assert.equal(cosignet.code, row.cosignet, seen);
      assert.equal(cosignet.exitCode === 0, row.cosignet === 'Verified', seen);
      for (const part of row.says ?? []) assert.ok(cosignet.text.includes(part), `"${part}" is not in: ${seen}`);
    });
  }
});

function differs({ cosign, cosignet }: Row): boolean {
  return (cosign === 'accepts') !== (cosignet === 'Verified');
}

describe('the rows', () => {
  test('say why wherever Cosignet and cosign differ', () => {
    const silent = ROWS.filter((row) => differs(row) && row.why === undefined);
    assert.deepEqual(
      silent.map(({ input }) => input),
      [],
    );
  });

  test('each have an image repository of their own', () => {
    assert.equal(new Set(ROWS.map(({ input }) => input)).size, ROWS.length);
  });
});
