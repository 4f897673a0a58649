// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { decodeBase64 } from '../../base64.ts';
import { parsePublicKey } from '../../keys/public-key.ts';
import { errorText } from '../../text.ts';
import { requireModestDer } from '../trust/der-effort.ts';

/** Certificate authorities that somebody trusts: each of them is the end of a chain, as of `cosign verify --ca-roots`. */
export interface OwnAuthority {
  /** DER. */
  readonly certificates: readonly Uint8Array[];
}

const MAXIMUM_CHARACTERS = 64 * 1024;
const MAXIMUM_CERTIFICATES = 16;
const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;

/**
 * Reads the certificates of authorities as a person pastes them, one after the other in PEM; text around them is
 * ignored (RFC 7468, 2).
 * @throws Error with one sentence, which quotes nothing of it.
 */
export function parseAuthority(pem: string): OwnAuthority {
  if (pem.length > MAXIMUM_CHARACTERS) throw new Error(`it is longer than ${MAXIMUM_CHARACTERS} characters`);
  if (/-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----/.test(pem)) {
    throw new Error('there is a private key in it (keep it secret, and replace it if it was shared)');
  }
  const blocks = [...pem.matchAll(BLOCK)];
  if (blocks.length === 0) throw new Error('no PEM block found: expected -----BEGIN CERTIFICATE-----');
  if (blocks.length !== (pem.match(/-----BEGIN /g) ?? []).length) throw new Error('a PEM block in it does not end');
  if (blocks.length > MAXIMUM_CERTIFICATES) throw new Error(`more than ${MAXIMUM_CERTIFICATES} certificates are in it`);
  return { certificates: blocks.map(readBlock) };
}

function readBlock([, label, body = '']: RegExpExecArray, index: number): Uint8Array {
  if (label !== 'CERTIFICATE') throw new Error(`a PEM block of type ${label} is not supported: expected CERTIFICATE`);
  const der = decodeBase64(body.replace(/\s+/g, ''));
  try {
    if (der === undefined) throw new Error('the text between BEGIN and END is not valid base64');
    requireModestDer(der);
    const certificate = new X509Certificate(der);
    if (Buffer.compare(certificate.raw, der) !== 0) throw new Error('bytes follow it');
    if (!certificate.ca) throw new Error('it is not that of a certificate authority');
    parsePublicKey(certificate.publicKey.export({ format: 'pem', type: 'spki' }));
    return der;
  } catch (cause) {
    throw new Error(`certificate ${index + 1} can't be used: ${errorText(cause)}`, { cause });
  }
}
