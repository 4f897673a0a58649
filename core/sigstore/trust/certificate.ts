// SPDX-License-Identifier: Apache-2.0
import { createPublicKey } from 'node:crypto';
import { X509Certificate } from '@sigstore/core';
import { readClaims } from './claims.ts';
import { requireModestDer } from './der-effort.ts';
import { ascii, utf8, utf8String } from './der-text.ts';
import type { Asn1 } from './der-text.ts';
import { parsePublicKey } from '../../keys/public-key.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import type { CertificateIdentity } from '../../signatures/types.ts';

/** A signing certificate, read but not yet believed. */
export interface LeafCertificate {
  readonly der: Uint8Array;
  readonly certificate: X509Certificate;
  readonly publicKey: PublicKey;
  readonly identity: CertificateIdentity;
}

export const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
export const ANY_USAGE = '2.5.29.37.0';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const EXTENDED_KEY_USAGE = '2.5.29.37';
/** Fulcio's own extensions (fulcio, docs/oid-info.md). */
const ISSUER_V1 = '1.3.6.1.4.1.57264.1.1';
const ISSUER_V2 = '1.3.6.1.4.1.57264.1.8';
const USERNAME = '1.3.6.1.4.1.57264.1.7';
/** Extensions whose meaning is taken into account; RFC 5280, 4.2 refuses critical ones beside them. */
const UNDERSTOOD = new Set([
  SUBJECT_ALTERNATIVE_NAME,
  EXTENDED_KEY_USAGE,
  '2.5.29.14',
  '2.5.29.15',
  '2.5.29.19',
  '2.5.29.35',
  '2.5.29.32', // policies: none is asked for
]);

const DNS_NAME = 2;
const URI = 6;
const EMAIL = 1;
const OTHER_NAME = 0;

/**
 * Reads a signing certificate: one subject, one issuer, made for code signing.
 * @throws Error with one sentence.
 */
export function readLeaf(der: Uint8Array): LeafCertificate {
  return readable(() => readParts(der));
}

/** The reader of @sigstore/core steps into parts that are not there; what it says then is for nobody. */
export function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof TypeError) throw new Error('a part of the certificate is missing or malformed', { cause });
    throw cause;
  }
}

function readParts(der: Uint8Array): LeafCertificate {
  requireModestDer(der);
  const certificate = X509Certificate.parse(Buffer.from(der));
  requireCodeSigning(certificate);
  const publicKey = publicKeyOf(certificate);
  const { fingerprint } = publicKey;
  const issuer = issuerOf(certificate);
  const claims = readClaims(certificate, issuer);
  return { der, certificate, publicKey, identity: { issuer, subject: subjectOf(certificate), claims, fingerprint } };
}

/** Made for code signing, and nothing in it that is not understood. @throws Error with one sentence. */
export function requireCodeSigning(certificate: X509Certificate): void {
  refuseUnknownCritical(certificate);
  if (certificate.extBasicConstraints?.isCA === true)
    throw new Error('the signing certificate is a certificate authority');
  if (!extendedKeyUsages(certificate).includes(CODE_SIGNING))
    throw new Error('the certificate is not for code signing');
  requireSignatures(certificate);
}

/** RFC 5280, 4.2.1.3: a key usage that is there must allow signatures. */
function requireSignatures(certificate: X509Certificate): void {
  if (certificate.extKeyUsage?.digitalSignature === false) throw new Error('the certificate is not for signatures');
}

/** RFC 3161, 2.3: for time stamping, for nothing else, and so that nobody can overlook it. */
export function requireTimeStamping(certificate: X509Certificate): void {
  const usages = extendedKeyUsages(certificate);
  if (!usages.includes(TIME_STAMPING)) throw new Error('its certificate is not for time stamping');
  if (usages.length > 1) throw new Error('its certificate is not for time stamping only');
  if (certificate.extension(EXTENDED_KEY_USAGE)?.critical !== true) {
    throw new Error("its certificate's extended key usage is not critical");
  }
  requireSignatures(certificate);
}

export function extendedKeyUsages(certificate: X509Certificate): readonly string[] {
  const usages = certificate.extension(EXTENDED_KEY_USAGE)?.valueObj.subs[0]?.subs ?? [];
  return usages.map((usage) => usage.toOID());
}

/** By way of PEM, so that the same keys are acceptable in certificates as in policies. */
export function publicKeyOf(certificate: X509Certificate): PublicKey {
  const key = createPublicKey({ key: certificate.publicKey, format: 'der', type: 'spki' });
  return parsePublicKey(key.export({ format: 'pem', type: 'spki' }));
}

/** @throws Error with one sentence. */
export function refuseUnknownCritical(certificate: X509Certificate): void {
  const seen = new Set<string>();
  for (const extension of certificate.extensions) {
    const oid = extension.subs[0]?.toOID() ?? '';
    // Two of a kind: readers disagree on which one counts (RFC 5280, 4.2).
    if (seen.has(oid)) throw new Error(`the certificate has the extension ${oid} twice`);
    seen.add(oid);
    const critical = extension.subs.length === 3 && extension.subs[1]?.toBoolean() === true;
    if (critical && !UNDERSTOOD.has(oid)) throw new Error(`the certificate has an unknown critical extension: ${oid}`);
  }
}

/** The OIDC issuer: in version 2 a DER UTF8String, in version 1 the bare text. */
function issuerOf(certificate: X509Certificate): string {
  const v1 = certificate.extension(ISSUER_V1);
  const v2 = certificate.extension(ISSUER_V2);
  const bare = v1 === undefined ? undefined : utf8(v1.value);
  const wrapped = v2 === undefined ? undefined : utf8String(v2.valueObj.subs[0]);
  const issuer = wrapped ?? bare;
  if (issuer === undefined) throw new Error('the certificate names no OIDC issuer');
  if (bare !== undefined && bare !== issuer) throw new Error('the certificate names two OIDC issuers');
  return issuer;
}

function subjectOf(certificate: X509Certificate): string {
  const names = certificate.extension(SUBJECT_ALTERNATIVE_NAME)?.valueObj.subs[0]?.subs ?? [];
  const [name] = names;
  if (name === undefined) throw new Error('the certificate has no subject alternative name');
  // Fulcio writes one. With several it is unclear which of them the policy's author had in mind.
  if (names.length > 1) throw new Error(`the certificate has ${names.length} subject alternative names`);
  return textOfName(name);
}

/** A GeneralName (RFC 5280, 4.2.1.6) as text. */
function textOfName(name: Asn1): string {
  if ([EMAIL, DNS_NAME, URI].some((tag) => name.tag.isContextSpecific(tag))) return ascii(name.value);
  if (name.tag.isContextSpecific(OTHER_NAME) && name.subs[0]?.toOID() === USERNAME) {
    return utf8String(name.subs[1]?.subs[0]);
  }
  throw new Error("the certificate's subject alternative name is of a kind that is not supported");
}
