// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { verifyWithKey } from '../../../../core/keys/algorithms.ts';
import { attestationTag } from '../../../../core/cosign/attestation-tag.ts';
import { signatureTag } from '../../../../core/cosign/simple-signing.ts';
import type { EvidenceBatch, SignatureCandidate } from '../../../../core/signatures/types.ts';
import { digestOf } from '../../../../core/image/digest.ts';
import type { Digest } from '../../../../core/image/digest.ts';
import type { RegistryClient } from '../../../../core/registry/types.ts';
import { createLayoutRegistry } from '../../../vectors/cosign/layout-registry.ts';
import type { LayoutRegistry } from '../../../vectors/cosign/layout-registry.ts';
import { inputFor, publicKey, readEverything } from '../../../vectors/cosign/read-evidence.ts';

/** What a batch proves about its image: the signed bytes, claims and kind of all that verifies by `key`. */
function proven({ signatures, attestations }: EvidenceBatch, key = 'release'): readonly string[] {
  const verifies = (candidate: SignatureCandidate) =>
    verifyWithKey(publicKey(key), candidate.signedBytes, candidate.signature);
  return [
    ...signatures.filter(verifies).map((found) => proof('signature', found)),
    ...attestations.filter(verifies).map((found) => proof(`attestation ${found.predicateType}`, found)),
  ];
}

function proof(kind: string, { signedBytes, annotations }: SignatureCandidate): string {
  return `${kind} ${digestOf(signedBytes)} ${JSON.stringify(annotations)}`;
}

async function evidenceAbout(name: string, registry: LayoutRegistry = createLayoutRegistry()) {
  return readEverything(inputFor(name, registry));
}

describe('one changed byte', () => {
  const images = [
    'keys/p256:sig',
    'keys/p256:bundle',
    'keys/ed25519:sig',
    'keys/rsa2048:bundle',
    'demo/annotated:simple-signing',
    'demo/annotated:bundle',
    'demo/attested:simple-signing',
  ] as const;
  for (const name of images) {
    test(`in any file of ${name} proves nothing more than the whole files did`, async () => {
      const key = name.startsWith('keys/') ? name.replace(/keys\/(.*):.*/, '$1') : 'release';
      const honest = new Set(proven(await evidenceAbout(name), key));
      assert.ok(honest.size > 0);
      let spoiled = 0;
      let changes = 0;
      for (const [file, length] of await filesOf(name)) {
        for (let at = 0; at < length; at += 1) {
          const flip = 1 << (at % 8);
          // Digests no longer agree, and this registry client does not mind: worse than any real one.
          const registry = createLayoutRegistry((served, bytes) =>
            served === file ? changed(bytes, at, flip) : bytes,
          );
          const after = proven(await evidenceAbout(name, registry), key);
          for (const found of after) assert.ok(honest.has(found), `${file}, byte ${at}: ${found}`);
          changes += 1;
          spoiled += after.length < honest.size ? 1 : 0;
        }
      }
      // Most bytes matter; those that do not are names, sizes of configs and hints.
      assert.ok(spoiled > changes / 4, `${spoiled} of ${changes}`);
    });
  }
});

