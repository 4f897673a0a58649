// SPDX-License-Identifier: Apache-2.0

/** What comes with a signature to prove who made it, and when; decoded, not yet believed. */
export interface SigningMaterial {
  /** DER of the signing certificate; absent where a key signed. */
  readonly certificate?: Uint8Array;
  readonly logEntries: readonly LogEntry[];
  /** DER of RFC 3161 responses. */
  readonly timestamps: readonly Uint8Array[];
}

/** An entry of a transparency log (protobuf-specs, sigstore_rekor.proto). */
export interface LogEntry {
  /** For messages: `tlogEntries[0]`. */
  readonly path: string;
  readonly logId: Uint8Array;
  readonly logIndex: bigint;
  /** Seconds since the epoch; absent in Rekor v2. Nothing vouches for it but the promise. */
  readonly integratedTime?: number;
  /** The canonicalized body: what is in the log. */
  readonly body: Uint8Array;
  /** As the bundle labels the body; absent in annotations. */
  readonly kind?: string;
  readonly version?: string;
  /** Signed entry timestamp of Rekor v1. */
  readonly promise?: Uint8Array;
  readonly proof?: InclusionProof;
}

export interface InclusionProof {
  /** In the tree of the proof; for Rekor v1 a shard, so it may be less than the entry's own index. */
  readonly logIndex: bigint;
  readonly treeSize: bigint;
  readonly rootHash: Uint8Array;
  readonly hashes: readonly Uint8Array[];
  readonly checkpoint: string;
}
