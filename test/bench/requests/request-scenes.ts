// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ImagePolicySpec } from '../../../core/policy/documents/image-policy.gen.ts';
import { attachAnnotated, attachBundle, signImage } from '../../e2e/workbench/keyless-images.ts';
import { ISSUER, SIGNED_AT, SUBJECT } from '../../fakes/sigstore/keyless.ts';
import type { SigningOptions } from '../../fakes/sigstore/keyless.ts';
import { createSigstore } from '../../fakes/sigstore/sigstore.ts';
import type { SigningFormat, Workshop } from '../../vectors/cosign/workshop.ts';

/** One way to sign and to demand: everything that a policy can ask for. */
export interface RequestScene {
  readonly name: string;
  /** Registry requests of a learned decision by digest; a tag costs one more. */
  readonly goal: number;
  /** Also against a registry that asks for a token. */
  readonly token: boolean;
  /** @param repository `host/path` */
  policies(repository: string): readonly Omit<ImagePolicySpec, 'images'>[];
  /** Signs and attests images given as `repository@digest`, pushed before. */
  prepare(images: readonly string[], repository: string): Promise<void>;
  /** What the real cosign has to be asked for the same answer. */
  cosign(image: string, repository: string): readonly CosignCall[];
}

export interface CosignCall {
  readonly arguments: readonly string[];
  readonly environment?: Record<string, string>;
}

export interface RequestScenes {
  readonly scenes: readonly RequestScene[];
  /** trusted_root.json by name. */
  readonly trustRoots: Readonly<Record<string, string>>;
}

const EC = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const OTHERS = Array.from({ length: 9 }, (_, index) => `other${index}`);
const TESTS = 'https://example.com/tests/v1';
const ATTESTATIONS = [{ name: 'tests', predicateType: TESTS, conditions: [{ expression: 'predicate.failed == 0' }] }];
const FORMATS = ['simple-signing', 'bundle'] as const;
/** `.sig`: its manifest, whose payload is predicted. Bundle: the list, a manifest, a bundle. */
const READS: Readonly<Record<SigningFormat, number>> = { 'simple-signing': 1, bundle: 3 };
const NAMES: Readonly<Record<SigningFormat, string>> = { 'simple-signing': '.sig', bundle: 'bundle' };

/** Keys are made, and files written, in the workshop's folder. */
export async function requestScenes(workshop: Workshop): Promise<RequestScenes> {
  const pems = new Map<string, string>();
  for (const name of ['release', 'security', ...OTHERS]) {
    await workshop.key(name, EC);
    pems.set(name, await workshop.publicKey(name));
  }
  await writeFile(path.join(workshop.folder, 'predicate.json'), '{"failed":0}');
  const keys = (...names: string[]) => names.map((name) => ({ name, pem: pems.get(name) ?? '' }));
  const byKey = { workshop, release: keys('release') };
  const keyless = await keylessScenes(workshop);
  return {
    scenes: [
      ...FORMATS.flatMap((format) => [
        signed(byKey, format, { name: `${NAMES[format]}, key`, token: true }),
        // The signer's key is the last of them.
        signed({ workshop, release: keys(...OTHERS, 'release') }, format, { name: `${NAMES[format]}, 10 keys` }),
      ]),
      ...keyless.scenes,
      ...FORMATS.map((format) => attested(byKey, format)),
      mixed(byKey),
      ...FORMATS.map((format) => elsewhere(byKey, format)),
      ...FORMATS.map((format) => twoPolicies({ ...byKey, security: keys('security') }, format)),
    ],
    trustRoots: keyless.trustRoots,
  };
}

interface ByKey {
  readonly workshop: Workshop;
  readonly release: NonNullable<ImagePolicySpec['keys']>;
}

const verify = (format: SigningFormat, key = 'release'): readonly string[] => [
  'verify',
  '--insecure-ignore-tlog=true',
  `--new-bundle-format=${format === 'bundle'}`,
  '--key',
  `${key}.pub`,
];

const verifyAttestation = (format: SigningFormat): readonly string[] => [
  'verify-attestation',
  ...verify(format).slice(1),
  '--type',
  TESTS,
];

function signed(
  { workshop, release }: ByKey,
  format: SigningFormat,
  { name, token = false }: { readonly name: string; readonly token?: boolean },
): RequestScene {
  return {
    name,
    goal: READS[format],
    token,
    policies: () => [{ keys: release }],
    prepare: (images) => workshop.cosign('sign', format, ['--key', 'release.key', ...images]),
    cosign: (image) => [{ arguments: [...verify(format), image] }],
  };
}

async function attest(workshop: Workshop, format: SigningFormat, images: readonly string[]): Promise<void> {
  const claim = ['--predicate', 'predicate.json', '--type', TESTS];
  for (const image of images) await workshop.cosign('attest', format, ['--key', 'release.key', ...claim, image]);
}

