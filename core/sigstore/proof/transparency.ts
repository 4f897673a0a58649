// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../text.ts';
import { EngineError } from '../../errors.ts';
import type { VerificationKey } from '../../keys/algorithms.ts';
import { requireBody } from './log-body.ts';
import type { ExpectedSigner } from './log-body.ts';
import { logsOf, requireInclusion, requireLogWindow } from './log-inclusion.ts';
import { provenTimes } from './timestamp.ts';
import { readEvidence } from '../bundle/material.ts';
import { contentOfCandidate } from '../bundle/signed-content.ts';
import type { SignedContent } from '../bundle/signed-content.ts';
import type { TransparencyLog, TrustRoot } from '../trust/trust-root.ts';
import type { SignatureCandidate } from '../../signatures/types.ts';
import type { LogEntry } from '../bundle/verification-material.ts';

/** An entry that is in a trusted log and is about this signature, its content and its signer. */
export interface ProvenEntry {
  readonly entry: LogEntry;
  readonly logs: readonly TransparencyLog[];
}

/**
 * `transparencyLog: Require` for a key: at least one entry of a trusted log is about this signature by this
 * key. Offline: what the log said is in the candidate (annotation `bundle`, or `tlogEntries`).
 * @throws EngineError TransparencyLogMissing, UntrustedSignature, MalformedSignature
 */
export async function proveLogged(
  candidate: SignatureCandidate,
  signer: VerificationKey,
  root: TrustRoot,
): Promise<void> {
  const { logEntries, timestamps } = readEvidence(candidate.material);
  const keyDer = signer.key.export({ format: 'der', type: 'spki' });
  const content = contentOfCandidate(candidate);
  const proven = proveEntries(logEntries, content, { hash: content.signedHash(signer) ?? null, keyDer }, root);
  if (proven.length === 0) {
    const reason =
      logEntries.length === 0
        ? 'no transparency log entry comes with it'
        : 'its log entries are of logs that are not trusted';
    throw new EngineError('TransparencyLogMissing', reason);
  }
  try {
    const times = provenTimes(timestamps, content.stamped, root);
    for (const { entry, logs } of proven) requireLogWindow(entry, logs, times);
  } catch (cause) {
    throw new EngineError('UntrustedSignature', errorText(cause), { cause });
  }
}

/**
 * Entries of unknown logs prove nothing and are passed over; an entry that claims a trusted log and does not
 * hold is an attack or damage, and fails the whole, whatever else is there.
 * @throws EngineError UntrustedSignature
 */
export function proveEntries(
  entries: readonly LogEntry[],
  content: SignedContent,
  signer: ExpectedSigner,
  root: TrustRoot,
): readonly ProvenEntry[] {
  try {
    refuseRepeated(entries);
    const known = entries.map((entry) => ({ entry, logs: logsOf(entry, root) })).filter(({ logs }) => logs.length > 0);
    for (const { entry, logs } of known) {
      requireInclusion(entry, logs);
      requireBody(entry, content, signer);
    }
    return known;
  } catch (cause) {
    throw new EngineError('UntrustedSignature', errorText(cause), { cause });
  }
}

/** One entry listed twice must never count as two. */
function refuseRepeated(entries: readonly LogEntry[]): void {
  const seen = new Set(entries.map(({ logId, body }) => `${hex(logId)} ${hex(body)}`));
  if (seen.size < entries.length) throw new Error('a transparency log entry is listed twice');
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
