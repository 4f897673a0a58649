// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createPayloadTemplates } from '../../../../core/cosign/payload-prediction.ts';
import {
  createSignatureTagReader,
  signatureTag,
  annotationMaterial,
  readSignatureLayers,
} from '../../../../core/cosign/simple-signing.ts';
import { EngineError } from '../../../../core/errors.ts';
import { digestOf } from '../../../../core/image/digest.ts';
import { DEFAULT_LIMITS } from '../../../../core/limits.ts';
import { createLayoutRegistry, repositoryOf, signingRegistry } from '../../../vectors/cosign/layout-registry.ts';
import { inputFor, readReferrers, readSimpleSigning, signersOf } from '../../../vectors/cosign/read-evidence.ts';
import type { RegistryClient } from '../../../../core/registry/types.ts';
import type { EvidenceBatch } from '../../../../core/signatures/types.ts';

interface Manifest {
  readonly layers: readonly Layer[];
}
interface Layer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
}
const SIGNATURE = 'dev.cosignproject.cosign/signature';

/** A registry whose `.sig` manifests have other layers. */
const withLayers = (change: (layers: readonly Layer[]) => readonly unknown[]) =>
  createLayoutRegistry((name, bytes) => {
    if (!name.endsWith('.sig')) return bytes;
    const manifest: Manifest = JSON.parse(Buffer.from(bytes).toString());
    return Buffer.from(JSON.stringify({ ...manifest, layers: change(manifest.layers) }));
  });

const manyLayers = (layer: object = {}) =>
  Array.from({ length: 10_000 }, (_, index) => ({ ...layer, digest: digestOf(Buffer.from(`${index}`)) }));

const withManifest = (text: string) =>
  createLayoutRegistry((name, bytes) => (name.endsWith('.sig') ? Buffer.from(text) : bytes));

const failingBlobs = (error: Error) => ({
  ...createLayoutRegistry(),
  getBlob: async () => {
    throw error;
  },
});

