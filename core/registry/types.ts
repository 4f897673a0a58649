// SPDX-License-Identifier: Apache-2.0
import type { EngineError } from '../errors.ts';
import type { Digest } from '../image/digest.ts';
import type { Repository } from '../image/types.ts';
import type { JsonText } from '../json.ts';
import type { ReadBudget } from './read-budget.ts';

/** A username and password (or token) for one registry, or none. */
export interface Credential {
  readonly username: string;
  readonly password: string;
  /** OAuth2 refresh token (docker's `identitytoken`). */
  readonly identityToken?: string;
  /** Sent as is, as a bearer token (docker's `registrytoken`). */
  readonly registryToken?: string;
}

/** Finds the credentials to try for a repository, best first; none means anonymous. */
export interface Keychain {
  /** Equal where the same credentials would be found; a refusal is remembered for this one only. */
  readonly id?: string;
  /** Rejects with `CredentialsUnavailable` where a source that may have some could not be asked. */
  resolve(repository: Repository): Promise<readonly Credential[]>;
  /** One line: what the user can do to get credentials for a registry. */
  remedy?(registry: string): string;
}

/** What belongs to one decision and travels with each of its requests. */
export interface RequestScope {
  readonly signal: AbortSignal;
  readonly keychain: Keychain;
  /** What answers may take in all. */
  readonly budget: ReadBudget;
  /** Called once for each HTTP request sent, token requests and redirects included. */
  readonly count: () => void;
}

/** A content descriptor (image-spec descriptor.md), as far as it is used; untrusted text. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Embedded content, base64; honoured only after size and digest agree. */
  readonly data?: string;
}

/** Manifest bytes whose digest was computed from the body (and compared, where asked for by digest). */
export interface ManifestBytes extends JsonText {
  readonly digest: Digest;
  readonly mediaType: string;
}

/**
 * Read access to registries; one request = one function. All fail with `EngineError`
 * (RegistryUnauthorized, RegistryRateLimited, RegistryUnavailable, ResponseTooLarge, DeadlineExceeded).
 */
export interface RegistryClient {
  /** The digest a tag stands for (HEAD; GET and hash where the header is missing). Undefined: no such image. */
  resolveTag(repository: Repository, tag: string, scope: RequestScope): Promise<Digest | undefined>;
  /** A manifest by tag or digest. Undefined: the registry says that it is not there. */
  getManifest(
    repository: Repository,
    reference: string,
    maximumBytes: number,
    scope: RequestScope,
  ): Promise<ManifestBytes | undefined>;
  /** A blob, its size and digest checked against the descriptor while reading. Undefined: not there. */
  getBlob(repository: Repository, descriptor: Descriptor, scope: RequestScope): Promise<Uint8Array | undefined>;
  /**
   * One look at the referrers of a digest: the referrers API with its pages or, where the registry
   * has none (remembered per registry), the fallback tag.
   */
  listReferrers(
    repository: Repository,
    digest: Digest,
    scope: RequestScope,
    /** Asks the API also where the registry is thought to have none. */
    anew?: boolean,
  ): Promise<ReferrerList>;
  /**
   * Asks now what `listReferrers` may be asked next, by one request whose answer is kept for a moment; a failure of it is
   * nobody's. Absent: there is nothing to gain.
   */
  askReferrersAhead?(repository: Repository, digest: Digest, scope: RequestScope): Promise<void>;
}

export interface ReferrerList {
  /** Well-formed entries only, in the registry's order. */
  readonly descriptors: readonly Descriptor[];
  /** A cap cut the list. */
  readonly truncated: boolean;
  /** Entries that could not be read, for messages; the first few. */
  readonly faults?: readonly string[];
  /** It is from the fallback tag because the registry is remembered to have no API: that may be wrong. */
  readonly apiAssumedAbsent?: boolean;
  /** Why the API could not be read: this is from the fallback tag, and there may be more. */
  readonly failure?: EngineError;
}
