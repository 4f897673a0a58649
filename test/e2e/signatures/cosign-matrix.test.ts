// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { verifyWithKey } from '../../../core/keys/algorithms.ts';
import { attestationTag } from '../../../core/cosign/attestation-tag.ts';
import { parsePublicKey } from '../../../core/keys/public-key.ts';
import { createEvidenceAllowance } from '../../../core/cosign/allowance.ts';
import { createPayloadTemplates } from '../../../core/cosign/payload-prediction.ts';
import { signatureTag } from '../../../core/cosign/simple-signing.ts';
import type { SimpleSigningInput } from '../../../core/cosign/simple-signing.ts';
import type { EvidenceBatch, SignatureCandidate } from '../../../core/signatures/types.ts';
import { isDigest } from '../../../core/image/digest.ts';
import { DEFAULT_LIMITS } from '../../../core/limits.ts';
import { createTestClient, insecure, scopeOf } from '../../fakes/registry/registry-client.ts';
import type { CountedScope, TestClient } from '../../fakes/registry/registry-client.ts';
import { readStored } from '../../../core/cosign/reading/read-stored.ts';
import {
  predicateOf,
  readAttestationTag,
  readReferrers,
  readSimpleSigning,
} from '../../vectors/cosign/read-evidence.ts';
import { Workshop } from '../../vectors/cosign/workshop.ts';
import type { RegistryKind, SigningFormat } from '../../vectors/cosign/workshop.ts';

const KEYS: Readonly<Record<string, readonly string[]>> = {
  p256: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  p521: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  rsa2048: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  rsa4096: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:4096'],
  ed25519: ['-algorithm', 'ed25519'],
};
const REGISTRIES: readonly RegistryKind[] = ['distribution', 'referrers'];
const FORMATS: readonly SigningFormat[] = ['simple-signing', 'bundle'];
/** A tag: HEAD and the .sig manifest, or HEAD, referrers (or fallback tag), manifest and bundle. */
const REQUESTS: Readonly<Record<SigningFormat, number>> = { 'simple-signing': 2, bundle: 4 };

let workshop: Workshop;
let registry: TestClient;
const hosts = new Map<RegistryKind, string>();

before(async () => {
  workshop = await Workshop.open();
  for (const kind of REGISTRIES) hosts.set(kind, await workshop.registry(kind));
  for (const [name, algorithm] of Object.entries(KEYS)) await workshop.key(name, algorithm);
  registry = createTestClient({ settings: [...hosts.values()].map((host) => insecure(host)) });
});
after(async () => {
  await registry.client.close();
  await workshop[Symbol.asyncDispose]();
});

async function image(kind: RegistryKind, name: string): Promise<string> {
  const host = hosts.get(kind) ?? '';
  return `${host}/${name.replace(/:.*/, '')}@${await workshop.push(`${host}/${name}`)}`;
}

/** As a decision begins that was given a tag: one request. */
async function resolve(
  kind: RegistryKind,
  name: string,
): Promise<SimpleSigningInput & { readonly scope: CountedScope }> {
  const [path = '', tag = ''] = name.split(':');
  const repository = { registry: hosts.get(kind) ?? '', path };
  const scope = scopeOf();
  const digest = await registry.client.resolveTag(repository, tag, scope);
  assert.ok(isDigest(digest));
  const templates = createPayloadTemplates();
  const allowance = createEvidenceAllowance(DEFAULT_LIMITS);
  const given = { repository, registry: registry.client, limits: DEFAULT_LIMITS, templates, allowance, readStored };
  return { ...given, scope, image: { repository, digest } };
}

const read: Readonly<Record<SigningFormat, (input: SimpleSigningInput) => Promise<EvidenceBatch>>> = {
  'simple-signing': readSimpleSigning,
  bundle: readReferrers,
};

async function signersOf({ signedBytes, signature }: SignatureCandidate): Promise<readonly string[]> {
  const names = Object.keys(KEYS);
  const keys = await Promise.all(names.map(async (name) => parsePublicKey(await workshop.publicKey(name))));
  return names.filter((_name, index) => {
    const key = keys[index];
    return key !== undefined && verifyWithKey(key, signedBytes, signature);
  });
}

