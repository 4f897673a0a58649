// SPDX-License-Identifier: Apache-2.0
import { verifyWithKey } from '../../../keys/algorithms.ts';
import { unacceptedWay } from '../../../keys/unaccepted.ts';
import { attempt, entry } from './attempts.ts';
import type { OwnCertificateProver } from './own-certificates.ts';
import type { Proven, Spend } from './proven.ts';
import { createOwnCertificateProver } from './own-certificates.ts';
import { isJsonObject } from '../../../json.ts';
import type { TrustRoot, TrustRoots } from '../../../sigstore/trust/trust-root.ts';
import type {
  CertificateIdentity,
  SignatureCandidate,
  SignatureFormat,
  VerificationMaterial,
} from '../../../signatures/types.ts';
import type { Digest } from '../../../image/digest.ts';
import type { PublicKey } from '../../../keys/public-key.ts';

/** A key that may have signed; a signer of a policy is one. */
export type SignatureKey = Pick<PublicKey, 'key' | 'algorithm' | 'fingerprint'>;

/**
 * Answers whether a candidate is what it claims, each question once: what is proven about bytes
 * stays proven. Nothing here knows policies. A failure to prove is an answer, not an exception.
 */
export interface SignatureVerifier extends OwnCertificateProver {
  /** `spend` is told of work that no earlier answer saves, before it is done; what it throws goes on. */
  readonly signedBy: (candidate: SignatureCandidate, signer: SignatureKey, spend?: Spend) => boolean;
  /** In which way that does not count the key made it, as `unacceptedWay` says it; undefined: it did not. */
  readonly unaccepted: (candidate: SignatureCandidate, signer: SignatureKey) => string | undefined;
  /** `transparencyLog: Require`: a timestamp alone is not enough evidence of the time. */
  readonly certifiedBy: (
    candidate: SignatureCandidate,
    rootName: string,
    transparencyLog: 'Ignore' | 'Require',
    spend?: Spend,
  ) => Promise<Proven<CertificateIdentity>>;
  /**
   * The candidate without its material, where its maker is known and nothing else could be proven with that; else
   * the same. What is proven stays proven, in less memory; other keys can still be tried.
   */
  readonly compacted: (candidate: SignatureCandidate) => SignatureCandidate;
  readonly loggedBy: (candidate: SignatureCandidate, signer: SignatureKey) => Promise<Proven<true>>;
  /** When the key made it: the earliest that a log or authority of any trust root proves, milliseconds since the epoch. */
  readonly timedBy: (candidate: SignatureCandidate, signer: SignatureKey, spend?: Spend) => Promise<Proven<number>>;
}

/** A chain, a certificate log's promise, log entries and timestamps, each with signatures of their own. */
const CERTIFICATE_UNITS = 8;
/** So many tenants' keys are remembered not to have signed; what is forgotten is tried again. */
const MOST_STRANGERS = 256;
const MOST_MAKERS = 16;

type CertificateProofs = WeakMap<TrustRoot, Promise<Proven<CertificateIdentity>>>;

export function createSignatureVerifier(trustRoots: TrustRoots): SignatureVerifier {
  /**
   * More than one: for an ECDSA or RSA signature anybody can compute a second key under which it verifies. Who did so
   * must not take the proof away from the first.
   */
  const makers = new WeakMap<SignatureCandidate, Set<Digest>>();
  const strangers = new WeakMap<SignatureCandidate, Set<Digest>>();
  const ways = new WeakMap<SignatureCandidate, Map<Digest, string | undefined>>();
  const certificates = {
    Ignore: new WeakMap<SignatureCandidate, CertificateProofs>(),
    Require: new WeakMap<SignatureCandidate, CertificateProofs>(),
  };

  const signedBy: SignatureVerifier['signedBy'] = (candidate, signer, spend) => {
    const { fingerprint } = signer;
    if (ProvenCandidate.isMadeBy(candidate, fingerprint) || makers.get(candidate)?.has(fingerprint) === true) {
      return true;
    }
    if (strangers.get(candidate)?.has(fingerprint) === true) {
      return false;
    }
    spend?.(1);
    const answer = verifyWithKey(signer, candidate.signedBytes, candidate.signature);
    remember(
      entry(answer ? makers : strangers, candidate, () => new Set()),
      fingerprint,
      answer,
    );
    return answer;
  };

  const unaccepted: SignatureVerifier['unaccepted'] = (candidate, signer) => {
    const known = entry(ways, candidate, () => new Map());
    const { fingerprint } = signer;
    if (!known.has(fingerprint)) {
      if (known.size >= MOST_STRANGERS) known.clear();
      known.set(fingerprint, unacceptedWay(signer, candidate.signedBytes, candidate.signature));
    }
    return known.get(fingerprint);
  };

  const load = async (name: string): Promise<Proven<TrustRoot>> => {
    const root = await attempt(() => trustRoots.load(name));
    return root.ok ? root : { ...root, unusable: `trust root "${name}" can't be used: ${root.reason}` };
  };

  const certifiedBy: SignatureVerifier['certifiedBy'] = async (candidate, rootName, transparencyLog, spend) => {
    const root = await load(rootName);
    if (!root.ok) {
      return root;
    }
    const known = entry(certificates[transparencyLog], candidate, (): CertificateProofs => new WeakMap());
    const before = known.get(root.value);
    if (before !== undefined) {
      return before;
    }
    spend?.(CERTIFICATE_UNITS);
    const answer = attempt(async () => {
      const { proveCertificate } = await import('../../../sigstore/identity.ts');
      return proveCertificate(candidate, root.value, { transparencyLog });
    });
    known.set(root.value, answer);
    return answer;
  };

  const loggedBy = async (candidate: SignatureCandidate, signer: SignatureKey): Promise<Proven<true>> => {
    const reasons: string[] = [];
    const unusable: string[] = [];
    for (const name of trustRoots.names()) {
      const root = await load(name);
      const answer = root.ok ? await loggedIn(candidate, signer, root.value) : root;
      if (answer.ok) {
        return answer;
      }
      reasons.push(`${name}: ${answer.reason}`);
      if (answer.unusable !== undefined) {
        unusable.push(answer.unusable);
      }
    }
    const reason = reasons.join('; ') || 'no trust root is configured';
    return { ok: false, reason, ...(unusable.length > 0 && { unusable: unusable.join('; ') }) };
  };

  const own = createOwnCertificateProver({ names: () => trustRoots.names(), load });

  const timedBy: SignatureVerifier['timedBy'] = async (candidate, signer, spend) => {
    const answers: [name: string, answer: Proven<number | undefined>][] = [];
    for (const name of trustRoots.names()) {
      const root = await load(name);
      spend?.(CERTIFICATE_UNITS);
      answers.push([name, root.ok ? await timeIn(candidate, signer, root.value) : root]);
    }
    return earliest(answers);
  };

  const compacted = (candidate: SignatureCandidate): SignatureCandidate => {
    const [maker] = makers.get(candidate) ?? [];
    return maker === undefined || mayProveMore(candidate) ? candidate : new ProvenCandidate(candidate, maker);
  };

  return { signedBy, unaccepted, certifiedBy, loggedBy, timedBy, compacted, ...own };
}

