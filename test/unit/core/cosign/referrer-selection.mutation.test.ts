// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { selectReferrers } from '../../../../core/cosign/referrer-selection.ts';
import { digestOf } from '../../../../core/image/digest.ts';
import type { Descriptor } from '../../../../core/registry/types.ts';

type Annotations = Readonly<Record<string, string>>;

const referrer = (name: string, annotations: Annotations = {}): Descriptor => ({
  mediaType: 'x',
  artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  digest: digestOf(Buffer.from(name)),
  size: 1,
  annotations,
});
const dated = (created: string): Annotations => ({ 'org.opencontainers.image.created': created });
const said = (predicate: string): Annotations => ({ 'dev.sigstore.bundle.predicateType': predicate });

describe('selectReferrers', () => {
  test('takes what has no readable date as the oldest there is', () => {
    const old = referrer('old', dated('1970-01-01T00:00:00.001Z'));
    for (const other of [referrer('none'), referrer('bad', dated('yesterday'))]) {
      assert.deepEqual(selectReferrers([other, old], 'wanted'), [old, other]);
    }
    const older = referrer('older', dated('1969-01-01T00:00:00Z'));
    assert.deepEqual(selectReferrers([older, referrer('none')], 'wanted'), [referrer('none'), older]);
  });

  test('puts the wanted predicate before those that say nothing, and others last', () => {
    const [wanted, silent, other] = [referrer('a', said('wanted')), referrer('b'), referrer('c', said('other'))];
    assert.deepEqual(selectReferrers([other, silent, wanted], 'wanted'), [wanted, silent, other]);
  });
});
