// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { CertifiedKey } from './issue.ts';

/** What decides whether a certificate is still good. */
export interface CertificateInfo {
  readonly subject: string;
  /** SHA-256 of the DER, upper-case hexadecimal with colons. */
  readonly fingerprint: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isAuthority: boolean;
}

/** Reads the first certificate of a PEM text. Undefined: it is none (a Secret may hold anything). */
export function parseCertificateInfo(pem: string): CertificateInfo | undefined {
  const certificate = parse(pem);
  return (
    certificate && {
      subject: certificate.subject,
      fingerprint: certificate.fingerprint256,
      notBefore: certificate.validFromDate.getTime(),
      notAfter: certificate.validToDate.getTime(),
      isAuthority: certificate.ca,
    }
  );
}

/** Whether key and certificate belong together; false for anything unreadable. */
export function isPair({ certificate, privateKey }: CertifiedKey): boolean {
  try {
    return parse(certificate)?.checkPrivateKey(createPrivateKey(privateKey)) ?? false;
  } catch {
    return false;
  }
}

/** Whether the authority signed the certificate; says nothing about time. */
export function isIssuedBy(pem: string, authorityPem: string): boolean {
  const certificate = parse(pem);
  const authority = parse(authorityPem);
  if (certificate === undefined || authority === undefined || !authority.ca) return false;
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

/** Whether a certificate is good for all of these host names and addresses. */
export function coversNames(pem: string, names: readonly string[]): boolean {
  const certificate = parse(pem);
  if (certificate === undefined) return false;
  return names.every((name) =>
    isIP(name) === 0
      ? certificate.checkHost(name, { subject: 'never' }) !== undefined
      : certificate.checkIP(name) !== undefined,
  );
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