describe('readSimpleSigning', () => {
  test('sends one request where the payload can be predicted from the repository', async () => {
    const registry = createLayoutRegistry();
    const { signatures, faults } = await readSimpleSigning(inputFor('demo/signed:1.0', registry));
    assert.deepEqual(faults, []);
    assert.deepEqual(signatures.map(signersOf), [['release']]);
    assert.equal(signatures[0]?.format, 'simple-signing');
    assert.equal(signatures[0]?.source, `${signatureTag(registry.digest('demo/signed:1.0'))}#0`);
    assert.deepEqual(signatures[0]?.material, { kind: 'annotations' });
    assert.deepEqual(registry.requests, [`manifest demo/signed:${signatureTag(registry.digest('demo/signed:1.0'))}`]);
  });

  test('fetches the first payload of a mirror and predicts the next one', async () => {
    const registry = createLayoutRegistry();
    const templates = createPayloadTemplates();
    const repository = repositoryOf('demo/signed', 'mirror.example.com');
    for (const [name, requests] of [
      ['demo/signed:1.0', 2],
      ['demo/signed:2.0', 3],
    ] as const) {
      const image = { repository, digest: registry.digest(name) };
      const { signatures } = await readSimpleSigning(inputFor(name, registry, { image, repository, templates }));
      assert.deepEqual(signatures.map(signersOf), [['release']]);
      assert.equal(registry.requests.length, requests);
    }
  });

  test('predicts the payload by the name of either repository where signatures live elsewhere', async () => {
    const registry = createLayoutRegistry();
    const repository = repositoryOf('demo/signatures', signingRegistry);
    const { signatures } = await readSimpleSigning(inputFor('demo/elsewhere:simple-signing', registry, { repository }));
    assert.deepEqual(signatures.map(signersOf), [['release']]);
    assert.equal(registry.requests.length, 1);
  });

  test('gives the claims of cosign sign -a, also those that Go escapes', async () => {
    const { signatures } = await readSimpleSigning(inputFor('demo/annotated:simple-signing', createLayoutRegistry()));
    assert.deepEqual(signatures[0]?.annotations, { environment: 'production', note: '<a> & é' });
    assert.deepEqual(signatures.map(signersOf), [['release']]);
  });

  test('gives each signer of an image, for one request', async () => {
    const registry = createLayoutRegistry();
    const { signatures } = await readSimpleSigning(inputFor('demo/two-signers:simple-signing', registry));
    assert.deepEqual(signatures.map(signersOf), [['other'], ['release']]);
    assert.equal(registry.requests.length, 1);
  });

  test('fetches a payload once that several signatures are over', async () => {
    const registry = createLayoutRegistry();
    const repository = repositoryOf('demo/two-signers', 'mirror.example.com');
    const image = { repository, digest: registry.digest('demo/two-signers:simple-signing') };
    const input = inputFor('demo/two-signers:simple-signing', registry, { image, repository });
    assert.equal((await readSimpleSigning(input)).signatures.length, 2);
    assert.equal(registry.requests.length, 2);
  });

  test('reads the signature of an index, and none for its images', async () => {
    const registry = createLayoutRegistry();
    const index = await readSimpleSigning(inputFor('demo/index:simple-signing', registry));
    const child = await readSimpleSigning(inputFor('demo/index:amd64-simple-signing', registry));
    assert.deepEqual([index.signatures.map(signersOf), child.signatures], [[['release']], []]);
  });

  test('finds nothing, and no fault, where there is no .sig tag', async () => {
    const nothing = { signatures: [], attestations: [], faults: [] };
    assert.deepEqual(await readSimpleSigning(inputFor('demo/unsigned:1.0', createLayoutRegistry())), nothing);
  });

  const [unusable, message]: readonly [Record<string, (layer: Layer) => unknown>, Record<string, RegExp>] = [
    {
      'has no signature': (layer) => ({ ...layer, annotations: undefined }),
      'has a signature in lax base64': (layer) => ({ ...layer, annotations: { [SIGNATURE]: 'AQI' } }),
      'has no digest': (layer) => ({ ...layer, digest: 'sha256:abc' }),
      'has a negative size': (layer) => ({ ...layer, size: -1 }),
      'announces a huge payload': (layer) => ({ ...layer, size: 1e9 }),
      'has annotations that are no texts': (layer) => ({ ...layer, annotations: { [SIGNATURE]: 1 } }),
      'is null': () => null,
    },
    {
      'has no signature': /no annotation/,
      'has a signature in lax base64': /not valid base64/,
      'has no digest': /no sha256 digest/,
      'has a negative size': /no size/,
      'announces a huge payload': /1000000000 bytes/,
      'has annotations that are no texts': /no texts/,
      'is null': /not an object/,
    },
  ];
  for (const [what, change] of Object.entries(unusable)) {
    test(`records a layer that ${what} as a fault, and reads the other one`, async () => {
      const registry = withLayers(([first, ...rest]) => [first && change(first), ...rest]);
      const { signatures, faults } = await readSimpleSigning(inputFor('demo/two-signers:simple-signing', registry));
      assert.deepEqual(signatures.map(signersOf), [['other']]);
      assert.equal(faults.length, 1);
      assert.match(faults[0]?.source ?? '', /\.sig#0$/);
      assert.match(faults[0]?.message ?? '', message[what] ?? /^$/);
    });
  }

  test('reads a layer whatever media type it has, as cosign does', async () => {
    const registry = withLayers((layers) =>
      layers.map((layer) => ({ ...layer, mediaType: 'application/octet-stream' })),
    );
    const { signatures, faults } = await readSimpleSigning(inputFor('demo/signed:1.0', registry));
    assert.deepEqual([signatures.map(signersOf), faults], [[['release']], []]);
  });

  test('does not believe a size that is not the predicted payload’s', async () => {
    const registry = withLayers((layers) => layers.map((layer) => ({ ...layer, size: layer.size + 1 })));
    await readSimpleSigning(inputFor('demo/signed:1.0', registry));
    assert.equal(registry.requests.length, 2);
  });

  test('does not take a payload that is not the one the manifest names', async () => {
    const registry = {
      ...createLayoutRegistry(),
      getBlob: () => Promise.resolve(Buffer.from('{}')),
    };
    const { signatures, faults } = await readSimpleSigning(inputFor('demo/annotated:simple-signing', registry));
    assert.deepEqual([signatures, faults.map((fault) => fault.message)], [[], ['the payload was replaced']]);
  });

  test('reads the newest 64 of 10,000 layers, which come last, with few requests, and says so', async () => {
    const limits = { ...DEFAULT_LIMITS, manifestBytes: 1 << 24 };
    const registry = {
      ...withLayers((layers) => [...manyLayers(layers[0]), ...layers]),
      getBlob: () => Promise.resolve(undefined),
    };
    const { signatures, faults } = await readSimpleSigning(inputFor('demo/signed:1.0', registry, { limits }));
    assert.deepEqual(signatures.map(signersOf), [['release']]);
    assert.equal(faults.length, 64); // 63 payloads that are not there, and the cut
    assert.equal(faults[0]?.message, 'it has 10001 signatures: only the newest 64 were read');
    assert.equal(faults[0]?.code, 'ResponseTooLarge');
  });

  for (const [what, text] of [
    ['is no JSON', 'nonsense'],
    ['has no layers', '{}'],
    ['has layers that are no list', '{"layers":{}}'],
    ['has its layers twice', '{"layers":[],"layers":[]}'],
  ] as const) {
    test(`records a manifest that ${what} as a fault`, async () => {
      const { signatures, faults } = await readSimpleSigning(inputFor('demo/signed:1.0', withManifest(text)));
      assert.deepEqual([signatures, faults.length], [[], 1]);
    });
  }

  test('leaves a payload that could not be read to a later call, for it may be the missing proof', async () => {
    const good = createLayoutRegistry();
    let fails = true;
    const input = inputFor('demo/annotated:simple-signing', {
      ...good,
      getBlob: (...asked) => {
        if (fails) throw new EngineError('RegistryUnavailable', 'the registry answered 503');
        return good.getBlob(...asked);
      },
    });
    const reader = createSignatureTagReader(input);
    assert.deepEqual(await reader.next(input.scope), { signatures: [], attestations: [], faults: [] });
    await assert.rejects(reader.next(input.scope), { code: 'RegistryUnavailable' });
    fails = false;
    assert.deepEqual((await reader.next(input.scope))?.signatures.map(signersOf), [['release']]);
    assert.equal(await reader.next(input.scope), undefined);
  });

  test('lets our own mistakes through as they are', async () => {
    const registry = failingBlobs(new TypeError('a mistake'));
    await assert.rejects(readSimpleSigning(inputFor('demo/annotated:simple-signing', registry)), TypeError);
  });

  test('fails where the manifest could not be had', async () => {
    const error = new EngineError('RegistryUnavailable', 'the registry answered 503');
    const registry = { ...createLayoutRegistry(), getManifest: () => Promise.reject(error) };
    await assert.rejects(readSimpleSigning(inputFor('demo/signed:1.0', registry)), error);
  });

  test('reads simple signatures that are stored as referrers as well', async () => {
    const { signatures, faults } = await readReferrers(inputFor('demo/simple-referrer:1.0', createLayoutRegistry()));
    assert.deepEqual([signatures.map(signersOf), faults], [[['release']], []]);
    assert.equal(signatures[0]?.format, 'simple-signing');
  });
});

// What surrounds a signature in the tag scheme: its material, its caps, and faults that are no failed reads.

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
