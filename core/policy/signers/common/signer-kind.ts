// SPDX-License-Identifier: Apache-2.0
import type { CertificateIdentity, SignatureCandidate } from '../../../signatures/types.ts';
import type { KmsReference } from '../../../kms/reference.ts';
import type { KmsLookup } from '../../../kms/types.ts';
import type { PublicKey } from '../../../keys/public-key.ts';
import type { ImagePolicySpec, KeyStatus } from '../../documents/image-policy.gen.ts';
import type { Report } from '../../problems/report.ts';
import type { TextMatcher } from './text-matcher.ts';
import type { Proven } from '../verification/proven.ts';
import type { SignatureVerifier } from '../verification/signature-verifier.ts';

/**
 * All that is particular to one kind of signer, from the text of a policy to the verdict. `Written` is an entry as
 * the policy has it, `S` what becomes of it. To add a kind is to add a folder with one of these, and its line in
 * `signers.ts`.
 */
export interface SignerKind<Written extends { readonly name?: string }, S> {
  /** The field of `spec` that lists them. */
  readonly field: string;
  /** What one without a name is called, before its index: `key` in `key-0`. */
  readonly noun: string;
  written(spec: ImagePolicySpec): readonly Written[];
  /** Names of the Secrets that the entry needs; of an entry that nobody checked. */
  secrets(entry: Partial<Written> | null | undefined): readonly string[];
  /** Keys of a KMS that the entry names, those that are well spelled; of an entry that nobody checked. Undefined: its kind has none. */
  kms?(entry: Partial<Written> | null | undefined): readonly KmsReference[];
  /** Undefined: it can't be used, and `input.report` says why. */
  compile(entry: Written, input: SignerInput): S | undefined;
  /** What can only be told of all of them together; undefined: nothing. */
  together?(signers: readonly S[]): readonly S[];
  /** Equal for two signers that a threshold counts once. Unlike any of another kind. */
  distinction(signer: S): string;
  /** For messages: `key "release" (sha256:0123456789ab)`. */
  describe(signer: S): string;
  /** Its entries in `status.keys`. */
  keyStatus(signer: S): readonly KeyStatus[];
  /** Trust roots that may come to be asked about it, of those that are configured. */
  trustRoots(signer: S, question: TrustRootQuestion): readonly string[];
  /** When its signatures count. */
  window(signer: S): CountingWindow;
  /** Which of the signers made the signature: several where they hold one key or one identity. */
  prove(candidate: SignatureCandidate, signers: readonly S[], asking: Asking): Promise<readonly SignerProof<S>[]>;
  /**
   * For a denial: how the signer made a signature that `prove` refuses, as a clause. Left out, or undefined: it is not
   * known to have made it.
   */
  unaccepted?(candidate: SignatureCandidate, signer: S, verifier: SignatureVerifier): string | undefined;
  /** Beyond `prove`, where the policy has `transparencyLog: Require`: whether a trusted log has the signature. */
  proveLogged(candidate: SignatureCandidate, signer: S, verifier: SignatureVerifier): Promise<Proven<true>>;
  /** When the signature was made, milliseconds since the epoch: the earliest that a trusted log or authority proves. */
  proveTime(candidate: SignatureCandidate, proof: SignerProof<S>, verifier: SignatureVerifier): Promise<Proven<number>>;
}

/** Milliseconds since the epoch, both included. Left out: without that bound. */
export interface CountingWindow {
  readonly notBefore?: number;
  readonly notAfter?: number;
}

/** What signers refer to, looked up beforehand. */
export interface SignerLookups {
  /** `createKeyRing()` where many policies are compiled; `parsePublicKey` unless given. */
  readonly parseKey?: (pem: string) => PublicKey;
  /** An entry of a Secret, of the operator's namespace or the policy's; undefined where it is not there. */
  readonly secret: SecretLookup;
  /** What is known of keys that a KMS holds; left out where nobody reads them. It asks nobody. */
  readonly kms?: KmsLookup;
  /** Names of the configured trust roots. */
  readonly trustRoots: ReadonlySet<string>;
}

export type SecretLookup = (name: string, key: string) => SecretEntry | undefined;

/** `unavailable`: why it could not be read, as a sentence. */
export type SecretEntry =
  { readonly pem: string; readonly unavailable?: never } | { readonly pem?: never; readonly unavailable: string };

/** What compiles one entry of a policy. */
export interface SignerInput {
  /** `spec.keys[0]` */
  readonly path: string;
  readonly name: string;
  readonly lookups: SignerLookups;
  /** `policyPatterns()` of the whole policy. */
  readonly pattern: (text: string) => TextMatcher;
  readonly report: Report;
}

export interface TrustRootQuestion {
  /** All that are configured. */
  readonly names: readonly string[];
  readonly transparencyLog: 'Ignore' | 'Require';
}

export interface Asking {
  readonly transparencyLog: 'Ignore' | 'Require';
  readonly verifier: SignatureVerifier;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Lets others have their turn; awaited between attempts. Rejects where the decision is over. */
  readonly breathe?: () => Promise<void>;
  /** Told why a certificate is no signer's, for the message. */
  readonly note?: (reason: string) => void;
}

/** A signature that was verified, by one signer of a policy. */
export interface SignerProof<S> {
  readonly signer: S;
  /** Who really signed: a key's fingerprint, or a certificate's issuer and subject. */
  readonly holder: string;
  /** SPKI fingerprint of the key, or of the signing certificate's key. */
  readonly fingerprint: string;
  /** Where a certificate proves it. */
  readonly certificate?: CertificateIdentity;
}
