// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createReferrerReader } from '../../../../core/cosign/referrer-reader.ts';
import { EngineError } from '../../../../core/errors.ts';
import type { FailureCode } from '../../../../core/verdict-codes.ts';
import { digestOf } from '../../../../core/image/digest.ts';
import { DEFAULT_LIMITS } from '../../../../core/limits.ts';
import type { Descriptor, RegistryClient } from '../../../../core/registry/types.ts';
import {
  createLayoutRegistry,
  freshScope,
  repositoryOf,
  signingRegistry,
} from '../../../vectors/cosign/layout-registry.ts';
import type { LayoutRegistry } from '../../../vectors/cosign/layout-registry.ts';
import { inputFor, predicateOf, readReferrers, signersOf } from '../../../vectors/cosign/read-evidence.ts';

const operations = ({ requests }: LayoutRegistry) => requests.map((request) => request.split(' ')[0]);
const listed = (descriptors: readonly Descriptor[], truncated = false, faults: readonly string[] = []) => ({
  listReferrers: async () => ({ descriptors, truncated, faults }),
});
const missing = (count: number): readonly Descriptor[] =>
  Array.from({ length: count }, (_, index) => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digestOf(Buffer.from(`referrer ${index}`)),
    size: 1000,
  }));

/** A registry that fails some manifests until `heal` is called. */
function ailing(code: FailureCode, fails: (reference: string) => boolean) {
  const registry = createLayoutRegistry();
  let healed = false;
  const getManifest: RegistryClient['getManifest'] = (repository, reference, maximumBytes, scope) => {
    if (!healed && fails(reference)) throw new EngineError(code, 'not now');
    return registry.getManifest(repository, reference, maximumBytes, scope);
  };
  const heal = () => {
    healed = true;
  };
  return { registry: { ...registry, getManifest }, heal };
}

