// SPDX-License-Identifier: Apache-2.0
import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { pki } from 'node-forge';

/** A certificate and its private key (PKCS #8), both PEM. */
export interface CertifiedKey {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Milliseconds since the epoch; X.509 keeps whole seconds. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface ServingRequest extends Validity {
  readonly authority: CertifiedKey;
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses?: readonly string[];
}

type Extension = Readonly<Record<string, unknown>>;

interface Blueprint extends Validity {
  readonly commonName: string;
  readonly extensions: readonly Extension[];
  /** Undefined: signs itself. */
  readonly authority?: CertifiedKey;
}

const RSA_BITS = 2048;
/** RFC 5280's upper bound; nobody looks servers up by it, and the DNS names of a Service may be longer. */
const COMMON_NAME_LENGTH = 64;

/** A new certificate authority, good for serving certificates only one step below it. */
export async function issueCertificateAuthority(request: Validity & { commonName: string }): Promise<CertifiedKey> {
  return issue({
    ...request,
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      { name: 'subjectKeyIdentifier' },
    ],
  });
}

/** A new key with a certificate for TLS servers of these names. Rejects if the authority is not readable. */
export async function issueServingCertificate(request: ServingRequest): Promise<CertifiedKey> {
  const dns = request.dnsNames.map((value) => ({ type: 2, value }));
  const ip = (request.ipAddresses ?? []).map((address) => ({ type: 7, ip: address }));
  return issue({
    ...request,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectKeyIdentifier' },
      { name: 'subjectAltName', altNames: [...dns, ...ip] },
    ],
  });
}

async function issue(blueprint: Blueprint): Promise<CertifiedKey> {
  // Slow to load and seldom needed: never at start, unless a certificate is due.
  const { default: forge } = await import('node-forge');
  const keys = await promisify(generateKeyPair)('rsa', {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(keys.publicKey);
  certificate.serialNumber = serialNumber();
  certificate.validity.notBefore = new Date(blueprint.notBefore);
  certificate.validity.notAfter = new Date(blueprint.notAfter);
  certificate.setSubject([{ name: 'commonName', value: blueprint.commonName.slice(0, COMMON_NAME_LENGTH) }]);
  const authority = blueprint.authority && forge.pki.certificateFromPem(blueprint.authority.certificate);
  const issuer: pki.Certificate = authority ?? certificate;
  certificate.setIssuer(issuer.subject.attributes);
  certificate.setExtensions([
    ...blueprint.extensions,
    { name: 'authorityKeyIdentifier', keyIdentifier: issuer.generateSubjectKeyIdentifier().getBytes() },
  ]);
  const signingKey = forge.pki.privateKeyFromPem(blueprint.authority?.privateKey ?? keys.privateKey);
  certificate.sign(signingKey, forge.md.sha256.create());
  return { certificate: forge.pki.certificateToPem(certificate), privateKey: keys.privateKey };
}

/** 126 random bits; a top nibble of 4 to 7 keeps the integer positive and its length fixed (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}
