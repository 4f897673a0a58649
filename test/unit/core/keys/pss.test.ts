// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { constants, generateKeyPairSync, publicDecrypt, sign } from 'node:crypto';
import { test } from 'node:test';
import { verifiesPss } from '../../../../core/keys/pss.ts';

const message = Buffer.from('what was signed');
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const SHA256 = { hash: 'sha256', maskHash: 'sha256' };
const HASH_BYTES = 32;

/** What is inside of a signature by OpenSSL. */
function encoded(saltLength: number): Buffer {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const signature = sign('sha256', message, { key: privateKey, padding, saltLength });
  return publicDecrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, signature);
}

test('takes what OpenSSL signs, with a salt of any length', () => {
  // Sixteen, as the first bit of the mask is of no meaning in half of them.
  for (const saltLength of [0, 20, HASH_BYTES, 256 - HASH_BYTES - 2]) {
    for (let made = 0; made < 16; made += 1) assert.ok(verifiesPss(encoded(saltLength), message, SHA256));
  }
});

test('refuses other bytes, other hashes, and what is not encoded so', () => {
  const good = encoded(HASH_BYTES);
  assert.equal(verifiesPss(good, Buffer.from('other bytes'), SHA256), false);
  assert.equal(verifiesPss(good, message, { ...SHA256, hash: 'sha384' }), false);
  assert.equal(verifiesPss(good, message, { ...SHA256, maskHash: 'sha1' }), false);
  const separator = 256 - 2 * HASH_BYTES - 2;
  for (const [index, bits] of [
    [255, 2],
    [separator, 3],
    [separator - 1, 1],
    [separator + 1, 1],
    [separator + HASH_BYTES + 1, 1],
  ] as const) {
    const other = Buffer.from(good);
    other[index] = (other[index] ?? 0) ^ bits;
    assert.equal(verifiesPss(other, message, SHA256), false, `byte ${index}`);
  }
  for (const length of [0, 1, HASH_BYTES + 1, HASH_BYTES + 2]) {
    assert.equal(verifiesPss(good.subarray(256 - length), message, SHA256), false);
  }
});
