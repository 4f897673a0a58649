// SPDX-License-Identifier: Apache-2.0
import { VerificationError, Verifier } from '@sigstore/verify';
import type { SignedEntity, TrustMaterial } from '@sigstore/verify';
import { EngineError, errorText } from '../errors.ts';
import type { IdentitySigner } from '../policy/types.ts';
import { readLeaf } from './certificate.ts';
import type { LeafCertificate } from './certificate.ts';
import { includes } from './log-inclusion.ts';
import { readEvidence } from './material.ts';
import { contentOfCandidate } from './signed-content.ts';
import type { SignedContent } from './signed-content.ts';
import { knownTimestamps } from './timestamp.ts';
import { proveEntries } from './transparency.ts';
import type { ProvenEntry } from './transparency.ts';
import type { TransparencyLog, TrustRoot } from './trust-root.ts';
import type { CertificateIdentity, SignatureCandidate } from './types.ts';
import type { VerificationEvidence } from './verification-evidence.ts';

type Timestamp = SignedEntity['timestamps'][number];

/**
 * Proves a keyless signature: the certificate's key made it, the certificate was valid when a trusted clock
 * (Rekor v1's promise, or an RFC 3161 authority) saw it, chains to the root and is in a certificate log.
 * @returns what the certificate says of its holder; whether that is whom the policy wants is `identityMatches`.
 * @throws EngineError UntrustedSignature, MalformedSignature, TransparencyLogMissing
 */
export async function proveCertificate(candidate: SignatureCandidate, root: TrustRoot): Promise<CertificateIdentity> {
  return proveIdentity(readEvidence(candidate.material), contentOfCandidate(candidate), root);
}

/** Exact text or anchored pattern for both: a matcher never looks for a part of the text. */
export function identityMatches(identity: CertificateIdentity, signer: IdentitySigner): boolean {
  return signer.issuer.matches(identity.issuer) && signer.subject.matches(identity.subject);
}

/** As `proveCertificate`, for evidence that is already read. */
export function proveIdentity(
  evidence: VerificationEvidence,
  content: SignedContent,
  root: TrustRoot,
): CertificateIdentity {
  const leaf = leafOf(evidence);
  const signer = { keyDer: leaf.publicKey.der, certificateDer: leaf.der };
  const entries = proveEntries(evidence.logEntries, content, signer, root);
  try {
    const timestamps = [...logTimes(entries), ...authorityTimes(evidence, root)];
    requireTime(timestamps, evidence);
    verifyEntity(leaf, content, timestamps, root);
    requireLogWindows(entries, timestamps);
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw new EngineError('UntrustedSignature', reasonOf(cause), { cause });
  }
  return leaf.identity;
}

function leafOf({ certificate }: VerificationEvidence): LeafCertificate {
  if (certificate === undefined) throw new EngineError('UntrustedSignature', 'it carries no certificate');
  try {
    return readLeaf(certificate);
  } catch (cause) {
    throw new EngineError('MalformedSignature', errorText(cause), { cause });
  }
}

/** Only a promise vouches for `integratedTime`; one time of one log is one timestamp. */
function logTimes(entries: readonly ProvenEntry[]): readonly Timestamp[] {
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

function authorityTimes({ timestamps }: VerificationEvidence, root: TrustRoot): readonly Timestamp[] {
  return knownTimestamps(timestamps, root).map((timestamp) => ({ $case: 'timestamp-authority', timestamp }));
}

function requireTime(timestamps: readonly Timestamp[], evidence: VerificationEvidence): void {
  if (timestamps.length > 0) return;
  const none = evidence.logEntries.length === 0 && evidence.timestamps.length === 0;
  const reason = none
    ? 'neither a log entry nor a timestamp comes with it'
    : 'nothing that comes with it tells a trusted time';
  throw new EngineError('TransparencyLogMissing', `its certificate's validity cannot be judged: ${reason}`);
}

/**
 * The chain at each of the times, the certificate log's promise, the timestamps and the signature. The log
 * entries are proven already, and the signature is checked by our own means: `@sigstore/verify` takes SHA-256
 * for every elliptic curve, and compares no entry with the certificate.
 */
function verifyEntity(
  leaf: LeafCertificate,
  content: SignedContent,
  timestamps: readonly Timestamp[],
  root: TrustRoot,
): void {
  const entity: SignedEntity = {
    key: { $case: 'certificate', certificate: leaf.certificate },
    signature: {
      signature: Buffer.from(content.signature),
      verifySignature: () => content.verifies(leaf.publicKey),
      compareSignature: () => false,
      compareDigest: () => false,
      compareSignedDigest: () => false,
    },
    timestamps: [...timestamps],
    tlogEntries: [],
  };
  new Verifier(trustMaterial(root), { ctlogThreshold: 1, tlogThreshold: 0, timestampThreshold: 1 }).verify(entity);
}

function trustMaterial(root: TrustRoot): TrustMaterial {
  return {
    certificateAuthorities: root.certificateAuthorities.map((authority) => ({
      ...authority,
      certChain: [...authority.certChain],
    })),
    timestampAuthorities: root.timestampAuthorities.map((authority) => ({
      ...authority,
      certChain: [...authority.certChain],
    })),
    tlogs: root.transparencyLogs.map(logAuthority),
    ctlogs: root.certificateLogs.map(logAuthority),
    publicKey: () => {
      throw new Error('there are no keys beside the certificate');
    },
  };
}

function logAuthority({ baseUrl, logId, key, validFor }: TransparencyLog): TrustMaterial['tlogs'][number] {
  return { baseURL: baseUrl, logID: logId, publicKey: key, validFor };
}

/** An entry without a promise has no time of its own: its log must have been trusted when the timestamps were made. */
function requireLogWindows(entries: readonly ProvenEntry[], timestamps: readonly Timestamp[]): void {
  const times = timestamps.flatMap((one) => (one.$case === 'timestamp-authority' ? [one.timestamp.signingTime] : []));
  for (const { entry, logs } of entries) {
    const current = logs.some(({ validFor }) => times.every((time) => includes(validFor, time)));
    if (entry.promise === undefined && !current) {
      throw new Error(`${entry.path} is of a log that was not trusted at the time of the timestamp`);
    }
  }
}

/** The verifier puts the reason that a person needs into the cause. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof VerificationError ? (thrown.cause ?? thrown) : thrown;
  return errorText(cause);
}
