// SPDX-License-Identifier: Apache-2.0
import type { KmsReference } from '../../kms/reference.ts';
import type { ImagePolicySpec } from '../documents/image-policy.gen.ts';
import type { Report } from '../problems/report.ts';
import type { SignatureCandidate } from '../../signatures/types.ts';
import { policyPatterns } from './common/text-matcher.ts';
import type { Asking, SignerInput, SignerKind, SignerLookups, SignerProof } from './common/signer-kind.ts';
import { CERTIFICATE_KIND } from './certificate/certificate-kind.ts';
import type { CertificateSigner } from './certificate/certificate-signer.ts';
import { IDENTITY_KIND } from './identity/identity-kind.ts';
import type { IdentitySigner } from './identity/identity-signer.ts';
import { KEY_KIND } from './key/key-kind.ts';
import type { KeySigner } from './key/key-signer.ts';

export type Signer = KeySigner | IdentitySigner | CertificateSigner;

type AnyKind = SignerKind<{ readonly name?: string }, Signer>;

/** In the order in which names are given, and in which signers are asked whether they made a signature. */
const KINDS: Readonly<Record<Signer['kind'], AnyKind>> = {
  key: KEY_KIND,
  identity: IDENTITY_KIND,
  certificate: CERTIFICATE_KIND,
};

/** All that is particular to the signer's kind. */
export function kindOf(signer: Signer): AnyKind {
  return KINDS[signer.kind];
}

/** Whether its signatures count at this time, in milliseconds since the epoch. */
export function isCurrent(signer: Signer, now: number): boolean {
  const { notBefore = -Infinity, notAfter = Infinity } = kindOf(signer).window(signer);
  return now >= notBefore && now <= notAfter;
}

/** Why signatures of this signer don't count at this time, after its name; undefined: they do. */
export function outOfWindow(signer: Signer, now: number): string | undefined {
  const { notBefore = -Infinity, notAfter = Infinity } = kindOf(signer).window(signer);
  if (now > notAfter) return `expired at ${new Date(notAfter).toISOString()}`;
  return now < notBefore ? `counts from ${new Date(notBefore).toISOString()} on` : undefined;
}

/** A signer as written in a policy. */
export interface SignerEntry {
  /** As written or, left out, the kind and its index: `key-0`. */
  readonly name: string;
  /** `spec.keys[0]` */
  readonly path: string;
  readonly compile: (means: Omit<SignerInput, 'path' | 'name'>) => Signer | undefined;
}

/** All signers in the order of the policy, kind by kind. */
export function signerEntries(spec: ImagePolicySpec): readonly SignerEntry[] {
  return Object.values(KINDS).flatMap((kind) =>
    kind.written(spec).map((entry, index) => {
      const name = entry.name ?? `${kind.noun}-${index}`;
      const path = `spec.${kind.field}[${index}]`;
      return { name, path, compile: (means) => kind.compile(entry, { path, name, ...means }) };
    }),
  );
}

/**
 * The signers that could be read; the others are reported. Two keys with one fingerprint are both here, each
 * under its name, and are one signer to a threshold (`countDistinctSigners`).
 */
export function compileSigners(spec: ImagePolicySpec, lookups: SignerLookups, report: Report): readonly Signer[] {
  const pattern = policyPatterns();
  const signers = signerEntries(spec)
    .map(({ compile }) => compile({ lookups, pattern, report }))
    .filter((signer) => signer !== undefined);
  return Object.entries(KINDS).flatMap(([name, kind]) => {
    const own = signers.filter((signer) => signer.kind === name);
    return kind.together?.(own) ?? own;
  });
}

/** Names of the Secrets that a policy needs. A definition that was edited may let anything through. */
export function secretNames(spec: ImagePolicySpec): readonly string[] {
  const ofSigners = Object.values(KINDS).flatMap((kind) => {
    const entries: unknown = kind.written(spec);
    return Array.isArray(entries) ? entries.flatMap((entry) => kind.secrets(entry)) : [];
  });
  const ofPlace: unknown = spec.signatureSecret;
  return typeof ofPlace === 'string' ? [...ofSigners, ofPlace] : ofSigners;
}

/** Keys of a KMS that a policy names. */
export function kmsReferences(spec: ImagePolicySpec): readonly KmsReference[] {
  return Object.values(KINDS).flatMap((kind) => {
    const entries: unknown = kind.written(spec);
    return Array.isArray(entries) ? entries.flatMap((entry) => kind.kms?.(entry) ?? []) : [];
  });
}

/** What makes two signers of a policy the same one: a key's fingerprint, else its name. */
export function signerIdentity(signer: Signer): string {
  return kindOf(signer).distinction(signer);
}

export function countDistinctSigners(signers: readonly Signer[]): number {
  return new Set(signers.map(signerIdentity)).size;
}

/**
 * Those of the signers who made the signature. One signature has one maker, so that the first kind that knows it
 * is the only one.
 */
export async function proveSigners(
  candidate: SignatureCandidate,
  signers: readonly Signer[],
  asking: Asking,
): Promise<readonly SignerProof<Signer>[]> {
  for (const [name, kind] of Object.entries(KINDS)) {
    const own = signers.filter((signer) => signer.kind === name);
    const proofs = await kind.prove(candidate, own, asking);
    if (proofs.length > 0) return proofs;
  }
  return [];
}
