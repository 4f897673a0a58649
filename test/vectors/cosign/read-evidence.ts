// SPDX-License-Identifier: Apache-2.0
import { verifyWithKey } from '../../../core/keys/algorithms.ts';
import { createAttestationTagReader } from '../../../core/cosign/attestation-tag.ts';
import { createReferrerReader } from '../../../core/cosign/referrer-reader.ts';
import { mergeEvidence } from '../../../core/signatures/evidence.ts';
import { parsePublicKey } from '../../../core/keys/public-key.ts';
import type { PublicKey } from '../../../core/keys/public-key.ts';
import { createEvidenceAllowance } from '../../../core/cosign/allowance.ts';
import { createPayloadTemplates } from '../../../core/cosign/payload-prediction.ts';
import { createSignatureTagReader } from '../../../core/cosign/simple-signing.ts';
import { readStored } from '../../../core/cosign/reading/read-stored.ts';
import { payloadOfEncoding } from '../../../core/formats/dsse-envelope.ts';
import type { EvidenceReader } from '../../../core/cosign/piece-reader.ts';
import type { SimpleSigningInput } from '../../../core/cosign/simple-signing.ts';
import type { EvidenceBatch, SignatureCandidate } from '../../../core/signatures/types.ts';
import { DEFAULT_LIMITS } from '../../../core/limits.ts';
import { freshScope, publicKeyFile, repositoryOf, signingRegistry } from './layout-registry.ts';
import type { LayoutRegistry } from './layout-registry.ts';

export const KEY_NAMES = [
  'release',
  'other',
  'p256',
  'p384',
  'p521',
  'rsa2048',
  'rsa3072',
  'rsa4096',
  'ed25519',
  'rsapss',
] as const;

const keys: ReadonlyMap<string, PublicKey> = new Map(
  KEY_NAMES.map((name) => [name, parsePublicKey(publicKeyFile(name))]),
);

export function publicKey(name: string): PublicKey {
  const key = keys.get(name);
  if (key === undefined) throw new Error(`no key is named ${name}`);
  return key;
}

/** What reading one of the vectors' images takes; `changes` replaces parts of it. */
export function inputFor(
  name: string,
  registry: LayoutRegistry,
  changes: Partial<SimpleSigningInput> = {},
): SimpleSigningInput {
  const repository = repositoryOf(name, signingRegistry);
  return {
    image: { repository, digest: registry.digest(name) },
    repository,
    registry,
    scope: freshScope(),
    limits: DEFAULT_LIMITS,
    templates: createPayloadTemplates(),
    allowance: createEvidenceAllowance({ ...DEFAULT_LIMITS, ...changes.limits }),
    readStored,
    ...changes,
  };
}

/** Of what was signed. */
export function predicateOf({ signedBytes }: SignatureCandidate): unknown {
  return JSON.parse(Buffer.from(payloadOfEncoding(signedBytes)).toString()).predicate;
}

export function readReferrers(input: SimpleSigningInput): Promise<EvidenceBatch> {
  return readToTheEnd(createReferrerReader(input), input);
}

export function readSimpleSigning(input: SimpleSigningInput): Promise<EvidenceBatch> {
  return readToTheEnd(createSignatureTagReader(input), input);
}

export function readAttestationTag(input: Omit<SimpleSigningInput, 'templates'>): Promise<EvidenceBatch> {
  return readToTheEnd(createAttestationTagReader(input), input);
}

async function readToTheEnd(
  reader: EvidenceReader,
  { scope }: Pick<SimpleSigningInput, 'scope'>,
): Promise<EvidenceBatch> {
  const batches: EvidenceBatch[] = [];
  for (let batch = await reader.next(scope); batch; batch = await reader.next(scope)) batches.push(batch);
  return mergeEvidence(batches);
}

/** Everything there is about an image, wherever it is. */
export async function readEverything(input: SimpleSigningInput): Promise<EvidenceBatch> {
  return mergeEvidence([await readSimpleSigning(input), await readReferrers(input), await readAttestationTag(input)]);
}

/** The names of the vectors' keys by which a candidate verifies. */
export function signersOf({ signedBytes, signature }: SignatureCandidate): readonly string[] {
  return [...keys].filter(([, key]) => verifyWithKey(key, signedBytes, signature)).map(([name]) => name);
}
