// SPDX-License-Identifier: Apache-2.0
// What surrounds a signature in the tag scheme: its material, its caps, and faults that are no failed reads.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { annotationMaterial, readSignatureLayers } from '../../../../core/cosign/simple-signing.ts';
import { digestOf } from '../../../../core/image/digest.ts';
import { DEFAULT_LIMITS } from '../../../../core/limits.ts';
import type { RegistryClient } from '../../../../core/registry/types.ts';
import { createLayoutRegistry } from '../../../vectors/cosign/layout-registry.ts';
import { inputFor } from '../../../vectors/cosign/read-evidence.ts';
import type { EvidenceBatch } from '../../../../core/cosign/types.ts';

const layout = createLayoutRegistry();
const image = layout.digest('demo/signed:1.0');
const payload = Buffer.from(
  JSON.stringify({
    critical: {
      identity: { 'docker-reference': 'elsewhere' },
      image: { 'docker-manifest-digest': image },
      type: 'cosign container image signature',
    },
    optional: null,
  }),
);

const layer = (change: object = {}): object => ({
  mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
  digest: digestOf(payload),
  size: payload.length,
  annotations: { 'dev.cosignproject.cosign/signature': 'AAAA' },
  ...change,
});

function readLayers(
  layers: readonly object[],
  getBlob: RegistryClient['getBlob'] = async () => payload,
): Promise<EvidenceBatch> {
  const limits = { ...DEFAULT_LIMITS, signatures: 3 };
  const input = inputFor('demo/signed:1.0', layout, { registry: { ...layout, getBlob }, limits });
  return readSignatureLayers(input, 'tag', layers);
}

describe('the layers of a signature manifest', () => {
  test('are read up to the cap without a fault, and one more is one', async () => {
    const three = await readLayers([layer(), layer(), layer()]);
    assert.deepEqual([three.signatures.length, three.faults.length], [3, 0]);
    const four = await readLayers([layer(), layer(), layer(), layer()]);
    assert.equal(four.signatures.length, 3);
    assert.deepEqual(
      four.faults.map(({ source, code }) => [source, code]),
      [['tag', 'ResponseTooLarge']],
    );
  });

  for (const [what, change] of [
    ['another media type', { mediaType: 'text/plain' }],
    ['no signature', { annotations: {} }],
    ['a signature that is no base64', { annotations: { 'dev.cosignproject.cosign/signature': '!' } }],
    ['a payload of another digest', { digest: digestOf(Buffer.from('other')) }],
  ] as const) {
    test(`with ${what} are a fault, and no failed read`, async () => {
      const { signatures, faults } = await readLayers([layer(change), layer()]);
      assert.deepEqual(
        signatures.map(({ source }) => source),
        ['tag#1'],
      );
      assert.deepEqual(
        faults.map((fault) => Object.keys(fault)),
        [['source', 'message']],
      );
    });
  }

  test('whose payload is not there are a fault, and no failed read', async () => {
    const { faults } = await readLayers([layer()], async () => undefined);
    assert.deepEqual(faults, [{ source: 'tag#0', message: 'the registry does not have the payload' }]);
  });

  test('carry what came with the signature', async () => {
    const annotations = {
      'dev.cosignproject.cosign/signature': 'AAAA',
      'dev.sigstore.cosign/certificate': 'the certificate',
    };
    const { signatures } = await readLayers([layer({ annotations })]);
    assert.deepEqual(
      signatures.map(({ material }) => material),
      [{ kind: 'annotations', certificate: 'the certificate' }],
    );
  });
});

test('the material of a layer has the names that cosign gives it', () => {
  const annotations = {
    'dev.sigstore.cosign/certificate': 'a',
    'dev.sigstore.cosign/chain': 'b',
    'dev.sigstore.cosign/bundle': 'c',
    'dev.sigstore.cosign/rfc3161timestamp': 'd',
    'dev.sigstore.cosign/other': 'e',
  };
  const expected = { kind: 'annotations', certificate: 'a', chain: 'b', rekorBundle: 'c', rfc3161Timestamp: 'd' };
  assert.deepEqual(annotationMaterial(annotations), expected);
  assert.deepEqual(annotationMaterial({}), { kind: 'annotations' });
});
