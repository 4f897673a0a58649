// SPDX-License-Identifier: Apache-2.0
import type { FailureCode } from '../verdict-codes.ts';
import type { Digest } from '../image/digest.ts';
import type { Repository } from '../image/types.ts';

export type SignatureFormat = 'simple-signing' | 'bundle';

/** What is decided about: never a tag. `repository` is where the image is pulled from. */
export interface ResolvedImage {
  readonly repository: Repository;
  readonly digest: Digest;
  /** For the `image` variable of conditions and for messages only. */
  readonly tag?: string;
}

/**
 * One signature that claims to be about the image. Its signed bytes were parsed strictly and name
 * this image's digest (anything else is a fault), but nothing is proven until `signature` verifies.
 */
export interface SignatureCandidate {
  readonly format: SignatureFormat;
  /** Where it was found, for messages: `sha256-….sig#0`, `sha256:…`. */
  readonly source: string;
  /** What the signature is over: the payload, or the DSSE pre-authentication encoding. */
  readonly signedBytes: Uint8Array;
  readonly signature: Uint8Array;
  /** The claims of `cosign sign -a`; proven together with the signature. */
  readonly annotations: Readonly<Record<string, string>>;
  /** base64(SHA-256 of SPKI DER) in key-signed bundles: picks a key to try first, proves nothing. */
  readonly keyHint?: string;
  readonly material: VerificationMaterial;
}

/** An in-toto statement in a DSSE envelope about the image, other than a cosign signature. */
export interface AttestationCandidate extends SignatureCandidate {
  readonly predicateType: string;
  /**
   * Why the statement can't be read, where another reader might: it meets nothing, and whoever has to have seen all
   * can't pass over it. Its `predicateType` is empty where readers may differ in that.
   */
  readonly unreadable?: string;
}

/** Certificates, log entries and timestamps as found; untrusted and unparsed. */
export type VerificationMaterial =
  | {
      /** Layer annotations of a `.sig` or `.att` manifest (cosign-and-registry, 1.2), each as text. */
      readonly kind: 'annotations';
      readonly certificate?: string;
      readonly chain?: string;
      readonly rekorBundle?: string;
      readonly rfc3161Timestamp?: string;
      /** `.att` only: the DSSE envelope as parsed JSON. */
      readonly envelope?: unknown;
    }
  | {
      /** A Sigstore bundle as parsed JSON, but for its envelope. */
      readonly kind: 'bundle';
      readonly bundle: unknown;
    };

/** Something that was found and could not be used, or names another image. */
export interface EvidenceFault {
  readonly source: string;
  readonly message: string;
  /** Set where it could not be read (registry, size, deadline): it may be the missing proof. */
  readonly code?: FailureCode;
  /** What a person can do about it, where the failure knows. */
  readonly remedy?: string;
}

export interface EvidenceBatch {
  readonly signatures: readonly SignatureCandidate[];
  readonly attestations: readonly AttestationCandidate[];
  readonly faults: readonly EvidenceFault[];
}

/** What a certificate under an authority of one's own says of its holder. */
export interface OwnCertificate {
  /** E-mail addresses, URIs and DNS names, or else its common name. */
  readonly names: readonly string[];
  /** SHA-256 of the certificate's SPKI DER. */
  readonly fingerprint: Digest;
  /** Milliseconds since the epoch: when it and all above it are valid. */
  readonly validFrom: number;
  readonly validUntil: number;
}

/** What a certificate that chains to a trust root says of its holder. */
export interface CertificateIdentity {
  readonly issuer: string;
  readonly subject: string;
  /** Fulcio's extensions by name, such as `sourceRepositoryRef`; those that are there and can be read. */
  readonly claims: Readonly<Record<string, string>>;
  /** SHA-256 of the certificate's SPKI DER. */
  readonly fingerprint: Digest;
  /** The earliest time of the signature that a trusted log or timestamp authority proves, milliseconds since the epoch. */
  readonly signedAt?: number;
}
