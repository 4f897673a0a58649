// SPDX-License-Identifier: Apache-2.0

/** Caps on everything read from outside. Counts are items, sizes bytes, times milliseconds. */
export interface Limits {
  /** A registry manifest or index that carries signatures. */
  readonly manifestBytes: number;
  /** A referrers index, each page of it. */
  readonly indexBytes: number;
  /** A simple-signing payload. */
  readonly payloadBytes: number;
  /** A Sigstore bundle or a DSSE envelope. */
  readonly bundleBytes: number;
  /** A token server's answer. */
  readonly tokenBytes: number;
  /** Signatures read from one `.sig` manifest. */
  readonly signatures: number;
  /** Signatures and attestations kept of one image, from all places. */
  readonly candidates: number;
  /** Manifests, payloads, bundles and envelopes read for one image, from all places. */
  readonly evidenceBytes: number;
  /** Attempts to verify a signature, for one image and one policy: each with one key, or some for a certificate. */
  readonly verifications: number;
  /** Referrer manifests fetched for one image: far more than a year of daily attestations that nobody removes. */
  readonly referrers: number;
  /** Manifests of one image index that are looked at, where a policy asks for each platform; nested indexes among them. */
  readonly platforms: number;
  /** Pages of a referrers listing. */
  readonly referrerPages: number;
  /** Redirects followed for one blob. */
  readonly redirects: number;
  /** One HTTP exchange with a registry, headers and body. */
  readonly requestMilliseconds: number;
}

export const DEFAULT_LIMITS: Limits = {
  manifestBytes: 1024 * 1024,
  indexBytes: 2 * 1024 * 1024,
  payloadBytes: 64 * 1024,
  bundleBytes: 4 * 1024 * 1024,
  tokenBytes: 64 * 1024,
  signatures: 64,
  candidates: 128,
  evidenceBytes: 8 * 1024 * 1024,
  verifications: 1024,
  referrers: 400,
  platforms: 64,
  referrerPages: 8,
  redirects: 3,
  requestMilliseconds: 5000,
};

/** The remedy for whatever met a cap. */
export function raiseLimit(limit: keyof Limits): string {
  return `Check what is stored with the image in the registry; if it belongs there, raise limits.${limit} in the configuration.`;
}
