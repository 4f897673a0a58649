// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { InclusionProof } from '../bundle/verification-material.ts';

/**
 * The root of the tree in which `leaf` stands at the proof's index (RFC 6962, 2.1.1; the walk is RFC 9162,
 * 2.1.3.2). Undefined where the proof has another length than its index and tree size call for.
 */
export function rootFromProof(leaf: Uint8Array, proof: InclusionProof): Uint8Array | undefined {
  if (proof.logIndex >= proof.treeSize) return undefined;
  let node = proof.logIndex;
  let last = proof.treeSize - 1n;
  let hash = hashed(0, leaf);
  for (const sibling of proof.hashes) {
    if (last === 0n) return undefined;
    if (node % 2n === 1n || node === last) {
      hash = hashed(1, sibling, hash);
      while (node % 2n === 0n && node !== 0n) [node, last] = [node / 2n, last / 2n];
    } else {
      hash = hashed(1, hash, sibling);
    }
    [node, last] = [node / 2n, last / 2n];
  }
  return last === 0n ? hash : undefined;
}

/** The prefix keeps a node from passing for a leaf (RFC 6962, 2.1). */
function hashed(prefix: 0 | 1, ...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256').update(Uint8Array.of(prefix));
  for (const part of parts) hash.update(part);
  return hash.digest();
}
