// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { selectReferrers } from '../../../../core/cosign/referrer-selection.ts';
import { digestOf } from '../../../../core/image/digest.ts';
import type { Descriptor } from '../../../../core/registry/types.ts';

const SIGNATURE = 'https://sigstore.dev/cosign/sign/v1';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const descriptor = (name: string, fields: Partial<Descriptor> = {}): Descriptor => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: digestOf(Buffer.from(name)),
  size: 1000,
  ...fields,
});
const says = (predicateType: string, created = '') => ({
  'dev.sigstore.bundle.predicateType': predicateType,
  'org.opencontainers.image.created': created,
});
const selected = (descriptors: readonly Descriptor[], ...wanted: readonly string[]) =>
  selectReferrers(descriptors, wanted.length > 0 ? wanted : [SIGNATURE]).map((found) => descriptors.indexOf(found));

describe('selectReferrers', () => {
  test('keeps whatever may be a signature and leaves out what says that it is something else', () => {
    const descriptors = [
      descriptor('bundle', { artifactType: BUNDLE }),
      descriptor('old bundle', { artifactType: 'application/vnd.oci.empty.v1+json' }),
      descriptor('says nothing'),
      descriptor('simple', { artifactType: 'application/vnd.dev.cosign.artifact.sig.v1+json' }),
      descriptor('annotated', { artifactType: 'x/y', annotations: { 'dev.sigstore.bundle.content': 'dsse-envelope' } }),
      descriptor('SBOM', { artifactType: 'application/spdx+json' }),
    ];
    assert.deepEqual(selected(descriptors), [0, 1, 2, 3, 4]);
  });

  test('puts the wanted predicate type first, then what does not say, then the others', () => {
    const descriptors = [
      descriptor('a', { artifactType: BUNDLE, annotations: says('https://slsa.dev/provenance/v1') }),
      descriptor('b', { artifactType: BUNDLE }),
      descriptor('c', { artifactType: BUNDLE, annotations: says(SIGNATURE) }),
    ];
    assert.deepEqual(selected(descriptors), [2, 1, 0]);
    assert.deepEqual(selected(descriptors, 'https://slsa.dev/provenance/v1'), [0, 1, 2]);
    assert.deepEqual(selected(descriptors, 'https://slsa.dev/provenance/v1', SIGNATURE), [0, 2, 1]);
    assert.deepEqual(selected(descriptors, SIGNATURE, 'https://slsa.dev/provenance/v1'), [2, 0, 1]);
  });

  test('puts the newest first among equals, and an unreadable time last', () => {
    const times = ['2026-01-01T00:00:00Z', 'yesterday', '2026-02-01T00:00:00Z', ''];
    const descriptors = times.map((time) =>
      descriptor(time, { artifactType: BUNDLE, annotations: says(SIGNATURE, time) }),
    );
    assert.deepEqual(selected(descriptors), [2, 0, 1, 3]);
  });

  test('reads a referrer once that is listed twice', () => {
    const twice = descriptor('a', { artifactType: BUNDLE });
    assert.equal(selectReferrers([twice, twice], [SIGNATURE]).length, 1);
  });
});

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
      assert.deepEqual(selectReferrers([other, old], ['wanted']), [old, other]);
    }
    const older = referrer('older', dated('1969-01-01T00:00:00Z'));
    assert.deepEqual(selectReferrers([older, referrer('none')], ['wanted']), [referrer('none'), older]);
  });

  test('puts the wanted predicate before those that say nothing, and others last', () => {
    const [wanted, silent, other] = [referrer('a', said('wanted')), referrer('b'), referrer('c', said('other'))];
    assert.deepEqual(selectReferrers([other, silent, wanted], ['wanted']), [wanted, silent, other]);
  });
});