for (const kind of REGISTRIES) {
  describe(`images in ${kind === 'referrers' ? 'a registry with' : 'distribution, without'} the referrers API`, () => {
    for (const format of FORMATS) {
      for (const key of Object.keys(KEYS)) {
        test(`signed by cosign with ${key} as ${format} verify by that key alone, in ${REQUESTS[format]} requests`, async () => {
          const name = `${key}/${format}:1.0`;
          await workshop.cosign('sign', format, ['--key', `${key}.key`, await image(kind, name)]);
          // Whether a registry has the referrers API is learned once; the first look may cost one more.
          await read[format](await resolve(kind, name));
          const input = await resolve(kind, name);
          const { signatures, attestations, faults } = await read[format](input);
          assert.deepEqual(await Promise.all(signatures.map(signersOf)), [[key]]);
          assert.deepEqual([attestations, faults], [[], []]);
          assert.equal(input.scope.requests, REQUESTS[format]);
        });
      }

      test(`that cosign verifies as ${format} are those that verify here`, async () => {
        const signed = await image(kind, `agreed/${format}:1.0`);
        await workshop.cosign('sign', format, ['--key', 'p256.key', '-a', 'a=b', signed]);
        const { signatures } = await read[format](await resolve(kind, `agreed/${format}:1.0`));
        assert.deepEqual(
          [signatures[0]?.annotations, await Promise.all(signatures.map(signersOf))],
          [{ a: 'b' }, [['p256']]],
        );
        const verify = ['verify', '--insecure-ignore-tlog=true', `--new-bundle-format=${format === 'bundle'}`];
        await workshop.exec('cosign', [...verify, '--key', 'p256.pub', '-a', 'a=b', signed]);
        await assert.rejects(workshop.exec('cosign', [...verify, '--key', 'rsa2048.pub', signed]));
      });
    }

    test('attested by cosign in either format have that attestation and no signature', async () => {
      for (const format of FORMATS) {
        const name = `attested/${format}:1.0`;
        await workshop.exec('sh', ['-c', 'echo \'{"failed":0}\' > predicate.json']);
        const claim = ['--predicate', 'predicate.json', '--type', 'https://example.com/tests/v1'];
        await workshop.cosign('attest', format, ['--key', 'p256.key', ...claim, await image(kind, name)]);
        const input = await resolve(kind, name);
        const { signatures, attestations } =
          format === 'bundle' ? await readReferrers(input) : await readAttestationTag(input);
        assert.deepEqual([signatures, attestations.map(predicateOf)], [[], [{ failed: 0 }]]);
        assert.deepEqual(await Promise.all(attestations.map(signersOf)), [['p256']]);
      }
    });

    test('copied by cosign, which leaves bundles behind, have their .sig and nothing that is wrong', async () => {
      for (const format of FORMATS) {
        await workshop.cosign('sign', format, ['--key', 'p256.key', await image(kind, `original/${format}:1.0`)]);
        const [from, to] = ['original', 'copied'].map((name) => `${hosts.get(kind)}/${name}/${format}:1.0`);
        await workshop.exec('cosign', ['copy', from ?? '', to ?? '']);
        const copied = await resolve(kind, `copied/${format}:1.0`);
        assert.equal(copied.image.digest, (await resolve(kind, `original/${format}:1.0`)).image.digest);
        const { signatures, faults } = await read[format](copied);
        assert.deepEqual(await Promise.all(signatures.map(signersOf)), format === 'bundle' ? [] : [['p256']]);
        assert.deepEqual(faults, []);
      }
    });

    test('unsigned have no evidence', async () => {
      await image(kind, 'unsigned:1.0');
      const input = await resolve(kind, 'unsigned:1.0');
      for (const reader of [readSimpleSigning, readReferrers, readAttestationTag]) {
        assert.deepEqual(await reader(input), { signatures: [], attestations: [], faults: [] });
      }
    });

    test('whose .sig and .att tags are moved onto them from another image prove nothing', async () => {
      await workshop.cosign('sign', 'simple-signing', ['--key', 'p256.key', await image(kind, 'moved:good')]);
      await image(kind, 'moved:bad');
      const good = await resolve(kind, 'moved:good');
      const bad = await resolve(kind, 'moved:bad');
      const source = `${hosts.get(kind)}/moved:${signatureTag(good.image.digest)}`;
      for (const tag of [signatureTag, attestationTag])
        await workshop.exec('crane', ['tag', source, tag(bad.image.digest)]);
      for (const reader of [readSimpleSigning, readAttestationTag]) {
        const { signatures, attestations, faults } = await reader(bad);
        assert.deepEqual([signatures, attestations, faults.length], [[], [], 1]);
      }
      assert.equal((await readSimpleSigning(good)).signatures.length, 1);
    });
  });
}
