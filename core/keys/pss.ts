// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

/**
 * EMSA-PSS-VERIFY (RFC 8017, 9.1.2) with a mask by another hash than the message's, which node:crypto can't verify. Only
 * for what a denial says: nothing is admitted by it.
 *
 * @param encoded what is inside of the signature, as long as the modulus, whose bits must be a multiple of eight.
 */
export function verifiesPss(
  encoded: Uint8Array,
  signedBytes: Uint8Array,
  { hash, maskHash }: { readonly hash: string; readonly maskHash: string },
): boolean {
  const digest = createHash(hash).update(signedBytes).digest();
  const maskedLength = encoded.length - digest.length - 1;
  if (maskedLength < 1 || encoded.at(-1) !== 0xbc) return false;
  const found = encoded.subarray(maskedLength, -1);
  const mask = maskOf(found, maskedLength, maskHash);
  const data = encoded.subarray(0, maskedLength).map((byte, index) => byte ^ (mask[index] ?? 0));
  // One bit less than the modulus: the first is always zero.
  data[0] = (data[0] ?? 0) & 0x7f;
  const one = data.findIndex((byte) => byte !== 0);
  if (one === -1 || data[one] !== 1) return false;
  const salt = data.subarray(one + 1);
  return createHash(hash).update(new Uint8Array(8)).update(digest).update(salt).digest().equals(found);
}

/** MGF1 (RFC 8017, B.2.1). */
function maskOf(seed: Uint8Array, length: number, hash: string): Uint8Array {
  const blocks: Buffer[] = [];
  for (let made = 0, counter = 0; made < length; counter += 1) {
    const suffix = Buffer.alloc(4);
    suffix.writeUInt32BE(counter);
    const block = createHash(hash).update(seed).update(suffix).digest();
    blocks.push(block);
    made += block.length;
  }
  return Buffer.concat(blocks).subarray(0, length);
}