/** Manifests that say only when they are read what they are about; the signature comes last. */
function unlabelled(count: number, bundleSize = 1000) {
  const layout = createLayoutRegistry();
  const input = inputFor('demo/bundle:1.0', layout);
  const manifests = new Map(
    missing(count).map(({ digest }) => [
      digest as string,
      Buffer.from(
        JSON.stringify({
          layers: [{ mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', digest, size: bundleSize }],
          subject: { digest: input.image.digest },
          annotations: { 'dev.sigstore.bundle.predicateType': 'https://slsa.dev/provenance/v1' },
        }),
      ),
    ]),
  );
  let blobs = 0;
  const registry: RegistryClient = {
    ...layout,
    listReferrers: async (...asked) => {
      const { descriptors } = await layout.listReferrers(...asked);
      const bare = descriptors.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
      return { descriptors: [...missing(count), ...bare], truncated: false };
    },
    getManifest: async (...asked) => {
      const bytes = manifests.get(asked[1]);
      return bytes ? { digest: digestOf(bytes), mediaType: '', bytes } : layout.getManifest(...asked);
    },
    getBlob: async (...asked) => {
      blobs += 1;
      return layout.getBlob(...asked);
    },
  };
  return { input: { ...input, registry }, blobs: () => blobs };
}

describe('createReferrerReader', () => {
  for (const name of ['demo/bundle:1.0', 'demo/old-fallback:1.0', 'demo/referrers-api:1.0', 'demo/index:bundle']) {
    test(`finds the signature of ${name} with three requests`, async () => {
      const registry = createLayoutRegistry();
      const { signatures, attestations, faults } = await readReferrers(inputFor(name, registry));
      assert.deepEqual([signatures.map(signersOf), attestations, faults], [[['release']], [], []]);
      assert.deepEqual(operations(registry), ['referrers', 'manifest', 'blob']);
    });
  }

  test('finds nothing, for one request, where an image has no referrers', async () => {
    const registry = createLayoutRegistry();
    const nothing = { signatures: [], attestations: [], faults: [] };
    assert.deepEqual(await readReferrers(inputFor('demo/unsigned:1.0', registry)), nothing);
    assert.deepEqual(await readReferrers(inputFor('demo/index:arm64-bundle', registry)), nothing);
    assert.deepEqual(operations(registry), ['referrers', 'referrers']);
  });

  test('reads each signer’s bundle, and each bundle of one signer', async () => {
    const two = await readReferrers(inputFor('demo/two-signers:bundle', createLayoutRegistry()));
    const again = await readReferrers(inputFor('demo/signed-again:bundle', createLayoutRegistry()));
    assert.deepEqual(two.signatures.flatMap(signersOf).toSorted(), ['other', 'release']);
    assert.deepEqual(again.signatures.map(signersOf), [['release'], ['release']]);
  });

  test('gives the claims of cosign sign -a', async () => {
    const { signatures } = await readReferrers(inputFor('demo/annotated:bundle', createLayoutRegistry()));
    assert.deepEqual(signatures[0]?.annotations, { environment: 'production', note: '<a> & é' });
  });

  test('reads an attestation as an attestation and never as a signature', async () => {
    const { signatures, attestations } = await readReferrers(inputFor('demo/attested:bundle', createLayoutRegistry()));
    assert.deepEqual([signatures, attestations.map(signersOf)], [[], [['release']]]);
    assert.equal(attestations[0]?.predicateType, 'https://example.com/tests/v1');
    assert.deepEqual(attestations.map(predicateOf), [{ approved: true, tests: { failed: 0 } }]);
  });

  test('reads the wanted predicate type first and alone', async () => {
    for (const [wanted, signatures] of [
      ['https://example.com/tests/v1', 0],
      ['https://sigstore.dev/cosign/sign/v1', 1],
    ] as const) {
      const input = inputFor('demo/signed-and-attested:bundle', createLayoutRegistry());
      const reader = createReferrerReader(input);
      const first = await reader.next(freshScope(), [wanted]);
      const second = await reader.next(freshScope());
      assert.deepEqual([first?.signatures.length, first?.attestations.length], [signatures, 1 - signatures]);
      assert.deepEqual([second?.signatures.length, second?.attestations.length], [1 - signatures, signatures]);
      assert.equal(await reader.next(freshScope()), undefined);
    }
  });

  test('looks where signatures live, if elsewhere', async () => {
    const repository = repositoryOf('demo/signatures', signingRegistry);
    const registry = createLayoutRegistry();
    const { signatures } = await readReferrers(inputFor('demo/elsewhere:bundle', registry, { repository }));
    assert.deepEqual(signatures.map(signersOf), [['release']]);
  });

  test('counts referrers that are no bundles, without a fault', async () => {
    const sbom = Buffer.from('{"layers":[{"mediaType":"application/spdx+json"}]}');
    const registry = createLayoutRegistry((name, bytes) => (name.includes('@') ? sbom : bytes));
    const reader = createReferrerReader(inputFor('demo/bundle:1.0', registry));
    assert.deepEqual(await reader.next(freshScope()), { signatures: [], attestations: [], faults: [] });
    assert.equal(reader.ignored, 1);
  });

  for (const [what, change, message] of [
    ['has two layers', (manifest: Manifest) => ({ ...manifest, layers: [...manifest.layers, {}] }), /more layers/],
    [
      'is about another image',
      (manifest: Manifest) => ({ ...manifest, subject: { digest: missing(1)[0]?.digest } }),
      /another image/,
    ],
    ['is about nothing', (manifest: Manifest) => ({ ...manifest, subject: undefined }), /another image/],
    [
      'announces a huge bundle',
      (manifest: Manifest) => ({ ...manifest, layers: [{ ...manifest.layers[0], size: 1e9 }] }),
      /1000000000/,
    ],
  ] as const) {
    test(`records a referrer that ${what} as a fault`, async () => {
      const registry = createLayoutRegistry((name, bytes) => {
        if (!name.includes('@') || !Buffer.from(bytes).includes('"subject"')) return bytes;
        return Buffer.from(JSON.stringify(change(JSON.parse(Buffer.from(bytes).toString()))));
      });
      const { signatures, faults } = await readReferrers(inputFor('demo/bundle:1.0', registry));
      assert.deepEqual([signatures, faults.length], [[], 1]);
      assert.match(faults[0]?.message ?? '', message);
    });
  }

  test('finds a signature after a year of daily attestations without labels, and fetches none of them', async () => {
    const { input, blobs } = unlabelled(366);
    const reader = createReferrerReader(input);
    for (let batch = await reader.next(input.scope); batch; batch = await reader.next(input.scope)) {
      assert.deepEqual(batch.faults, []);
      if (batch.signatures.length === 0) continue;
      assert.deepEqual(batch.signatures.map(signersOf), [['release']]);
      assert.equal(blobs(), 1);
      return;
    }
    assert.fail('the signature was not found');
  });

  test('fetches no more than the allowed bytes of bundles, and names the field that raises it', async () => {
    const { input, blobs } = unlabelled(12, DEFAULT_LIMITS.bundleBytes);
    const { signatures, faults } = await readReferrers(input);
    assert.deepEqual(signatures.map(signersOf), [['release']]);
    const large = faults.filter(({ code }) => code === 'ResponseTooLarge');
    assert.ok(large.length >= 8);
    assert.ok(blobs() <= 3);
    assert.match(large[0]?.remedy ?? '', /limits\.evidenceBytes/);
  });

  test('names the limit that more referrers than are read exceed', async () => {
    const layout = createLayoutRegistry();
    const limits = { ...DEFAULT_LIMITS, referrers: 8 };
    const input = { ...inputFor('demo/bundle:1.0', { ...layout, ...listed(missing(20)) }), limits };
    const { faults } = await readReferrers(input);
    const fault = faults.find(({ message }) => message.includes('too many referrers'));
    assert.equal(fault?.code, 'ResponseTooLarge');
    assert.match(fault?.remedy ?? '', /limits\.referrers\b/);
  });

  test('reads what a fallback tag has before it says why the API could not be read, and asks again', async () => {
    const layout = createLayoutRegistry();
    const failure = new EngineError('RegistryUnauthorized', 'not for you');
    let fails = true;
    const listReferrers: RegistryClient['listReferrers'] = async (...asked) => ({
      ...(await layout.listReferrers(...asked)),
      ...(fails && { failure }),
    });
    const reader = createReferrerReader(inputFor('demo/bundle:1.0', { ...layout, listReferrers }));
    assert.equal((await reader.next(freshScope()))?.signatures.length, 1);
    await assert.rejects(reader.next(freshScope()), failure);
    await assert.rejects(reader.next(freshScope()), failure);
    fails = false;
    // What was read is not read twice.
    assert.equal(await reader.next(freshScope()), undefined);
  });

  test('asks the API once more where it was only thought to be missing', async () => {
    const layout = createLayoutRegistry();
    const asked: (boolean | undefined)[] = [];
    const listReferrers: RegistryClient['listReferrers'] = async (repository, digest, scope, anew) => {
      asked.push(anew);
      if (anew !== true) return { descriptors: [], truncated: false, apiAssumedAbsent: true };
      return layout.listReferrers(repository, digest, scope);
    };
    const reader = createReferrerReader(inputFor('demo/bundle:1.0', { ...layout, listReferrers }));
    assert.equal(await reader.next(freshScope()), undefined);
    assert.equal((await reader.nextOfApi(freshScope()))?.signatures.length, 1);
    assert.equal(await reader.nextOfApi(freshScope()), undefined);
    assert.deepEqual(asked, [false, true]);
  });

  test('does not ask the API once more where it was asked', async () => {
    const layout = createLayoutRegistry();
    const reader = createReferrerReader(inputFor('demo/unsigned:1.0', layout));
    assert.equal(await reader.next(freshScope()), undefined);
    assert.equal(await reader.nextOfApi(freshScope()), undefined);
    assert.deepEqual(operations(layout), ['referrers']);
  });

  test('reads 400 of 10,000 referrers, four at a time, and says so', async () => {
    let open = 0;
    let most = 0;
    let requests = 0;
    const getManifest = async () => {
      requests += 1;
      most = Math.max(most, (open += 1));
      await new Promise(setImmediate);
      open -= 1;
      return undefined;
    };
    const registry = { ...createLayoutRegistry(), ...listed(missing(10_000)), getManifest };
    const { faults } = await readReferrers(inputFor('demo/bundle:1.0', registry));
    assert.deepEqual([requests, most], [DEFAULT_LIMITS.referrers, 4]);
    assert.equal(faults.filter(({ code }) => code === 'ResponseTooLarge').length, 1);
    assert.equal(faults.length, DEFAULT_LIMITS.referrers + 1);
  });

  test('says so where the registry’s list was cut', async () => {
    const registry = { ...createLayoutRegistry(), ...listed([], true) };
    const { faults } = await readReferrers(inputFor('demo/bundle:1.0', registry));
    assert.deepEqual(
      faults.map(({ source, code }) => [source, code]),
      [['referrers', 'ResponseTooLarge']],
    );
  });

  test('passes on what the registry’s list had that could not be read', async () => {
    const registry = { ...createLayoutRegistry(), ...listed([], false, ['entry 0 has no digest']) };
    const { faults } = await readReferrers(inputFor('demo/bundle:1.0', registry));
    assert.deepEqual(faults, [{ source: 'referrers', message: 'entry 0 has no digest' }]);
  });

  test('reads the other bundle where the registry fails to give one, and that one later', async () => {
    let failing = '';
    const { registry, heal } = ailing('RegistryUnavailable', (reference) => reference === (failing ||= reference));
    const reader = createReferrerReader(inputFor('demo/two-signers:bundle', registry));
    assert.deepEqual(await reader.next(freshScope()), { signatures: [], attestations: [], faults: [] });
    const second = await reader.next(freshScope());
    assert.equal(second?.signatures.length, 1);
    await assert.rejects(reader.next(freshScope()), { code: 'RegistryUnavailable' });
    heal();
    const late = await reader.next(freshScope());
    assert.deepEqual([...(second?.signatures ?? []), ...(late?.signatures ?? [])].flatMap(signersOf).toSorted(), [
      'other',
      'release',
    ]);
    assert.equal(await reader.next(freshScope()), undefined);
  });

  test('asks no more of a registry that refuses, and loses nothing by it', async () => {
    const { registry, heal } = ailing('RegistryRateLimited', () => true);
    const reader = createReferrerReader(inputFor('demo/two-signers:bundle', registry));
    await assert.rejects(reader.next(freshScope()), { code: 'RegistryRateLimited' });
    heal();
    const batches = [await reader.next(freshScope()), await reader.next(freshScope())];
    assert.deepEqual(batches.flatMap((batch) => batch?.signatures.flatMap(signersOf) ?? []).toSorted(), [
      'other',
      'release',
    ]);
  });

  test('asks for the list again where it could not be had', async () => {
    const registry = createLayoutRegistry();
    let failures = 1;
    const listReferrers: RegistryClient['listReferrers'] = async (...asked) => {
      if (failures-- > 0) throw new EngineError('RegistryUnavailable', 'not now');
      return registry.listReferrers(...asked);
    };
    const reader = createReferrerReader(inputFor('demo/bundle:1.0', { ...registry, listReferrers }));
    await assert.rejects(reader.next(freshScope()), { code: 'RegistryUnavailable' });
    assert.equal((await reader.next(freshScope()))?.signatures.length, 1);
  });

  test('leaves to the next decision what was read when the deadline had passed', async () => {
    const registry = createLayoutRegistry();
    const reader = createReferrerReader(inputFor('demo/bundle:1.0', registry));
    const deadline = new AbortController();
    const late = reader.next({ ...freshScope(), signal: deadline.signal });
    const next = reader.next(freshScope());
    deadline.abort();
    await assert.rejects(late, { code: 'DeadlineExceeded' });
    assert.equal((await next)?.signatures.length, 1);
  });
});

interface Manifest {
  readonly layers: readonly object[];
  readonly subject: object;
}
