// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { verifyWithKey } from '../../../core/keys/algorithms.ts';
import { parsePublicKey } from '../../../core/keys/public-key.ts';
import { digestOf } from '../../../core/image/digest.ts';
import { mutatePem } from '../engine/structured.ts';
import type { Target } from '../engine/target.ts';
import { readOrError } from './refusals.ts';

/**
 * A public key is refused with an Error that does not quote it. One that is read has the fingerprint of its own encoding,
 * reads the same from that encoding, is the key that node:crypto sees in it, and does not verify nonsense.
 */
export const key: Target = {
  name: 'key',
  maximumBytes: 8 * 1024,
  maximumMilliseconds: 250,
  mutators: [mutatePem],
  dictionary: [
    '-----BEGIN PUBLIC KEY-----',
    '-----END PUBLIC KEY-----',
    '-----BEGIN RSA PUBLIC KEY-----',
    '-----BEGIN EC PRIVATE KEY-----',
    '\n',
    '\r\n',
    '  ',
  ],
  check: (input) => {
    const text = input.toString('utf8');
    const read = readOrError(() => parsePublicKey(text));
    if (read === undefined) return;
    assert.equal(read.fingerprint, digestOf(read.der));
    const body = Buffer.from(read.der).toString('base64');
    const again = parsePublicKey(`-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----\n`);
    assert.equal(again.fingerprint, read.fingerprint);
    assert.equal(again.algorithm, read.algorithm);
    assert.ok(nodeReads(text)?.equals(read.key) ?? true, 'node:crypto reads another key');
    assert.equal(verifyWithKey(read, Buffer.from('nonsense'), Buffer.from('nonsense')), false);
  },
};

/** Undefined: indented or folded, as people paste it; it reads no such key. */
function nodeReads(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}
