// SPDX-License-Identifier: Apache-2.0
import { verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ASN1Obj, X509Certificate } from '@sigstore/core';
import type { HashName } from '../../keys/algorithms.ts';
import { requireModestDer } from '../trust/der-effort.ts';
import { hashOf } from '../bundle/signed-content.ts';

/** What an RFC 3161 response says; nothing is proven but that it holds together. */
export interface TimestampToken {
  readonly time: Date;
  /** The digest of what was stamped. */
  readonly imprint: { readonly hash: HashName; readonly digest: Uint8Array };
  /** Which certificate signed, as DER. */
  readonly issuer: Buffer;
  readonly serialNumber: Buffer;
  /** As many as the authority chose to send along. */
  readonly certificates: readonly X509Certificate[];
  /** Whether the key signed this token. */
  readonly verifies: (key: KeyObject) => boolean;
}

const SIGNED_DATA = '1.2.840.113549.1.7.2';
const TIMESTAMP_INFO = '1.2.840.113549.1.9.16.1.4';
const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
/** `granted`, `grantedWithMods` (RFC 3161, 2.4.2): only these carry a token. */
const GRANTED: ReadonlySet<bigint> = new Set([0n, 1n]);
const HASHES: Readonly<Record<string, HashName>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
/** Signature algorithms that name their hash; null for Ed25519, which has its own. */
const SIGNATURES: Readonly<Record<string, HashName | null>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.3.101.112': null,
};
/** `rsaEncryption` and `id-ecPublicKey` name a kind of key only: the hash is that of the message digest. */
const KEY_KINDS: ReadonlySet<string> = new Set(['1.2.840.113549.1.1.1', '1.2.840.10045.2.1']);
const MAXIMUM_CERTIFICATES = 8;
const TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:(\.\d{1,3})\d{0,6})?Z$/;

/** @throws Error with one sentence. */
export function parseTimestamp(der: Uint8Array): TimestampToken {
  try {
    requireModestDer(der);
    return readResponse(ASN1Obj.parseBuffer(Buffer.from(der)));
  } catch (cause) {
    throw new Error('a timestamp is not a valid RFC 3161 response', { cause });
  }
}

function readResponse(response: ASN1Obj): TimestampToken {
  if (!GRANTED.has(at(response, 0, 0).toInteger())) throw new Error('the authority did not grant it');
  const token = at(response, 1);
  if (at(token, 0).toOID() !== SIGNED_DATA) throw new Error('it is not signed');
  const data = at(token, 1, 0);
  const signers = at(data, data.subs.length - 1).subs;
  const [signer] = signers;
  if (signer === undefined || signers.length > 1) throw new Error('it has not exactly one signer');
  const content = at(data, 2);
  if (at(content, 0).toOID() !== TIMESTAMP_INFO) throw new Error('it is about something else than time');
  const info = Buffer.from(at(content, 1, 0).value);
  return {
    ...readInfo(ASN1Obj.parseBuffer(info)),
    issuer: at(signer, 1, 0).value,
    serialNumber: at(signer, 1, 1).value,
    certificates: readCertificates(data),
    verifies: readSignature(signer, info),
  };
}

/** TSTInfo. Accuracy, nonce and the authority's name play no part: the digest and the signature bind it. */
function readInfo(info: ASN1Obj): Pick<TimestampToken, 'imprint' | 'time'> {
  const imprint = at(info, 2);
  return { imprint: { hash: hashNamed(at(imprint, 0)), digest: at(imprint, 1).value }, time: timeOf(at(info, 4)) };
}

/** GeneralizedTime in UTC, also with fractions of a second (RFC 3161, 2.4.2). */
function timeOf({ tag, value }: ASN1Obj): Date {
  const text = value.toString('latin1');
  // Anything else would be left to the guesses of Date.
  if (!tag.isGeneralizedTime() || !TIME.test(text)) throw new Error('its time is not one in UTC');
  const time = new Date(text.replace(TIME, '$1-$2-$3T$4:$5:$6$7Z'));
  if (Number.isNaN(time.getTime())) throw new Error('its time is none');
  return time;
}

function readCertificates(data: ASN1Obj): readonly X509Certificate[] {
  const set = data.subs.slice(3, -1).find(({ tag }) => tag.isContextSpecific(0));
  if (set === undefined) return [];
  if (set.subs.length > MAXIMUM_CERTIFICATES) throw new Error('it carries too many certificates');
  return set.subs.filter(({ tag }) => !tag.isContextSpecific()).map(readCertificate);
}

/** Its members are read here once, as the reader steps into what is not there. */
function readCertificate(one: ASN1Obj): X509Certificate {
  const certificate = new X509Certificate(one);
  const { serialNumber, issuer, subject } = certificate;
  if (serialNumber.length === 0 || issuer.length + subject.length === 0)
    throw new Error('it carries a nameless certificate');
  return certificate;
}

/** The signature is over attributes, of which one is the digest of the content (RFC 5652, 5.4). */
function readSignature(signer: ASN1Obj, content: Uint8Array): TimestampToken['verifies'] {
  const digestHash = hashNamed(at(signer, 2));
  const attributes = at(signer, 3);
  if (!attributes.tag.isContextSpecific(0)) throw new Error('it has no signed attributes');
  if (attribute(attributes, CONTENT_TYPE).toOID() !== TIMESTAMP_INFO)
    throw new Error('its signature is for something else');
  if (Buffer.compare(attribute(attributes, MESSAGE_DIGEST).value, hashOf(digestHash, content)) !== 0) {
    throw new Error('its signature is over something else');
  }
  const hash = signatureHash(at(signer, 4), digestHash);
  const signature = at(signer, 5).value;
  const signed = attributes.toDER();
  signed[0] = 0x31; // signed as a SET, sent as [0]
  return (key) => {
    try {
      return verify(hash, signed, key, signature);
    } catch {
      return false; // OpenSSL throws where a signature is not even well-formed for the key
    }
  };
}

function attribute(attributes: ASN1Obj, type: string): ASN1Obj {
  const found = attributes.subs.filter((one) => at(one, 0).toOID() === type);
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`it has not exactly one attribute ${type}`);
  return at(only, 1, 0);
}

function hashNamed(algorithm: ASN1Obj): HashName {
  const hash = HASHES[at(algorithm, 0).toOID()];
  if (hash === undefined) throw new Error('its hash is not supported');
  return hash;
}

function signatureHash(algorithm: ASN1Obj, digestHash: HashName): HashName | null {
  const oid = at(algorithm, 0).toOID();
  const hash = KEY_KINDS.has(oid) ? digestHash : SIGNATURES[oid];
  if (hash === undefined) throw new Error('its signature algorithm is not supported');
  return hash;
}

function at(parent: ASN1Obj, ...path: readonly number[]): ASN1Obj {
  let found: ASN1Obj | undefined = parent;
  for (const step of path) found = found?.subs[step];
  if (found === undefined) throw new Error('a part of it is missing');
  return found;
}
