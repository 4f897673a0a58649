// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { matches } from '../../../release/download.ts';

describe('what was fetched for a release', () => {
  // FIPS 180-2, appendix B.1 and C.1: the message "abc".
  const sha256 = `sha256-${Buffer.from('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'hex').toString('base64')}`;

  test('is taken if its checksum is the locked one', () => assert.ok(matches(Buffer.from('abc'), sha256)));

  test('is not taken with one byte more', () => assert.ok(!matches(Buffer.from('abcd'), sha256)));

  test('is not taken for a checksum without algorithm', () => {
    assert.throws(() => matches(Buffer.from('abc'), sha256.slice('sha256-'.length)));
  });
});
