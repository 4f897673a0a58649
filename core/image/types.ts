// SPDX-License-Identifier: Apache-2.0
import type { Digest } from './digest.ts';

/** Where manifests live: `docker.io` + `library/nginx`, `registry.example.com:5000` + `team/app`. */
export interface Repository {
  /** Host and port as written, in lower case; only `index.docker.io` is `docker.io`. Compared by `hostIdentity` (host.ts). */
  readonly registry: string;
  readonly path: string;
}

/** A reference as the kubelet reads it. With a digest the tag is only text of the writer's choice. */
export interface ImageReference extends Repository {
  /** As written; untrusted. */
  readonly original: string;
  /** `latest` where neither tag nor digest was written. */
  readonly tag?: string;
  readonly digest?: Digest;
}

/** A compiled pattern of `spec.images`; made by `parsePattern` (pattern.ts), or by `claimsOf` (claim.ts) where it can't be read. */
export interface ImagePattern {
  /** As written. */
  readonly source: string;
  /** Normalised like an image: two spellings of one pattern are equal here. */
  readonly canonical: string;
  /** Host then path segments; `**` alone is any number of segments. */
  readonly segments: readonly string[];
  /** Set for `repo@sha256:…`: that digest only. */
  readonly digest?: Digest;
  /**
   * What could not be read. `path`: whatever follows `segments` is claimed, as if a literal stood there. `digest`: every
   * digest is, as if it were the one written.
   */
  readonly unreadable?: 'path' | 'digest';
}
