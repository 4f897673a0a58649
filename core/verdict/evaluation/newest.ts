// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { timeText } from '../../policy/problems/time.ts';
import type { Proven } from '../../policy/signers/verification/proven.ts';
import type { AttestationCandidate } from '../../signatures/types.ts';
import type { CountedProof } from './distinct-signers.ts';

/** An attestation that a trusted signer made, about this image's digest. */
export interface TrustedAttestation {
  readonly candidate: AttestationCandidate;
  readonly proof: CountedProof;
}

interface Telling {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly timeOf: (one: TrustedAttestation) => Promise<Proven<number>>;
}

/** Milliseconds by which clocks differ. */
const AHEAD_MOST = 5 * 60_000;

/**
 * The newest, and all that are as new; or why that can't be told: one without a time may be it, and one from the future
 * would stay it. One statement has one time, the earliest: copies without a proof of it change nothing, nor do those
 * that somebody has stamped anew.
 */
export async function newestOf(
  all: readonly TrustedAttestation[],
  { now, timeOf }: Telling,
): Promise<{ readonly trusted: readonly TrustedAttestation[]; readonly faults: readonly string[] }> {
  const statements = new Map<string, { time: number; reason: string; copies: TrustedAttestation[] }>();
  for (const one of all) {
    const key = createHash('sha256').update(one.candidate.signedBytes).digest('hex');
    const statement = statements.get(key) ?? { time: Infinity, reason: '', copies: [] };
    statements.set(key, statement);
    const time = await timeOf(one);
    if (time.ok) statement.time = Math.min(statement.time, time.value);
    else statement.reason = time.reason;
    statement.copies.push(one);
  }
  const known = [...statements.values()];
  const faults = known.flatMap(({ time, reason, copies: [first] }) => {
    const source = first?.candidate.source ?? '';
    if (time === Infinity) return [`${source} has no time: ${reason}`];
    return time > now + AHEAD_MOST ? [`${source} is of ${timeText(time)}, more than 5 minutes ahead`] : [];
  });
  if (faults.length > 0) return { trusted: [], faults };
  const newest = Math.max(...known.map(({ time }) => time));
  return { trusted: known.filter(({ time }) => time === newest).flatMap(({ copies }) => copies), faults };
}
