// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from '@sigstore/core';

export type Asn1 = X509Certificate['tbsCertificate'];

const UTF8_STRING = 0x0c;
const PRINTABLE = /^[\x20-\x7e]+$/;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** @throws Error with one sentence. */
export function utf8String(value: Asn1 | undefined): string {
  if (value?.tag.toDER() !== UTF8_STRING) throw new Error('a name in the certificate is not a UTF8String');
  return utf8(value.value);
}

/** IA5String. Node's `ascii` drops the high bit, which would make look-alikes equal. */
export function ascii(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  if (!PRINTABLE.test(text)) throw new Error('a name in the certificate is not ASCII');
  return text;
}

/** @throws Error with one sentence. */
export function utf8(bytes: Buffer): string {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  if (text === '' || CONTROL.test(text))
    throw new Error('a name in the certificate is empty or has control characters');
  return text;
}
