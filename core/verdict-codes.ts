// SPDX-License-Identifier: Apache-2.0
// All facts about a verdict code, a row each: a new code is a new row, and a section of docs/reference/verdicts.md.

/** `denied`: the evidence was read and is not good enough; `error`: it could not be read. */
export type Outcome = 'allowed' | 'denied' | 'error';

export interface CodeFacts {
  readonly outcome: Outcome;
  /** Of the command line: 0 allowed, 1 denied, 2 unusable input, 3 could not decide. */
  readonly exitCode: 0 | 1 | 2 | 3;
  /** HTTP status of a refused review. */
  readonly status: 403 | 500 | 503;
  /** In a few words, for reports; the subject is an image. */
  readonly summary: string;
  /** One line a person can act on, where the failure knows of none that fits better; empty: nothing is to be done. */
  readonly remedy: (context: RemedyContext) => string;
  /** For who deploys the image: the fact first, then whom to ask. Whole sentences on one line. */
  readonly denial: (context: DenialContext) => string;
  /** Another attempt may read what this one could not: the evidence may be there and good. */
  readonly isTransient: boolean;
  /** The registry does not answer. A refusal or a missing image is an answer. */
  readonly isOutage: boolean;
  /** Where one place of evidence fails so, the next would too: asking on only costs requests. */
  readonly endsReading: boolean;
  /** Milliseconds for which such a failure answers for those who would ask the same again. */
  readonly rememberedMilliseconds: number;
  /** Milliseconds for which the background scan leaves a registry alone that failed so. */
  readonly scanRestMilliseconds: number;
}

export interface RemedyContext {
  /** The reference to sign or look at: `repository@digest` where it is known. */
  readonly image: string;
  /** The policy that refuses, and the command that shows it. */
  readonly policy?: { readonly name: string; readonly showCommand: string };
}

export interface DenialContext {
  /** The image's name, without its digest. */
  readonly image: string;
  /** `Policy "release"`, or whose word it is otherwise. */
  readonly policy: string;
  /** What the policy requires: `a signature by "release"`. */
  readonly demand: string;
  /** What was found, or why it could not be found out. */
  readonly reason: string;
  /** What can be done by who deploys, where the failure knows of something. */
  readonly remedy: string;
  /** Whom to ask. */
  readonly contact: string;
  /** The signer of the policy who made a signature that does not count, and why it does not, as a clause. */
  readonly unaccepted?: string;
}

const MINUTE = 60_000;
const FAILURE_MILLISECONDS = 2000;

const ALLOWED = {
  outcome: 'allowed',
  exitCode: 0,
  status: 500, // never refused
  remedy: () => '',
  denial: ({ image, policy, reason, contact }: DenialContext) =>
    `${policy} refuses ${image}: ${reason}. Ask ${contact}.`,
  isTransient: false,
  isOutage: false,
  endsReading: false,
  rememberedMilliseconds: 0,
  scanRestMilliseconds: 0,
} as const;

const DENIED = {
  ...ALLOWED,
  outcome: 'denied',
  exitCode: 1,
  status: 403,
  rememberedMilliseconds: FAILURE_MILLISECONDS,
} as const;

const ERROR = {
  ...DENIED,
  outcome: 'error',
  exitCode: 3,
  status: 503,
  denial: ({ image, reason, remedy, contact }: DenialContext) =>
    `Cosignet could not check ${image}: ${reason}. Your image may be fine. Try again in a minute; if that does not help, tell ${contact}${remedy === '' ? '.' : `: ${remedy}`}`,
} as const;

const lookAtRegistry = () => 'Check that the registry answers, and can be reached from inside the cluster.';

