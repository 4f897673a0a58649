// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** Of whom to believe certificates. One object for as long as nothing changes. */
export interface ClientAuthorities {
  /** PEM. */
  readonly ca: string;
  /** Common name or DNS name, exactly; one of them. */
  readonly names: readonly string[];
}

/** Whether the other end of a connection is one of them. */
export type IsKnownClient = (socket: TLSSocket, authorities: ClientAuthorities) => boolean;

/**
 * Whether the other end showed a certificate in one of the names, by one of the authorities: chain, time and purpose were
 * verified in its handshake, and that the authority is still one of them is looked at whenever they have changed.
 */
export function createClientCheck(): IsKnownClient {
  const known = new WeakMap<TLSSocket, ClientAuthorities>();
  return (socket, authorities) => {
    if (known.get(socket) === authorities) return true;
    const isKnown = socket.authorized && hasName(socket, authorities.names) && issuedBy(socket, authorities.ca);
    if (isKnown) known.set(socket, authorities);
    return isKnown;
  };
}

function hasName(socket: TLSSocket, names: readonly string[]): boolean {
  const certificate = socket.getPeerX509Certificate();
  return certificate !== undefined && namesOf(certificate).some((name) => names.includes(name));
}

/** Of two common names neither counts. Node writes the comma in a name as an escape, so none looks like several. */
function namesOf({ subject, subjectAltName = '' }: X509Certificate): readonly string[] {
  const [commonName, ...others] = subject.split('\n').filter((line) => line.startsWith('CN='));
  const dnsNames = subjectAltName.split(', ').filter((name) => name.startsWith('DNS:'));
  return [
    ...(commonName !== undefined && others.length === 0 ? [commonName.slice(3)] : []),
    ...dnsNames.map((name) => name.slice(4)),
  ];
}

/** Longer chains are none that an API server has. */
const MAXIMUM_CHAIN = 8;

function issuedBy(socket: TLSSocket, ca: string): boolean {
  const trusted = new Set(certificatesOf(ca).map(({ fingerprint256 }) => fingerprint256));
  let certificate = socket.getPeerCertificate(true);
  for (let depth = 0; depth < MAXIMUM_CHAIN; depth += 1) {
    if (trusted.has(certificate.fingerprint256)) return true;
    // The root is its own issuer.
    if (!certificate.issuerCertificate || certificate.issuerCertificate === certificate) return false;
    certificate = certificate.issuerCertificate;
  }
  return false;
}

function certificatesOf(ca: string): readonly X509Certificate[] {
  const blocks = ca.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
