// SPDX-License-Identifier: Apache-2.0
import { isIP } from 'node:net';
import { implicit, type Der } from './sigstore/der.ts';
import {
  certificateAuthority,
  dnsName,
  generateKeys,
  keyCertSign,
  makeCertificate,
  subjectAlternativeName,
  toPem,
} from './sigstore/certificates.ts';

export interface Authority {
  /** PEM, for `caFile`. */
  readonly pem: string;
  /** A certificate for a host name or an IPv4 address, both PEM. */
  certify(this: void, name: string, notAfter?: Date): { readonly key: string; readonly cert: string };
}

const YEAR = 365 * 24 * 3600 * 1000;

/** A certificate authority of a company's own. */
export function makeAuthority(subject = 'ca'): Authority {
  const authority = generateKeys('P-256');
  const common = { issuer: subject, signedBy: authority.privateKey, notBefore: new Date(Date.now() - YEAR) };
  const inAYear = new Date(Date.now() + YEAR);
  const own = makeCertificate({
    ...common,
    subject,
    publicKey: authority.publicKey,
    notAfter: inAYear,
    extensions: [certificateAuthority(), keyCertSign()],
  });
  return {
    pem: toPem('CERTIFICATE', own),
    certify(name, notAfter = inAYear) {
      const keys = generateKeys('P-256');
      const extensions = [subjectAlternativeName(alternativeName(name))];
      const certificate = makeCertificate({
        ...common,
        subject: name,
        publicKey: keys.publicKey,
        notAfter,
        extensions,
      });
      const key = keys.privateKey.export({ format: 'pem', type: 'pkcs8' });
      return { key, cert: toPem('CERTIFICATE', certificate) };
    },
  };
}

function alternativeName(name: string): Der {
  return isIP(name) === 4 ? implicit(7, Buffer.from(name.split('.').map(Number))) : dnsName(name);
}
