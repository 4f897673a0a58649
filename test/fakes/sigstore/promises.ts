// SPDX-License-Identifier: Apache-2.0
import { sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { extension, sha256, spkiOf } from './certificates.ts';
import type { KeyPair } from './certificates.ts';
import { octets } from './der.ts';
import type { Der } from './der.ts';

/** What a certificate log is asked to promise. */
export interface PromiseRequest {
  /** To be signed, without promises. */
  readonly certificate: Buffer;
  readonly issuer: KeyObject;
  readonly time: Date;
}

/** Hash and signature algorithm as TLS 1.2 numbers them. */
const LABELS = [4, 3];

/** A signed certificate timestamp (RFC 6962, 3.2). */
export function certificatePromise(
  log: KeyPair,
  { certificate, issuer, time }: PromiseRequest,
  labels: readonly number[] = LABELS,
): Buffer {
  const hash = labels[0] === 5 ? 'sha384' : 'sha256';
  const stamp = Buffer.alloc(8);
  stamp.writeBigUInt64BE(BigInt(time.getTime()));
  const noExtensions = uint(0, 2);
  const signed = Buffer.concat([
    Buffer.from([0, 0]),
    stamp,
    uint(1, 2),
    sha256(spkiOf(issuer)),
    prefixed(certificate, 3),
    noExtensions,
  ]);
  const signature = Buffer.concat([Buffer.from(labels), prefixed(sign(hash, signed, log.privateKey), 2)]);
  return Buffer.concat([Buffer.from([0]), sha256(spkiOf(log.publicKey)), stamp, noExtensions, signature]);
}

/** The extension with a list of them (RFC 6962, 3.3). */
export function promiseList(promises: readonly Buffer[]): Der {
  const list = Buffer.concat(promises.map((one) => prefixed(one, 2)));
  return extension('1.3.6.1.4.1.11129.2.4.2', octets(prefixed(list, 2)));
}

function uint(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, 0, length);
  return bytes;
}

const prefixed = (bytes: Uint8Array, length: number): Buffer => Buffer.concat([uint(bytes.length, length), bytes]);
