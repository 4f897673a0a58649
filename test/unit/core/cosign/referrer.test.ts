// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openReferrer, readReferrer } from '../../../../core/cosign/referrer.ts';
import type { EvidenceBatch } from '../../../../core/signatures/types.ts';
import { digestOf } from '../../../../core/image/digest.ts';
import type { Descriptor, RegistryClient } from '../../../../core/registry/types.ts';
import { createLayoutRegistry } from '../../../vectors/cosign/layout-registry.ts';
import { inputFor } from '../../../vectors/cosign/read-evidence.ts';

const layout = createLayoutRegistry();
const image = layout.digest('demo/signed:1.0');
const DESCRIPTOR: Descriptor = { mediaType: 'x', digest: digestOf(Buffer.from('x')), size: 1 };
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const bundleLayer = { mediaType: BUNDLE, digest: DESCRIPTOR.digest, size: 1 };

async function read(manifest: object | undefined): Promise<EvidenceBatch | undefined> {
  const bytes = Buffer.from(JSON.stringify(manifest ?? null));
  const registry: RegistryClient = {
    ...layout,
    getManifest: async () => (manifest ? { digest: digestOf(bytes), mediaType: '', bytes } : undefined),
    getBlob: async () => undefined,
  };
  const input = inputFor('demo/signed:1.0', layout, { registry });
  const opened = await openReferrer(input, DESCRIPTOR);
  return opened && readReferrer(input, opened);
}

const malformed = (message: RegExp) => ({ code: 'MalformedSignature', message });

describe('a referrer', () => {
  test('that the registry lists and does not have is malformed', async () => {
    await assert.rejects(read(undefined), malformed(/does not have it/));
  });

  test('about another image is malformed', async () => {
    await assert.rejects(read({ layers: [bundleLayer] }), malformed(/another image/));
    const subject = { digest: DESCRIPTOR.digest };
    await assert.rejects(read({ layers: [bundleLayer], subject }), malformed(/another image/));
  });

  test('with a layer beside its bundle is malformed', async () => {
    const subject = { digest: image };
    await assert.rejects(read({ layers: [bundleLayer, bundleLayer], subject }), malformed(/more layers/));
  });

  test('whose bundle the registry does not have is malformed', async () => {
    const subject = { digest: image };
    await assert.rejects(read({ layers: [bundleLayer], subject }), malformed(/does not have the bundle/));
  });

  test('of another type is none of ours, whatever it is about', async () => {
    assert.equal(
      await read({ layers: [{ mediaType: 'application/spdx+json' }], subject: { digest: image } }),
      undefined,
    );
    assert.equal(await read({ layers: [{ mediaType: 1 }, 'x'] }), undefined);
  });

  test('that holds simple signatures gives them, or what is wrong with them', async () => {
    const artifactType = 'application/vnd.dev.cosign.artifact.sig.v1+json';
    const batch = await read({ artifactType, layers: ['bad'], subject: { digest: image } });
    assert.deepEqual(batch?.faults, [{ source: `${DESCRIPTOR.digest}#0`, message: 'the layer is not an object' }]);
  });
});
