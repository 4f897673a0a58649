// SPDX-License-Identifier: Apache-2.0
import type { RFC3161Timestamp, X509Certificate } from '@sigstore/core';
import { Verifier } from '@sigstore/verify';
import type { SignedEntity, TrustMaterial } from '@sigstore/verify';
import type { VerificationKey } from './algorithms.ts';
import type { SignedContent } from './signed-content.ts';
import type { CertificateAuthority, TransparencyLog, TrustRoot } from './trust-root.ts';
import type { ProvenEntry } from './transparency.ts';

export type Timestamp = SignedEntity['timestamps'][number];

/** The signer's key, with its certificate where it has one. */
export interface EntitySigner {
  readonly publicKey: VerificationKey;
  readonly certificate?: X509Certificate;
}

/**
 * What `@sigstore/verify` is right for: the timestamps, the certificate's chain at each of their times, and its
 * promises by certificate logs. Log entries are proven before, and the signature is checked by our own means: it
 * takes SHA-256 for every elliptic curve, and compares no entry with the certificate.
 * @throws VerificationError
 */
export function verifyEntity(
  { publicKey, certificate }: EntitySigner,
  content: SignedContent,
  timestamps: readonly Timestamp[],
  root: TrustRoot,
): void {
  const entity: SignedEntity = {
    key: certificate === undefined ? { $case: 'public-key', hint: '' } : { $case: 'certificate', certificate },
    signature: {
      signature: Buffer.from(content.stamped),
      verifySignature: () => content.verifies(publicKey),
      compareSignature: () => false,
      compareDigest: () => false,
      compareSignedDigest: () => false,
    },
    timestamps: [...timestamps],
    tlogEntries: [],
  };
  const timestampThreshold = certificate === undefined ? 0 : 1;
  new Verifier(trustMaterial(root, publicKey), { ctlogThreshold: 1, tlogThreshold: 0, timestampThreshold }).verify(
    entity,
  );
}

/** Only a promise vouches for `integratedTime`; one time of one log is one timestamp. */
export function logTimes(entries: readonly ProvenEntry[]): readonly Timestamp[] {
  const times = new Map<string, Timestamp>();
  for (const { entry } of entries) {
    const { logId, logIndex, integratedTime, promise, body } = entry;
    if (promise === undefined || integratedTime === undefined) continue;
    const keyId = Buffer.from(logId);
    times.set(`${keyId.toString('hex')} ${integratedTime}`, {
      $case: 'transparency-log',
      tlogEntry: {
        logId: { keyId },
        logIndex: String(logIndex),
        integratedTime: String(integratedTime),
        inclusionPromise: { signedEntryTimestamp: Buffer.from(promise) },
        inclusionProof: undefined,
        canonicalizedBody: Buffer.from(body),
        kindVersion: { kind: entry.kind ?? '', version: entry.version ?? '' },
      },
    });
  }
  return [...times.values()];
}

export function authorityTimes(timestamps: readonly RFC3161Timestamp[]): readonly Timestamp[] {
  return timestamps.map((timestamp) => ({ $case: 'timestamp-authority', timestamp }));
}

function trustMaterial(root: TrustRoot, { key }: VerificationKey): TrustMaterial {
  return {
    certificateAuthorities: root.certificateAuthorities.map(authority),
    timestampAuthorities: root.timestampAuthorities.map(authority),
    tlogs: root.transparencyLogs.map(logAuthority),
    ctlogs: root.certificateLogs.map(logAuthority),
    publicKey: () => ({ publicKey: key, validFor: () => true }),
  };
}

function authority({ certChain, validFor }: CertificateAuthority) {
  return { certChain: [...certChain], validFor };
}

function logAuthority({ baseUrl, logId, key, validFor }: TransparencyLog) {
  return { baseURL: baseUrl, logID: logId, publicKey: key, validFor };
}
