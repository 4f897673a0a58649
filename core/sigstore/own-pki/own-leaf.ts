// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from '@sigstore/core';
import type { PublicKey } from '../../keys/public-key.ts';
import { publicKeyOf, readable, requireCodeSigning } from '../trust/certificate.ts';
import { requireModestDer } from '../trust/der-effort.ts';
import { ascii, utf8 } from '../trust/der-text.ts';
import type { Asn1 } from '../trust/der-text.ts';

/** A signing certificate of somebody's own authority, read but not yet believed. */
export interface OwnLeaf {
  readonly der: Uint8Array;
  readonly certificate: X509Certificate;
  readonly publicKey: PublicKey;
  /** Whose it is: its e-mail addresses, URIs and DNS names, or else its common name. */
  readonly names: readonly [string, ...string[]];
}

const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const COMMON_NAME = '2.5.4.3';
/** E-mail, DNS and URI (RFC 5280, 4.2.1.6). */
const NAME_KINDS = [1, 2, 6];
const MAXIMUM_NAMES = 16;
const UTF8_STRING = 0x0c;
const PRINTABLE_STRING = 0x13;
const IA5_STRING = 0x16;

/** @throws Error with one sentence. */
export function readOwnLeaf(der: Uint8Array): OwnLeaf {
  return readable(() => {
    requireModestDer(der);
    const certificate = X509Certificate.parse(Buffer.from(der));
    requireCodeSigning(certificate);
    return { der, certificate, publicKey: publicKeyOf(certificate), names: namesOf(certificate) };
  });
}

function namesOf(certificate: X509Certificate): OwnLeaf['names'] {
  const alternative = certificate.extension(SUBJECT_ALTERNATIVE_NAME);
  // RFC 6125, 6.4.4: the common name is nobody's where there are alternative names of any kind.
  if (alternative === undefined) return [commonNameOf(certificate)];
  const all = alternative.valueObj.subs[0]?.subs ?? [];
  if (all.length > MAXIMUM_NAMES) throw new Error(`the certificate has more than ${MAXIMUM_NAMES} alternative names`);
  const [first, ...others] = all
    .filter(({ tag }) => NAME_KINDS.some((kind) => tag.isContextSpecific(kind)))
    .map(({ value }) => ascii(value));
  if (first === undefined) throw new Error('the certificate names nobody by e-mail address, URI or DNS name');
  return [first, ...others];
}

/** The subject is the sixth part of what is signed (RFC 5280, 4.1). */
function commonNameOf({ tbsCertificate }: X509Certificate): string {
  const attributes = tbsCertificate.subs[5]?.subs.flatMap(({ subs }) => subs) ?? [];
  const found = attributes.filter(({ subs }) => subs[0]?.toOID() === COMMON_NAME);
  const [only] = found;
  if (only === undefined) throw new Error('the certificate names nobody');
  if (found.length > 1) throw new Error('the certificate has several common names');
  return textOf(only.subs[1]);
}

function textOf(value: Asn1 | undefined): string {
  const tag = value?.tag.toDER();
  if (value !== undefined && tag === UTF8_STRING) return utf8(value.value);
  if (value !== undefined && (tag === PRINTABLE_STRING || tag === IA5_STRING)) return ascii(value.value);
  throw new Error("the certificate's common name is in an encoding that is not supported");
}
