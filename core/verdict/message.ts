// SPDX-License-Identifier: Apache-2.0
import { kindOf } from '../policy/signers/signers.ts';
import { splitPolicyName } from '../policy/documents/kinds.ts';
import type { CompiledPolicy } from '../policy/types.ts';

const SHOWN_SIGNERS = 5;

/** The signers that a policy would have accepted: names and short fingerprints. */
export function describeSigners(policy: CompiledPolicy): string {
  const shown = policy.signers.slice(0, SHOWN_SIGNERS).map((signer) => kindOf(signer).describe(signer));
  const more = policy.signers.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The command that shows what is wrong with a policy. */
export function showCommand(policy: string): string {
  const { namespace, name } = splitPolicyName(policy);
  return namespace === undefined
    ? `kubectl describe imagepolicies.cosignet.dev ${name}`
    : `kubectl describe namespacedimagepolicies.cosignet.dev --namespace ${namespace} ${name}`;
}
