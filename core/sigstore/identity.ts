// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../text.ts';
import type { X509Certificate } from '@sigstore/core';
import { EngineError } from '../errors.ts';
import type { VerificationKey } from '../keys/algorithms.ts';
import { requirePromise } from './proof/certificate-promise.ts';
import { CODE_SIGNING, readLeaf } from './trust/certificate.ts';
import type { LeafCertificate } from './trust/certificate.ts';
import { requireChain } from './trust/chain.ts';
import { readEvidence } from './bundle/material.ts';
import { contentOfCandidate } from './bundle/signed-content.ts';
import type { SignedContent } from './bundle/signed-content.ts';
import { requireLogWindow } from './proof/log-inclusion.ts';
import { promisedTimes } from './proof/promised-times.ts';
import { provenTimes } from './proof/timestamp.ts';
import { proveEntries } from './proof/transparency.ts';
import type { ProvenEntry } from './proof/transparency.ts';
import type { TrustRoot } from './trust/trust-root.ts';
import type { CertificateIdentity, SignatureCandidate } from '../signatures/types.ts';
import type { SigningMaterial } from './bundle/verification-material.ts';

export interface IdentityOptions {
  /** `Require`: a timestamp is not enough, the signature must be in a trusted log. Default `Ignore`. */
  readonly transparencyLog?: 'Ignore' | 'Require';
}

/**
 * Proves a keyless signature: the certificate's key made it, the certificate was valid when a trusted clock
 * (Rekor v1's promise, or an RFC 3161 authority) saw it, chains to the root and is in a certificate log.
 * @returns what the certificate says of its holder; whether that is whom the policy wants is the policy's to say.
 * @throws EngineError UntrustedSignature, MalformedSignature, TransparencyLogMissing
 */
export async function proveCertificate(
  candidate: SignatureCandidate,
  root: TrustRoot,
  options: IdentityOptions = {},
): Promise<CertificateIdentity> {
  return proveIdentity(readEvidence(candidate.material), contentOfCandidate(candidate), root, options);
}

/** As `proveCertificate`, for evidence that is already read. */
export function proveIdentity(
  material: SigningMaterial,
  content: SignedContent,
  root: TrustRoot,
  { transparencyLog = 'Ignore' }: IdentityOptions = {},
): CertificateIdentity {
  const { der, certificate, publicKey, identity } = leafOf(material);
  const hash = content.signedHash(publicKey);
  if (hash === undefined) {
    throw new EngineError('UntrustedSignature', "the signature is not by its certificate's key");
  }
  const entries = proveEntries(
    material.logEntries,
    content,
    { hash, keyDer: publicKey.der, certificateDer: der },
    root,
  );
  requireEntry(entries, transparencyLog);
  const signedAt = proveTimes({ material, entries, content, root }, certificate);
  return signedAt === undefined ? identity : { ...identity, signedAt };
}

/**
 * When a key made the signature, as far as the root's logs and authorities prove it: the earliest, in milliseconds since
 * the epoch. A later one is easily had by anybody for an old signature.
 * @throws EngineError UntrustedSignature, MalformedSignature
 */
export function proveKeyTime(
  candidate: SignatureCandidate,
  signer: VerificationKey,
  root: TrustRoot,
): number | undefined {
  const material = readEvidence(candidate.material);
  const content = contentOfCandidate(candidate);
  const keyDer = signer.key.export({ format: 'der', type: 'spki' });
  const entries = proveEntries(
    material.logEntries,
    content,
    { hash: content.signedHash(signer) ?? null, keyDer },
    root,
  );
  return proveTimes({ material, entries, content, root });
}

/**
 * As far as they are by trusted logs and authorities, entries and timestamps that come with a key's signature.
 * @throws EngineError UntrustedSignature, TransparencyLogMissing
 */
export function proveKeyMaterial(
  material: SigningMaterial,
  content: SignedContent,
  publicKey: LeafCertificate['publicKey'],
  { root, transparencyLog = 'Ignore' }: IdentityOptions & { readonly root: TrustRoot },
): void {
  const signer = { hash: content.signedHash(publicKey) ?? null, keyDer: publicKey.der };
  const entries = proveEntries(material.logEntries, content, signer, root);
  requireEntry(entries, transparencyLog);
  proveTimes({ material, entries, content, root });
}

function requireEntry(entries: readonly ProvenEntry[], transparencyLog: 'Ignore' | 'Require'): void {
  if (transparencyLog === 'Require' && entries.length === 0) {
    throw new EngineError('TransparencyLogMissing', 'no entry of a trusted transparency log comes with it');
  }
}

interface Proof {
  readonly material: SigningMaterial;
  readonly entries: readonly ProvenEntry[];
  readonly content: SignedContent;
  readonly root: TrustRoot;
}

/** @returns the earliest, in milliseconds since the epoch. */
function proveTimes({ material, entries, content, root }: Proof, certificate?: X509Certificate): number | undefined {
  try {
    const stamped = provenTimes(material.timestamps, content.stamped, root);
    const times = [...promisedTimes(entries), ...stamped];
    if (certificate !== undefined) {
      requireTime(times, material);
      requireTrusted(certificate, times, root);
      requireDates(entries, certificate);
    }
    for (const { entry, logs } of entries) requireLogWindow(entry, logs, stamped);
    return times.length === 0 ? undefined : Math.min(...times.map((time) => time.getTime()));
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw new EngineError('UntrustedSignature', errorText(cause), { cause });
  }
}

/** At each of the times (Sigstore client specification, 4.3), which a certificate always has one of. */
function requireTrusted(certificate: X509Certificate, times: readonly Date[], root: TrustRoot): void {
  for (const time of times) {
    const issuer = requireChain({ leaf: certificate, time, usage: CODE_SIGNING }, root.certificateAuthorities);
    if (root.certificateLog === 'Require') requirePromise(certificate, issuer, root.certificateLogs);
  }
}

function leafOf({ certificate }: SigningMaterial): LeafCertificate {
  if (certificate === undefined) throw new EngineError('UntrustedSignature', 'it carries no certificate');
  try {
    return readLeaf(certificate);
  } catch (cause) {
    throw new EngineError('MalformedSignature', errorText(cause), { cause });
  }
}

function requireTime(times: readonly Date[], material: SigningMaterial): void {
  if (times.length > 0) return;
  const none = material.logEntries.length === 0 && material.timestamps.length === 0;
  const reason = none
    ? 'neither a log entry nor a timestamp comes with it'
    : 'nothing that comes with it tells a trusted time';
  throw new EngineError('TransparencyLogMissing', `its certificate's validity cannot be checked: ${reason}`);
}

/** Also a date that nothing vouches for must not contradict the certificate. */
function requireDates(entries: readonly ProvenEntry[], certificate: X509Certificate): void {
  for (const { entry } of entries) {
    const { integratedTime, path } = entry;
    if (integratedTime !== undefined && !certificate.validForDate(new Date(integratedTime * 1000))) {
      throw new Error(`${path} is dated outside of the certificate's validity`);
    }
  }
}