const FACTS = {
  Verified: { ...ALLOWED, summary: 'The signatures satisfy every policy.' },
  AllowedByPolicy: { ...ALLOWED, summary: 'A policy allows it without checking signatures.' },
  DeniedByPolicy: {
    ...DENIED,
    summary: 'A policy denies it without checking signatures.',
    remedy: ({ policy }) => `Use another image, or change policy ${policy?.name ?? ''}.`,
    denial: ({ image, policy, contact }) => `${policy} blocks ${image}. Use another image, or ask ${contact}.`,
  },
  NoPolicy: {
    ...DENIED,
    summary: 'No policy covers it.',
    remedy: () => 'Add its repository to spec.images of an ImagePolicy.',
    denial: ({ image, contact }) =>
      `No policy allows ${image} in this cluster. Use an approved image, or ask ${contact} to add one.`,
  },
  PolicyExpired: {
    ...DENIED,
    summary: 'The policy that allowed it has expired, and no other covers it.',
    remedy: ({ policy }) =>
      `Use an image that a policy covers, or change spec.expiresAt of policy ${policy?.name ?? ''}.`,
    denial: ({ image, reason, contact }) =>
      `${image} is not allowed any more: ${reason}. Use an approved image, or ask ${contact}.`,
  },
  PolicyNotReady: {
    ...DENIED,
    summary: 'The policy that covers it is broken.',
    remedy: ({ policy }) => `See what is wrong: ${policy?.showCommand ?? ''}`,
    denial: ({ policy, reason, contact }) =>
      `${policy} is broken, so its images are blocked; this is not your image's fault. Tell ${contact}: ${reason}.`,
  },
  PolicyStale: {
    ...ERROR,
    summary: 'Cosignet has lost its connection to the API server, so its policies may be out of date.',
    remedy: () =>
      'Find out why this replica of Cosignet cannot reach the API server; another one may answer meanwhile.',
  },
  InvalidReference: {
    ...DENIED,
    exitCode: 2,
    summary: 'It is not an image reference.',
    remedy: () => 'Write the image as [registry/]repository[:tag][@sha256:digest], in lower case.',
    denial: ({ reason, remedy }) => `${reason}. ${remedy}`,
  },
  ImageNotFound: {
    ...DENIED,
    summary: 'Its registry does not have it.',
    remedy: () => 'Check the spelling of repository and tag, and that the image was pushed.',
    denial: ({ image, reason, remedy }) => `${image} was not found: ${reason}. ${remedy}`,
  },
  NoSignature: {
    ...DENIED,
    summary: 'It has no signature.',
    remedy: ({ image }) => `Sign it: cosign sign --key cosign.key ${image}`,
    denial: ({ image, policy, demand, contact }) =>
      `${image} is not signed. ${policy} requires ${demand}. Your pipeline usually signs: ask ${contact}.`,
  },
  UntrustedSignature: {
    ...DENIED,
    summary: 'Its signatures are not by a trusted signer.',
    remedy: ({ image, policy }) =>
      `Sign it with a key of the policy (cosign sign --key cosign.key ${image}), or add the signer's key to policy ${policy?.name ?? ''}.`,
    denial: ({ image, policy, demand, contact, unaccepted }) =>
      unaccepted === undefined
        ? `${image} is signed, but not by a signer that the policy trusts. ${policy} requires ${demand}. Use an image from the approved pipeline, or ask ${contact}.`
        : `${image} is signed, but no signature of it counts: ${unaccepted}. ${policy} requires ${demand}. Ask ${contact} to have it signed so that it counts.`,
  },
  ThresholdNotMet: {
    ...DENIED,
    summary: 'Too few of the trusted signers signed it.',
    remedy: ({ image }) => `Have the missing signers sign it: cosign sign --key cosign.key ${image}`,
    denial: ({ image, policy, demand, reason, contact }) =>
      `${image} lacks signatures: ${reason}. ${policy} requires ${demand}. Ask ${contact} for those that are missing.`,
  },
  AnnotationMismatch: {
    ...DENIED,
    summary: 'Its signatures lack annotations that the policy requires.',
    remedy: ({ image }) =>
      `Sign it with the annotations of the policy: cosign sign -a key=value --key cosign.key ${image}`,
    denial: ({ image, policy, reason, contact }) =>
      `${image} is signed, but without the annotations that the policy requires. ${policy}: ${reason}. Ask ${contact} to have it signed with them.`,
  },
  SignedIdentityMismatch: {
    ...DENIED,
    summary: 'Its signatures were made for another repository.',
    remedy: ({ image }) =>
      `Sign it in the repository that the policy requires: cosign sign --new-bundle-format=false --use-signing-config=false --key cosign.key ${image}`,
    denial: ({ image, policy, reason, contact }) =>
      `${image} is signed, but not for this repository. ${policy}: ${reason}. Use an image from the approved pipeline, or ask ${contact}.`,
  },
  MalformedSignature: {
    ...DENIED,
    summary: 'Its signatures cannot be read.',
    remedy: ({ image }) => `Sign it again: cosign sign --key cosign.key ${image}`,
    denial: ({ image, policy, demand, reason, contact }) =>
      `The signatures of ${image} cannot be read: ${reason}. ${policy} requires ${demand}. Ask ${contact} to have it signed again.`,
  },
  TransparencyLogMissing: {
    ...DENIED,
    summary: 'Its signatures are in no transparency log.',
    remedy: ({ image }) => `Sign it again with upload to the transparency log: cosign sign --key cosign.key ${image}`,
    denial: ({ image, policy, reason, contact }) =>
      `${image} is signed, but its signature is in no transparency log, as the policy requires. ${policy}: ${reason}. Ask ${contact} to have it signed again, with an entry in the log.`,
  },
  AttestationMissing: {
    ...DENIED,
    summary: 'It lacks an attestation that the policy requires.',
    remedy: ({ image }) => `Attest it: cosign attest --key cosign.key --type TYPE --predicate FILE ${image}`,
    denial: ({ image, policy, reason, contact }) =>
      `${image} lacks an attestation that the policy requires. ${policy}: ${reason}. Look whether your pipeline scans and attests, or ask ${contact}.`,
  },
  AttestationFailed: {
    ...DENIED,
    summary: 'An attestation does not meet the conditions of the policy.',
    remedy: () => 'Fix what the attestation reports, build again and attest the new image.',
    denial: ({ image, policy, reason, contact }) =>
      `An attestation of ${image} does not meet the policy. ${policy}: ${reason}. Fix what it reports and build again, or ask ${contact}.`,
  },
  RunningImageUnknown: {
    ...ERROR,
    summary: 'It is not known whether the image that runs is the one that was signed.',
    remedy: () => 'Restart its Pods: new Pods are pinned to the verified digest.',
  },
  EvaluationTimeout: {
    ...ERROR,
    summary: 'The conditions or schemas of a policy could not be evaluated in time.',
    remedy: () => 'Check that the replicas of Cosignet have enough CPU and memory.',
    isTransient: true,
    // It says nothing about the image.
    rememberedMilliseconds: 0,
  },
  TrustRootUnavailable: {
    ...ERROR,
    summary: 'A trust root that the policy names could not be used.',
    remedy: () =>
      'Find out why the trust root cannot be used: check its file, or the TUF repository that the configuration names.',
  },
  KeyUnavailable: {
    ...ERROR,
    summary: 'A key of the policy, which a key management service holds, could not be read.',
    remedy: ({ policy }) => `Find out why the key cannot be read: ${policy?.showCommand ?? 'the policy says'}`,
    isTransient: true,
    // It says nothing about the image.
    rememberedMilliseconds: 0,
  },
  RegistryUnauthorized: {
    ...ERROR,
    summary: 'Its registry refused the credentials, or there are none.',
    remedy: () =>
      'Give the Pod or its service account an image pull secret for this registry, or name one in the configuration.',
    denial: ({ image, reason, remedy, contact }) =>
      `Cosignet may not read ${image}: ${reason}. ${remedy} If that does not help, ask ${contact}.`,
    isTransient: true,
    endsReading: true,
  },
  RegistryRateLimited: {
    ...ERROR,
    summary: 'Its registry answered that there were too many requests.',
    remedy: () => 'Wait, or use credentials with a higher limit for this registry.',
    isTransient: true,
    isOutage: true,
    endsReading: true,
    scanRestMilliseconds: 15 * MINUTE,
  },
  RegistryUnavailable: {
    ...ERROR,
    summary: 'Its registry could not be reached.',
    remedy: lookAtRegistry,
    isTransient: true,
    isOutage: true,
    scanRestMilliseconds: MINUTE,
  },
  ResponseTooLarge: {
    ...ERROR,
    summary: 'Its registry sent more than the limits allow.',
    remedy: () => 'Check what is stored with the image in the registry; the limits are in the configuration.',
  },
  DeadlineExceeded: {
    ...ERROR,
    summary: 'It could not be checked in time.',
    remedy: lookAtRegistry,
    isTransient: true,
    isOutage: true,
    endsReading: true,
    // Somebody's deadline says nothing about the registry.
    rememberedMilliseconds: 0,
    scanRestMilliseconds: MINUTE,
  },
  InternalError: {
    ...ERROR,
    status: 500,
    summary: 'A fault in Cosignet.',
    remedy: () => 'This is a fault in Cosignet: report it with the log line of this decision.',
  },
} satisfies Readonly<Record<string, CodeFacts>>;

/** The closed list of codes. Each is a metric label, and an anchor in docs/reference/verdicts.md. */
export type VerdictCode = keyof typeof FACTS;

/** Codes that a function of the engine may fail with. `Verified` and its kin are never thrown. */
export type FailureCode = Exclude<VerdictCode, 'Verified' | 'AllowedByPolicy'>;

export const VERDICT_CODES: readonly VerdictCode[] = Object.keys(FACTS).filter(isVerdictCode);

export function factsOf(code: VerdictCode): CodeFacts {
  return FACTS[code];
}

function isVerdictCode(name: string): name is VerdictCode {
  return Object.hasOwn(FACTS, name);
}
