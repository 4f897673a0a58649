// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { CertifiedKey } from '../../../../operator/certificates/issue.ts';

export interface CertificateInfo {
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isAuthority: boolean;
}

export function parseCertificateInfo(pem: string): CertificateInfo {
  const certificate = new X509Certificate(pem);
  return {
    subject: certificate.subject,
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    isAuthority: certificate.ca,
  };
}

/** Whether key and certificate belong together. */
export function isPair({ certificate, privateKey }: CertifiedKey): boolean {
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey));
}

/** Whether the authority signed the certificate; says nothing about time. */
export function isIssuedBy(pem: string, authorityPem: string): boolean {
  const certificate = new X509Certificate(pem);
  const authority = new X509Certificate(authorityPem);
  return authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

/** Whether a certificate is good for all of these host names and addresses. */
export function coversNames(pem: string, names: readonly string[]): boolean {
  const certificate = new X509Certificate(pem);
  return names.every((name) =>
    isIP(name) === 0
      ? certificate.checkHost(name, { subject: 'never' }) !== undefined
      : certificate.checkIP(name) !== undefined,
  );
}
