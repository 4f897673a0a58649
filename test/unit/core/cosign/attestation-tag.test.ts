// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { attestationTag } from '../../../../core/cosign/attestation-tag.ts';
import { DEFAULT_LIMITS } from '../../../../core/limits.ts';
import { createLayoutRegistry } from '../../../vectors/cosign/layout-registry.ts';
import type { LayoutRegistry } from '../../../vectors/cosign/layout-registry.ts';
import { inputFor, predicateOf, readAttestationTag, signersOf } from '../../../vectors/cosign/read-evidence.ts';

const name = 'demo/attested:simple-signing';

/** Serves the vectors, but for each layer of the `.att` changed so. */
function spoiled(change: object): LayoutRegistry {
  return createLayoutRegistry((file, bytes) => {
    if (!file.endsWith('.att')) return bytes;
    const manifest: { readonly layers: readonly object[] } = JSON.parse(Buffer.from(bytes).toString());
    return Buffer.from(JSON.stringify({ layers: manifest.layers.map((layer) => Object.assign(layer, change)) }));
  });
}

describe('readAttestationTag', () => {
  test('reads what cosign attest wrote before version 3, for two requests', async () => {
    const registry = createLayoutRegistry();
    const { signatures, attestations, faults } = await readAttestationTag(inputFor(name, registry));
    assert.deepEqual([signatures, attestations.map(signersOf), faults], [[], [['release']], []]);
    assert.equal(attestations[0]?.source, `${attestationTag(registry.digest(name))}#0`);
    assert.equal(attestations[0]?.predicateType, 'https://example.com/tests/v1');
    assert.deepEqual(attestations.map(predicateOf), [{ approved: true, tests: { failed: 0 } }]);
    assert.ok(attestations[0]?.material.kind === 'annotations' && attestations[0].material.envelope !== undefined);
    assert.equal(registry.requests.length, 2);
  });

  test('finds nothing, and no fault, where there is no .att tag', async () => {
    const nothing = { signatures: [], attestations: [], faults: [] };
    assert.deepEqual(await readAttestationTag(inputFor('demo/signed:1.0', createLayoutRegistry())), nothing);
  });

  test('records an envelope about another image as a fault', async () => {
    const registry = createLayoutRegistry();
    const input = inputFor(name, registry);
    const image = { ...input.image, digest: registry.digest('demo/signed:1.0') };
    // The tag is a text of the registry's choice: serve the one image's envelopes under the other's name.
    const getManifest: typeof registry.getManifest = (repository, _reference, ...rest) =>
      registry.getManifest(repository, attestationTag(input.image.digest), ...rest);
    const { attestations, faults } = await readAttestationTag({
      ...input,
      image,
      registry: { ...registry, getManifest },
    });
    assert.deepEqual([attestations, faults.map(({ message }) => message)], [[], ['the statement names another image']]);
  });

  test('records a manifest that is none as a fault', async () => {
    const registry = createLayoutRegistry((file, bytes) => (file.endsWith('.att') ? Buffer.from('[') : bytes));
    const { attestations, faults } = await readAttestationTag(inputFor(name, registry));
    assert.deepEqual([attestations, faults.length], [[], 1]);
  });

  test('records a layer of another media type, and one whose envelope is not there, as faults', async () => {
    for (const [change, message] of [
      [
        { mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json' },
        'the layer is not of the media type application/vnd.dsse.envelope.v1+json',
      ],
      [{ digest: `sha256:${'0'.repeat(64)}` }, 'the registry does not have the envelope'],
    ] as const) {
      const { attestations, faults } = await readAttestationTag(inputFor(name, spoiled(change)));
      assert.deepEqual([attestations, faults.map((fault) => fault.message)], [[], [message]]);
    }
  });

  test('records a bad layer as a fault, and reads as many as allowed', async () => {
    const registry = createLayoutRegistry((file, bytes) => {
      if (!file.endsWith('.att')) return bytes;
      const manifest: { readonly layers: readonly object[] } = JSON.parse(Buffer.from(bytes).toString());
      return Buffer.from(JSON.stringify({ layers: [...manifest.layers, ...manifest.layers, null] }));
    });
    const limits = { ...DEFAULT_LIMITS, signatures: 2 };
    const { attestations, faults } = await readAttestationTag(inputFor(name, registry, { limits }));
    assert.equal(attestations.length, 1);
    assert.deepEqual(
      faults.map(({ message }) => message),
      ['it has 3 attestations: only the newest 2 were read', 'the layer is not an object'],
    );
  });
});
