// SPDX-License-Identifier: Apache-2.0
import type { VerdictCode } from '../errors.ts';
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

interface RemedyContext {
  /** The reference to sign or look at: `repository@digest` where it is known. */
  readonly image: string;
  readonly policy?: string;
}

type Remedy = (context: RemedyContext) => string;

const askRegistryOwner: Remedy = () =>
  'Try again; if it lasts, see whether the registry answers from inside the cluster.';
const lookAtPolicy: Remedy = ({ policy = '' }) => {
  const { namespace, name } = splitPolicyName(policy);
  return namespace === undefined
    ? `See what is wrong: kubectl describe imagepolicies.cosignet.dev ${name}`
    : `See what is wrong: kubectl describe namespacedimagepolicies.cosignet.dev --namespace ${namespace} ${name}`;
};

/** One line a person can act on, for every code that refuses. Exhaustive: a new code needs its remedy. */
const REMEDIES: Readonly<Record<VerdictCode, Remedy>> = {
  Verified: () => '',
  AllowedByPolicy: () => '',
  DeniedByPolicy: ({ policy }) => `Use another image, or change policy ${policy ?? ''}.`,
  NoPolicy: () => 'Add its repository to the images of an ImagePolicy.',
  PolicyNotReady: lookAtPolicy,
  InvalidReference: () => 'Write the image as [registry/]repository[:tag][@sha256:digest], in lower case.',
  ImageNotFound: () => 'Check the spelling of repository and tag, and that the image was pushed.',
  NoSignature: ({ image }) => `Sign it: cosign sign --key cosign.key ${image}`,
  UntrustedSignature: ({ image, policy }) =>
    `Sign it with a key of the policy (cosign sign --key cosign.key ${image}), or add the signer's key to policy ${policy ?? ''}.`,
  ThresholdNotMet: ({ image }) => `Have the missing signers sign it: cosign sign --key cosign.key ${image}`,
  AnnotationMismatch: ({ image }) =>
    `Sign it with the annotations of the policy: cosign sign -a key=value --key cosign.key ${image}`,
  MalformedSignature: ({ image }) => `Sign it again: cosign sign --key cosign.key ${image}`,
  TransparencyLogMissing: ({ image }) =>
    `Sign it again with upload to the transparency log: cosign sign --key cosign.key ${image}`,
  AttestationMissing: ({ image }) => `Attest it: cosign attest --key cosign.key --type TYPE --predicate FILE ${image}`,
  AttestationFailed: () => 'Mend what the attestation reports, build again and attest the new image.',
  PolicyStale: () => 'Try again: another replica may answer. See why this one can not reach the API server.',
  TrustRootUnavailable: () =>
    'See why the trust root can not be used: its file, or the TUF repository that the configuration names.',
  RegistryUnauthorized: () =>
    'Give the Pod or its service account an image pull secret for this registry, or name one in the configuration.',
  RegistryRateLimited: () => 'Wait, or use credentials with a higher limit for this registry.',
  RegistryUnavailable: askRegistryOwner,
  ResponseTooLarge: () => 'Look at what is stored beside the image; the limits are in the configuration.',
  DeadlineExceeded: askRegistryOwner,
  InternalError: () => 'This is a fault in Cosignet: please report it with the log line of this decision.',
};

export function remedyFor(code: VerdictCode, context: RemedyContext): string {
  return REMEDIES[code](context).trimEnd();
}
