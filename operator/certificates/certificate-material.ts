// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { errorText } from '../../core/text.ts';

/** PEM texts, as in the Secret `<name>-tls`. */
export interface CertificateMaterial {
  /** Authorities to trust, the issuing one first; older ones stay while replicas may still serve by them. */
  readonly authorities: readonly string[];
  /** Private key of the first authority. */
  readonly authorityKey: string;
  readonly certificate: string;
  readonly key: string;
}

/** A certificate and its private key, both PEM. */
export interface CertifiedKey {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Milliseconds since the epoch. */
interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What is asked of new certificates. */
export interface CertificateWish {
  readonly dnsNames: readonly string[];
  /** How long a serving certificate is good for, in milliseconds. */
  readonly life: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The issuing functions; `operator/certificates` has them. */
export interface CertificateIssuer {
  readonly issueAuthority: (request: Validity & { readonly commonName: string }) => Promise<CertifiedKey>;
  readonly issueServing: (
    request: Validity & {
      readonly authority: CertifiedKey;
      readonly commonName: string;
      readonly dnsNames: readonly string[];
    },
  ) => Promise<CertifiedKey>;
}

/**
 * What the certificates call for. A new authority is trusted first and used after (`RotateAuthority`,
 * later `ReissueServing`, later `Prune`), so that at no time an API server meets a certificate that it doesn't know.
 */
export type CertificatePlan = 'Keep' | 'Create' | 'RotateAuthority' | 'ReissueServing' | 'Prune';

export interface SecretData {
  readonly 'ca.crt'?: string;
  readonly 'ca.key'?: string;
  readonly 'tls.crt'?: string;
  readonly 'tls.key'?: string;
}

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
/** A Secret may hold 1 MiB of anything; ours has a few KiB. */
const TEXT_MOST = 64 * 1024;
const AUTHORITIES_MOST = 4;
const DAY = 86_400_000;
/** Certificates are valid from before they were made: a day for our clock, and one for the API server's. */
export const BACKDATED = 2 * DAY;
/** Of a serving certificate, in milliseconds. */
export const DEFAULT_LIFE = 90 * DAY;
/** An authority lives so many times as long as what it issues. */
const AUTHORITY_LIVES = 4;
/** How long an authority stays trusted after the last certificate by it was replaced. */
const OVERLAP = 3_600_000;

/** Throws a plain Error that says which part is missing or doesn't fit. Dates are not looked at here. */
export function parseSecretData(data: SecretData): CertificateMaterial {
  const authorities = [...decoded(data, 'ca.crt').matchAll(PEM_BLOCK)].map(([pem]) => normalised(pem));
  const [issuing] = authorities;
  if (issuing === undefined) throw new Error('ca.crt has no certificate');
  if (authorities.length > AUTHORITIES_MOST) throw new Error(`ca.crt has more than ${AUTHORITIES_MOST} certificates`);
  const material: CertificateMaterial = {
    authorities,
    authorityKey: decoded(data, 'ca.key'),
    certificate: normalised(decoded(data, 'tls.crt')),
    key: decoded(data, 'tls.key'),
  };
  checkPair(material.certificate, material.key, 'tls.crt and tls.key');
  checkPair(issuing, material.authorityKey, 'ca.crt and ca.key');
  if (!issuerOf(material)) throw new Error('tls.crt was not issued by an authority in ca.crt');
  return material;
}

export function secretDataOf(material: CertificateMaterial): Required<SecretData> {
  return {
    'ca.crt': btoa(material.authorities.join('')),
    'ca.key': btoa(material.authorityKey),
    'tls.crt': btoa(material.certificate),
    'tls.key': btoa(material.key),
  };
}

/** The authority that signed the serving certificate; its signature is checked, not only its name. */
function issuerOf(material: CertificateMaterial): string | undefined {
  const leaf = new X509Certificate(material.certificate);
  return material.authorities.find((pem) => {
    const authority = new X509Certificate(pem);
    return authority.ca && leaf.checkIssued(authority) && leaf.verify(authority.publicKey);
  });
}

/** What clients with a correct clock accept from `notBefore` until `notAfter`, who trust `issuer`, PEM. */
export interface Servable extends Validity {
  readonly issuer: string;
}

/** All of it that no time changes: whoever asks with every review reads no certificate. Undefined: nobody accepts it. */
export function servableOf(material: CertificateMaterial, dnsNames: readonly string[]): Servable | undefined {
  const leaf = new X509Certificate(material.certificate);
  const issuer = issuerOf(material);
  if (issuer === undefined || !covers(leaf, dnsNames)) return undefined;
  const both = [leaf, new X509Certificate(issuer)];
  return {
    issuer,
    notBefore: Math.max(...both.map(({ validFromDate }) => validFromDate.getTime())),
    notAfter: Math.min(...both.map(({ validToDate }) => validToDate.getTime())),
  };
}

/** What a client with a correct clock accepts now. */
export function isServable(servable: Validity | undefined, now: number): boolean {
  return servable !== undefined && servable.notBefore <= now && now < servable.notAfter;
}

/** Decides by dates and names; pure. `bundleIsLive`: every API server request already trusts all authorities. */
export function planCertificates(
  material: CertificateMaterial,
  { dnsNames, life, now }: CertificateWish,
  bundleIsLive: boolean,
): CertificatePlan {
  const authority = new X509Certificate(material.authorities[0] ?? '');
  const leaf = new X509Certificate(material.certificate);
  if (!isInTime(authority, now)) return 'Create';
  const byCurrent = issuerOf(material) === material.authorities[0];
  if (isDue(authority, life * AUTHORITY_LIVES, now)) return 'RotateAuthority';
  if (!isServable(servableOf(material, dnsNames), now)) return 'ReissueServing';
  // A certificate by the new authority is served only once it is trusted.
  if (!byCurrent) return bundleIsLive ? 'ReissueServing' : 'Keep';
  if (isDue(leaf, life, now)) return 'ReissueServing';
  const isOverlapping = now - leaf.validFromDate.getTime() < OVERLAP + BACKDATED;
  return material.authorities.length > 1 && !isOverlapping ? 'Prune' : 'Keep';
}

/** After two thirds of its life, told by its end: when it was made can't be seen, it is backdated. */
function isDue(certificate: X509Certificate, life: number, now: number): boolean {
  return certificate.validToDate.getTime() - now <= life / 3;
}

function isInTime(certificate: X509Certificate, now: number): boolean {
  return certificate.validFromDate.getTime() <= now && now < certificate.validToDate.getTime();
}

function covers(leaf: X509Certificate, dnsNames: readonly string[]): boolean {
  return dnsNames.every((name) => leaf.checkHost(name, { subject: 'never' }) !== undefined);
}

function decoded(data: SecretData, field: keyof SecretData): string {
  const text = data[field];
  if (text === undefined || text === '') throw new Error(`${field} is missing`);
  if (text.length > TEXT_MOST) throw new Error(`${field} is too long`);
  return Buffer.from(text, 'base64').toString('latin1');
}

function checkPair(certificate: string, key: string, what: string): void {
  let fits: boolean;
  try {
    fits = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch (thrown) {
    throw new Error(`${what} can't be read: ${errorText(thrown)}`, { cause: thrown });
  }
  if (!fits) throw new Error(`${what} don't belong together`);
}

/** Makes what the plan says. `Create` and `RotateAuthority` may be given what was there before. */
export async function issueByPlan(
  plan: Exclude<CertificatePlan, 'Keep'>,
  before: CertificateMaterial | undefined,
  wish: CertificateWish,
  issuer: CertificateIssuer,
): Promise<CertificateMaterial> {
  if (plan === 'Create' || !before) return issueServing(await issueAuthority(wish, issuer), [], wish, issuer);
  const [current = '', ...older] = before.authorities;
  const inTime = [current, ...older].filter((pem) => isInTime(new X509Certificate(pem), wish.now));
  if (plan === 'Prune') return { ...before, authorities: [current] };
  if (plan === 'ReissueServing') {
    const authority = { certificate: current, privateKey: before.authorityKey };
    return issueServing(authority, inTime.slice(1), wish, issuer);
  }
  const authority = await issueAuthority(wish, issuer);
  const authorities = [normalised(authority.certificate), ...inTime].slice(0, AUTHORITIES_MOST);
  return { ...before, authorities, authorityKey: authority.privateKey };
}

function issueAuthority({ life, now }: CertificateWish, issuer: CertificateIssuer): Promise<CertifiedKey> {
  // Each has a name of its own: some clients look an issuer up by name.
  const commonName = `Cosignet CA ${new Date(now).toISOString()}`;
  return issuer.issueAuthority({ commonName, notBefore: now - BACKDATED, notAfter: now + life * AUTHORITY_LIVES });
}

async function issueServing(
  authority: CertifiedKey,
  older: readonly string[],
  { dnsNames, life, now }: CertificateWish,
  issuer: CertificateIssuer,
): Promise<CertificateMaterial> {
  // Never longer than its authority.
  const authorityEnd = new X509Certificate(authority.certificate).validToDate.getTime();
  const pair = await issuer.issueServing({
    authority,
    commonName: dnsNames[0] ?? 'cosignet',
    dnsNames,
    notBefore: now - BACKDATED,
    notAfter: Math.min(now + life, authorityEnd),
  });
  return {
    authorities: [normalised(authority.certificate), ...older],
    authorityKey: authority.privateKey,
    certificate: normalised(pair.certificate),
    key: pair.privateKey,
  };
}

/** One spelling, so that what was made and what was read back are equal. */
function normalised(pem: string): string {
  return `${pem.replaceAll('\r', '').trim()}\n`;
}
