// SPDX-License-Identifier: Apache-2.0
import { kindOf } from '../policy/signers/signers.ts';
import { splitPolicyName } from '../policy/documents/kinds.ts';
import { quote } from '../image/reference.ts';
import { timeText } from '../policy/problems/time.ts';
import { signaturesNeeded } from '../policy/types.ts';
import type { CompiledPolicy } from '../policy/types.ts';
import type { VerdictSigner } from './evaluation/distinct-signers.ts';

const SHOWN_SIGNERS = 5;

/** The signers that a policy would have accepted: names and short fingerprints. */
export function describeSigners(policy: CompiledPolicy): string {
  const shown = policy.signers.slice(0, SHOWN_SIGNERS).map((signer) => kindOf(signer).describe(signer));
  const more = policy.signers.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Until when it allows, and why; empty where neither is said. */
export function describeException({ expiresAt, reason }: CompiledPolicy): string {
  const until = expiresAt === undefined ? '' : ` until ${timeText(expiresAt)}`;
  return reason === undefined ? until : `${until} (${quote(reason)})`;
}

/** Of one that has expired: `has expired at 2026-01-31T00:00:00Z`. */
export function describeExpiry({ expiresAt = 0 }: CompiledPolicy): string {
  return `has expired at ${timeText(expiresAt)}`;
}

/** The command that shows what is wrong with a policy. */
export function showCommand(policy: string): string {
  const { namespace, name } = splitPolicyName(policy);
  return namespace === undefined
    ? `kubectl describe imagepolicies.cosignet.dev ${name}`
    : `kubectl describe namespacedimagepolicies.cosignet.dev --namespace ${namespace} ${name}`;
}

interface Satisfied {
  readonly policy: CompiledPolicy;
  readonly platforms?: number;
  readonly signers: readonly VerdictSigner[];
}

/** What satisfies the policies: `signed by "release" and attested by "builder"`. */
export function describeProof(satisfied: readonly Satisfied[]): string {
  const bySignature = satisfied.filter(({ policy }) => signaturesNeeded(policy) > 0);
  const byAttestation = satisfied.filter((one) => !bySignature.includes(one));
  const done = { signed: bySignature, attested: byAttestation };
  return Object.entries(done)
    .filter(([, those]) => those.length > 0)
    .map(
      ([how, those]) =>
        `${how} by ${those.flatMap(({ signers }) => signers.map(({ name }) => `"${name}"`)).join(', ')}${platformsOf(those)}`,
    )
    .join(' and ');
}

function platformsOf(satisfied: readonly Satisfied[]): string {
  const count = Math.max(...satisfied.map(({ platforms = 0 }) => platforms));
  return count === 0 ? '' : ` on each of ${count} platform${count === 1 ? '' : 's'}`;
}