describe('evidence of another image', () => {
  test('.sig: the whole manifest of another image proves nothing', async () => {
    const registry = createLayoutRegistry();
    const theirs = signatureTag(registry.digest('demo/signed:2.0'));
    const evidence = await evidenceAbout(
      'demo/signed:1.0',
      redirected(registry, (reference) => (reference.endsWith('.sig') ? theirs : reference)),
    );
    assert.deepEqual(proven(evidence), []);
    assert.deepEqual(
      evidence.faults.map(({ message }) => message),
      ['the payload names another image'],
    );
  });

  for (const part of ['signature', 'payload'] as const) {
    test(`.sig: only the ${part} of another image proves nothing`, async () => {
      const registry = createLayoutRegistry();
      const [ours, theirs] = await Promise.all([
        layerOf('demo/signed:1.0', registry),
        layerOf('demo/signed:2.0', registry),
      ]);
      const mixed =
        part === 'signature'
          ? { ...ours, annotations: theirs.annotations }
          : { ...ours, digest: theirs.digest, size: theirs.size };
      const hostile = createLayoutRegistry((name, bytes) =>
        name.endsWith('.sig') ? Buffer.from(JSON.stringify({ layers: [mixed] })) : bytes,
      );
      assert.deepEqual(proven(await evidenceAbout('demo/signed:1.0', hostile)), []);
    });
  }

  for (const part of ['dsseEnvelope', 'payload', 'signatures', 'verificationMaterial'] as const) {
    test(`bundle: only the ${part} of another image proves nothing that was not signed`, async () => {
      const [ours, theirs] = await Promise.all([bundleOf('demo/bundle:1.0'), bundleOf('demo/bundle:2.0')]);
      const mixed =
        part === 'dsseEnvelope' || part === 'verificationMaterial'
          ? { ...ours, [part]: theirs[part] }
          : { ...ours, dsseEnvelope: { ...ours.dsseEnvelope, [part]: theirs.dsseEnvelope[part] } };
      const evidence = await evidenceAbout('demo/bundle:1.0', servingBundle(mixed));
      // The material is one key's hint, the same for both; it decides nothing.
      assert.equal(proven(evidence).length, part === 'verificationMaterial' ? 1 : 0);
    });
  }

  test('bundle: another image’s referrer, listed for this one, proves nothing', async () => {
    const registry = createLayoutRegistry();
    const listed = await registry.listReferrers(
      { registry: '', path: 'demo/bundle' },
      registry.digest('demo/bundle:2.0'),
      inputFor('demo/bundle:1.0', registry).scope,
    );
    const evidence = await evidenceAbout('demo/bundle:1.0', { ...registry, listReferrers: async () => listed });
    assert.deepEqual([proven(evidence), evidence.faults.length], [[], 1]);
  });

  test('bundle: nor where the manifest’s subject is rewritten to this image', async () => {
    const registry = createLayoutRegistry();
    const [ours, theirs] = ['demo/bundle:1.0', 'demo/bundle:2.0'].map((name) => registry.digest(name));
    const rewritten = createLayoutRegistry((_name, bytes) =>
      Buffer.from(
        Buffer.from(bytes)
          .toString()
          .replaceAll(theirs ?? '', ours ?? ''),
      ),
    );
    const listed = await registry.listReferrers(
      { registry: '', path: 'demo/bundle' },
      registry.digest('demo/bundle:2.0'),
      inputFor('demo/bundle:1.0', registry).scope,
    );
    const evidence = await evidenceAbout('demo/bundle:1.0', { ...rewritten, listReferrers: async () => listed });
    assert.deepEqual(
      [proven(evidence), evidence.faults.map(({ message }) => message)],
      [[], ['the statement names another image']],
    );
  });

  test('an attestation’s envelope in a .sig layer, and a signature’s bundle as attestation, prove nothing', async () => {
    const registry = createLayoutRegistry();
    const tag = attestationTag(registry.digest('demo/attested:simple-signing'));
    const swapped = redirected(registry, (reference) => (reference.endsWith('.sig') ? tag : reference));
    const evidence = await evidenceAbout('demo/attested:simple-signing', swapped);
    assert.deepEqual(evidence.signatures, []);
    assert.equal(proven(evidence).length, 1); // the attestation itself, as such
  });
});

describe('unrelated evidence', () => {
  for (const name of ['demo/foreign-bundle:1.0', 'demo/foreign-signature:1.0', 'demo/both-formats:1.0']) {
    test(`does not hide the good signature of ${name}`, async () => {
      const evidence = await evidenceAbout(name);
      assert.ok(proven(evidence).some((found) => found.startsWith('signature ')));
      assert.deepEqual(evidence.faults, []);
    });
  }

  test('by another key proves nothing by this one', async () => {
    for (const name of ['demo/other-key:simple-signing', 'demo/other-key:bundle']) {
      const evidence = await evidenceAbout(name);
      assert.deepEqual([proven(evidence), proven(evidence, 'other').length], [[], 1]);
    }
  });
});

interface Layer {
  readonly digest: Digest;
  readonly size: number;
  readonly annotations: object;
}

interface Bundle {
  readonly verificationMaterial: object;
  readonly dsseEnvelope: { readonly payload: string; readonly signatures: object };
}

/** The files that an image's evidence consists of, as the registry names them, with their sizes. */
async function filesOf(name: string): Promise<ReadonlyMap<string, number>> {
  const files = new Map<string, number>();
  await evidenceAbout(
    name,
    createLayoutRegistry((served, bytes) => {
      // A fallback tag is the registry client's to read.
      if (!/:sha256-[0-9a-f]+$/.test(served)) files.set(served, bytes.length);
      return bytes;
    }),
  );
  return files;
}

function changed(bytes: Uint8Array, at: number, flip: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ flip;
  return copy;
}

function redirected(registry: LayoutRegistry, rename: (reference: string) => string): LayoutRegistry {
  const getManifest: RegistryClient['getManifest'] = (repository, reference, ...rest) =>
    registry.getManifest(repository, rename(reference), ...rest);
  return { ...registry, getManifest };
}

async function layerOf(name: string, registry: LayoutRegistry): Promise<Layer> {
  const { repository, scope } = inputFor(name, registry);
  const found = await registry.getManifest(repository, signatureTag(registry.digest(name)), 1 << 20, scope);
  const { layers }: { layers: readonly [Layer] } = JSON.parse(Buffer.from(found?.bytes ?? '').toString());
  return layers[0];
}

async function bundleOf(name: string): Promise<Bundle> {
  const read: string[] = [];
  const registry = createLayoutRegistry((_name, bytes) => {
    read.push(Buffer.from(bytes).toString());
    return bytes;
  });
  await evidenceAbout(name, registry);
  return JSON.parse(read.find((text) => text.includes('"dsseEnvelope"')) ?? '');
}

/** Replaces every bundle that is served. */
function servingBundle(bundle: object): LayoutRegistry {
  return createLayoutRegistry((_name, bytes) =>
    Buffer.from(bytes).includes('"dsseEnvelope"') ? Buffer.from(JSON.stringify(bundle)) : bytes,
  );
}
