// SPDX-License-Identifier: Apache-2.0
import { createHash, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { sha256 } from './certificates.ts';
import { context, der, generalizedTime, integer, octets, oid, sequence, setOf } from './der.ts';
import type { Der } from './der.ts';

export const HASHES = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};
const TIMESTAMP_INFO = '1.2.840.113549.1.9.16.1.4';

export interface InfoOptions {
  readonly hash?: keyof typeof HASHES;
  /** GeneralizedTime as text, in place of whole seconds. */
  readonly time?: string;
  /** What follows the time: accuracy and so on. */
  readonly more?: readonly Der[];
}

/** TSTInfo (RFC 3161, 2.4.2). */
export function timestampInfo(signature: Uint8Array, time: Date, options: InfoOptions = {}): Der {
  const { hash = 'sha256', more = [] } = options;
  const digest = createHash(hash).update(signature).digest();
  const imprint = sequence(sequence(oid(HASHES[hash])), octets(digest));
  const at = options.time === undefined ? generalizedTime(time) : der(0x18, Buffer.from(options.time));
  return sequence(integer(1), oid('1.3.6.1.4.1.57264.2'), imprint, integer(77), at, ...more);
}

export interface ResponseOptions {
  /** IssuerAndSerialNumber. */
  readonly signer: Der;
  readonly signing: Buffer;
  readonly key: KeyObject;
  readonly time: Date;
  readonly status?: number;
  readonly hash?: 'sha256' | 'sha384' | 'sha512';
  readonly signatureAlgorithm?: string;
  readonly contentType?: string;
  readonly digested?: Buffer;
  /** Types of the token and of what is in it, in place of signed data and time. */
  readonly tokenType?: string;
  readonly innerType?: string;
  readonly moreAttributes?: readonly Der[];
  readonly signers?: number;
  /** Certificates to send along. */
  readonly certificates?: readonly Buffer[];
}

export const attribute = (id: string, value: Der): Der => sequence(oid(id), setOf(value));

/** CMS SignedData (RFC 5652, 5.1) in a granted response. */
export function timestampResponse(info: Der, options: ResponseOptions): Buffer {
  const { signer, signing, key, time, status = 0, hash = 'sha256', certificates } = options;
  const digest = sequence(oid(HASHES[hash]));
  const attributes = [
    attribute('1.2.840.113549.1.9.3', oid(options.contentType ?? TIMESTAMP_INFO)),
    attribute(
      '1.2.840.113549.1.9.4',
      octets(
        createHash(hash)
          .update(options.digested ?? info)
          .digest(),
      ),
    ),
    attribute('1.2.840.113549.1.9.5', generalizedTime(time)),
    attribute('1.2.840.113549.1.9.16.2.47', sequence(sequence(sequence(octets(sha256(signing)))))),
    ...(options.moreAttributes ?? []),
  ];
  const signed = setOf(...attributes);
  const signature = octets(sign(hash, signed, key));
  const algorithm = sequence(oid(options.signatureAlgorithm ?? '1.2.840.10045.4.3.2'));
  const implicitAttributes = Buffer.concat([Buffer.from([0xa0]), signed.subarray(1)]);
  const signerInfo = sequence(integer(1), signer, digest, implicitAttributes, algorithm, signature);
  const signerInfos = setOf(...Array.from({ length: options.signers ?? 1 }, () => signerInfo));
  const content = sequence(oid(options.innerType ?? TIMESTAMP_INFO), context(0, octets(info)));
  const embedded = certificates === undefined ? [] : [context(0, ...certificates)];
  const signedData = sequence(integer(3), setOf(digest), content, ...embedded, signerInfos);
  const token = sequence(oid(options.tokenType ?? '1.2.840.113549.1.7.2'), context(0, signedData));
  return sequence(sequence(integer(status)), token);
}
