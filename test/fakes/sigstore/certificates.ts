// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import {
  bits,
  boolean,
  context,
  der,
  implicit,
  integer,
  octets,
  oid,
  sequence,
  setOf,
  utcTime,
  utf8String,
} from './der.ts';
import type { Der } from './der.ts';

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export type KeyKind = 'P-256' | 'P-384' | 'P-521' | 'Ed25519' | 'RSA';

export interface CertificateRequest {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signedBy: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Der[];
  readonly serial?: Uint8Array;
}

export function generateKeys(kind: KeyKind | 'RSA-1024'): KeyPair {
  if (kind === 'RSA-1024') return generateKeyPairSync('rsa', { modulusLength: 1024 });
  if (kind === 'Ed25519') return generateKeyPairSync('ed25519');
  if (kind === 'RSA') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  return generateKeyPairSync('ec', { namedCurve: kind });
}

export const spkiOf = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });
export const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

/** A name with only a common name. */
export const nameOf = (commonName: string): Der =>
  sequence(...(commonName === '' ? [] : [setOf(sequence(oid('2.5.4.3'), utf8String(commonName)))]));

/** An X.509 v3 certificate (RFC 5280, 4.1), signed with a P-256 key. */
export function makeCertificate(request: CertificateRequest): Buffer {
  const tbs = toBeSigned(request);
  return sequence(tbs, ECDSA_SHA256, bits(sign('sha256', tbs, request.signedBy)));
}

/** What is signed; without its promise also what a certificate log signs (RFC 6962, 3.2). */
export function toBeSigned(request: CertificateRequest): Der {
  return sequence(
    context(0, integer(2)),
    der(0x02, request.serial ?? Buffer.concat([Buffer.from([0x41]), randomBytes(15)])),
    ECDSA_SHA256,
    nameOf(request.issuer),
    sequence(utcTime(request.notBefore), utcTime(request.notAfter)),
    nameOf(request.subject),
    spkiOf(request.publicKey),
    context(3, sequence(...request.extensions)),
  );
}

export const extension = (id: string, value: Uint8Array, critical = false): Der =>
  critical ? sequence(oid(id), boolean(true), octets(value)) : sequence(oid(id), octets(value));

export const certificateAuthority = (): Der => extension('2.5.29.19', sequence(boolean(true)), true);
export const keyCertSign = (): Der => extension('2.5.29.15', bits(Buffer.from([0x06]), 1), true);
export const digitalSignature = (): Der => extension('2.5.29.15', bits(Buffer.from([0x80]), 7), true);
export const extendedKeyUsage = (usage: string, critical = false): Der =>
  extension('2.5.29.37', sequence(oid(usage)), critical);
export const subjectKeyId = (key: KeyObject): Der => extension('2.5.29.14', octets(keyIdOf(key)));
export const authorityKeyId = (key: KeyObject): Der => extension('2.5.29.35', sequence(implicit(0, keyIdOf(key))));

function keyIdOf(key: KeyObject): Buffer {
  // A leading byte that no reader can take for nested DER.
  return Buffer.concat([Buffer.from([0xff]), sha256(spkiOf(key)).subarray(0, 19)]);
}

/** A subject alternative name as Fulcio writes it. */
export function subjectAlternativeName(...names: readonly Der[]): Der {
  return extension('2.5.29.17', sequence(...names), true);
}

export const emailName = (text: string): Der => implicit(1, Buffer.from(text, 'latin1'));
export const uriName = (text: string): Der => implicit(6, Buffer.from(text, 'latin1'));
export const dnsName = (text: string): Der => implicit(2, Buffer.from(text, 'latin1'));
export const otherName = (id: string, text: string): Der => context(0, oid(id), context(0, utf8String(text)));

export const toPem = (label: string, bytes: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(bytes)
    .toString('base64')
    .replace(/(.{64})(?=.)/g, '$1\n')}\n-----END ${label}-----\n`;
