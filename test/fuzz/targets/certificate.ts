// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readLeaf } from '../../../core/sigstore/trust/certificate.ts';
import { mutateDer } from '../engine/der.ts';
import type { Target } from '../engine/target.ts';
import { readOrError, requireLine } from './refusals.ts';

/**
 * A signing certificate is refused with an Error. One that is read has one subject and one issuer of plain text, and
 * OpenSSL reads the same bytes, the same key and the same subject.
 */
export const certificate: Target = {
  name: 'certificate',
  maximumBytes: 8 * 1024,
  maximumMilliseconds: 100,
  mutators: [mutateDer],
  dictionary: [
    '\x30\x80',
    '\x02\x01\x02',
    '\x01\x01\xff',
    'https://accounts.example.test',
    'dev@example.test',
    '\x06\x03\x55\x1d\x11',
  ],
  check: (input) => {
    const read = readOrError(() => readLeaf(input));
    if (read === undefined) return;
    const { identity, publicKey } = read;
    requireLine(identity.issuer);
    requireLine(identity.subject);
    assert.equal(identity.fingerprint, publicKey.fingerprint);
    const other = opensslReads(input);
    if (other === undefined) return;
    assert.ok(other.raw.equals(input));
    assert.ok(other.publicKey.equals(publicKey.key), 'OpenSSL reads another key');
    assert.ok(!other.ca, 'OpenSSL reads an authority');
  },
};

function opensslReads(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined; // it is stricter in places; the chain would not verify
  }
}