async function loggedIn(candidate: SignatureCandidate, signer: SignatureKey, root: TrustRoot): Promise<Proven<true>> {
  return attempt(async () => {
    const { proveLogged } = await import('../../../sigstore/proof/transparency.ts');
    await proveLogged(candidate, signer, root);
    return true as const;
  });
}

/** Of what the roots know. One that can't be used may know of an earlier time than the others. */
function earliest(answers: readonly (readonly [name: string, answer: Proven<number | undefined>])[]): Proven<number> {
  const failed = answers.flatMap(([name, answer]) => (answer.ok ? [] : [{ name, ...answer }]));
  const unusable = failed.flatMap((answer) => answer.unusable ?? []).join('; ');
  const times = answers.flatMap(([, answer]) => (answer.ok ? (answer.value ?? []) : []));
  if (times.length > 0 && unusable === '') return { ok: true, value: Math.min(...times) };
  const reasons = failed.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
  const reason = reasons === '' ? 'no trusted log or timestamp authority proves its time' : reasons;
  return { ok: false, reason, ...(unusable !== '' && { unusable }) };
}

async function timeIn(
  candidate: SignatureCandidate,
  signer: SignatureKey,
  root: TrustRoot,
): Promise<Proven<number | undefined>> {
  return attempt(async () => {
    const { proveKeyTime } = await import('../../../sigstore/identity.ts');
    return proveKeyTime(candidate, signer, root);
  });
}

function remember(keys: Set<Digest>, fingerprint: Digest, answer: boolean): void {
  if (keys.size >= (answer ? MOST_MAKERS : MOST_STRANGERS)) keys.clear();
  keys.add(fingerprint);
}

const NO_ANNOTATIONS: SignatureCandidate['annotations'] = {};
const NO_MATERIAL: VerificationMaterial = { kind: 'annotations' };

/** Only `compacted` makes these, of candidates whose signature was verified. */
class ProvenCandidate implements SignatureCandidate {
  readonly format: SignatureFormat;
  readonly annotations: Readonly<Record<string, string>>;
  readonly #maker: Digest;
  /** A byte a character: a third of what two views of bytes take. */
  readonly #signedBytes: string;
  readonly #signature: string;

  constructor({ format, annotations, signedBytes, signature }: SignatureCandidate, maker: Digest) {
    this.format = format;
    this.annotations = Object.keys(annotations).length === 0 ? NO_ANNOTATIONS : annotations;
    this.#maker = maker;
    this.#signedBytes = Buffer.from(signedBytes).toString('latin1');
    this.#signature = Buffer.from(signature).toString('latin1');
  }

  static isMadeBy(candidate: SignatureCandidate, fingerprint: Digest): boolean {
    return #maker in candidate && candidate.#maker === fingerprint;
  }

  /** Only faults are told with their place, and it has none. */
  get source(): string {
    return 'proven before';
  }

  get signedBytes(): Uint8Array {
    return Buffer.from(this.#signedBytes, 'latin1');
  }

  get signature(): Uint8Array {
    return Buffer.from(this.#signature, 'latin1');
  }

  get material(): VerificationMaterial {
    return NO_MATERIAL;
  }
}

/** Whether something beside the signature may come to be asked for: a certificate, a log entry, a timestamp. */
function mayProveMore({ material }: SignatureCandidate): boolean {
  if (material.kind === 'annotations') {
    return material.certificate !== undefined || material.rekorBundle !== undefined;
  }
  // A bundle that a key made may say nothing but which.
  const facts = isJsonObject(material.bundle) ? material.bundle['verificationMaterial'] : undefined;
  return !isJsonObject(facts) || Object.keys(facts).some((name) => name !== 'publicKey');
}