/** Signature and attestation in one format. */
function attested(byKey: ByKey, format: SigningFormat): RequestScene {
  const base = signed(byKey, format, { name: '' });
  return {
    ...base,
    name: format === 'bundle' ? 'signature and attestation as bundles' : '.sig and .att',
    // A list for all bundles, two for each; or beside `.sig` the list that might hold more, `.att` and its envelope.
    goal: format === 'bundle' ? 5 : 4,
    policies: () => [{ keys: byKey.release, attestations: ATTESTATIONS }],
    prepare: async (images, repository) => {
      await base.prepare(images, repository);
      await attest(byKey.workshop, format, images);
    },
    cosign: (image, repository) => [
      ...base.cosign(image, repository),
      { arguments: [...verifyAttestation(format), image] },
    ],
  };
}

/** Both formats in one policy: the signature is a `.sig`, the attestation a bundle. */
function mixed(byKey: ByKey): RequestScene {
  const base = signed(byKey, 'simple-signing', { name: '' });
  return {
    ...base,
    name: '.sig, attestation as bundle',
    goal: 4,
    policies: () => [{ keys: byKey.release, attestations: ATTESTATIONS }],
    prepare: async (images, repository) => {
      await base.prepare(images, repository);
      await attest(byKey.workshop, 'bundle', images);
    },
    cosign: (image, repository) => [
      ...base.cosign(image, repository),
      { arguments: [...verifyAttestation('bundle'), image] },
    ],
  };
}

const environmentOf = (repository: string) => ({ COSIGN_REPOSITORY: `${repository}-signatures` });

function elsewhere({ workshop, release }: ByKey, format: SigningFormat): RequestScene {
  return {
    name: `${NAMES[format]} in signatureRepository`,
    goal: READS[format],
    token: false,
    policies: (repository) => [{ keys: release, signatureRepository: `${repository}-signatures` }],
    prepare: (images, repository) =>
      workshop.cosign('sign', format, ['--key', 'release.key', ...images], environmentOf(repository)),
    cosign: (image, repository) => [{ arguments: [...verify(format), image], environment: environmentOf(repository) }],
  };
}

/** Each asks for the signature of another team: one read serves both. */
function twoPolicies(
  { workshop, release, security }: ByKey & { readonly security: ByKey['release'] },
  format: SigningFormat,
): RequestScene {
  return {
    name: `${NAMES[format]}, two policies`,
    goal: format === 'bundle' ? 5 : 1,
    token: false,
    policies: () => [{ keys: release }, { keys: security }],
    prepare: async (images) => {
      for (const key of ['release', 'security']) {
        await workshop.cosign('sign', format, ['--key', `${key}.key`, ...images]);
      }
    },
    cosign: (image) => ['release', 'security'].map((key) => ({ arguments: [...verify(format, key), image] })),
  };
}

const WAYS: readonly { name: string; annotated: boolean; options: SigningOptions; flags: readonly string[] }[] = [
  {
    name: '.sig, identity, Rekor v1',
    annotated: true,
    options: { entry: 'hashedrekord1' },
    flags: ['--new-bundle-format=false', '--offline'],
  },
  { name: 'bundle, identity, Rekor v1', annotated: false, options: { entry: 'dsse1' }, flags: [] },
  {
    name: 'bundle, identity, Rekor v2 and timestamp',
    annotated: false,
    options: { entry: 'hashedrekord2', stampedAt: SIGNED_AT },
    flags: ['--use-signed-timestamps'],
  },
];

/** With certificates, logs and timestamps of a Sigstore made here: neither we nor cosign need a network. */
async function keylessScenes({ folder }: Workshop): Promise<RequestScenes> {
  const sigstore = createSigstore();
  const trustedRoot = JSON.stringify(sigstore.trustedRoot);
  const root = path.join(folder, 'root.json');
  await writeFile(root, trustedRoot);
  const identities = [{ name: 'dev', issuer: ISSUER, subject: SUBJECT, trustRoot: 'bench' }];
  const who = ['--trusted-root', root, '--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER];
  const scenes = WAYS.map(({ name, annotated, options, flags }) => ({
    name,
    goal: READS[annotated ? 'simple-signing' : 'bundle'],
    token: false,
    policies: () => [{ identities }],
    prepare: async (images: readonly string[]) => {
      for (const image of images) {
        const signing = signImage(image, annotated, { sigstore, ...options });
        await (annotated ? attachAnnotated(image, signing, folder) : attachBundle(image, signing));
      }
    },
    cosign: (image: string) => [{ arguments: ['verify', ...flags, ...who, image] }],
  }));
  return { scenes, trustRoots: { bench: trustedRoot } };
}
