// SPDX-License-Identifier: Apache-2.0
import { verifyWithKey } from '../cosign/algorithms.ts';
import type { TrustRoot } from '../cosign/trust-root.ts';
import type { CertificateIdentity, SignatureCandidate } from '../cosign/types.ts';
import { errorText } from '../errors.ts';
import type { KeySigner } from '../policy/types.ts';

/** Trust roots by name; `load` rejects where the name is unknown or the file cannot be used. */
export interface TrustRoots {
  readonly names: () => readonly string[];
  readonly load: (name: string) => Promise<TrustRoot>;
}

/** A proof, or the one line that says why there is none. */
export type Proven<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/**
 * Answers whether a candidate is what it claims, each question once: what is proven about bytes
 * stays proven. Nothing here knows policies. A failure to prove is an answer, not an exception.
 */
export interface Prover {
  readonly signedBy: (candidate: SignatureCandidate, signer: KeySigner) => boolean;
  /** `transparencyLog: Require`: a timestamp alone is not enough evidence of the time. */
  readonly certifiedBy: (
    candidate: SignatureCandidate,
    rootName: string,
    transparencyLog: 'Ignore' | 'Require',
  ) => Promise<Proven<CertificateIdentity>>;
  readonly loggedBy: (candidate: SignatureCandidate, signer: KeySigner) => Promise<Proven<true>>;
}

type CertificateProofs = WeakMap<TrustRoot, Promise<Proven<CertificateIdentity>>>;

export function createProver(trustRoots: TrustRoots): Prover {
  const bySigner = new WeakMap<SignatureCandidate, Map<string, boolean>>();
  const certificates = {
    Ignore: new WeakMap<SignatureCandidate, CertificateProofs>(),
    Require: new WeakMap<SignatureCandidate, CertificateProofs>(),
  };

  const signedBy = (candidate: SignatureCandidate, signer: KeySigner): boolean => {
    const known = entry(bySigner, candidate, () => new Map<string, boolean>());
    const before = known.get(signer.fingerprint);
    if (before !== undefined) {
      return before;
    }
    const answer = verifyWithKey(signer, candidate.signedBytes, candidate.signature);
    known.set(signer.fingerprint, answer);
    return answer;
  };

  const certifiedBy: Prover['certifiedBy'] = async (candidate, rootName, transparencyLog) => {
    const root = await attempt(() => trustRoots.load(rootName));
    if (!root.ok) {
      return root;
    }
    const known = entry(certificates[transparencyLog], candidate, (): CertificateProofs => new WeakMap());
    const before = known.get(root.value);
    if (before !== undefined) {
      return before;
    }
    const answer = attempt(async () => {
      const { proveCertificate } = await import('../cosign/identity.ts');
      return proveCertificate(candidate, root.value, { transparencyLog });
    });
    known.set(root.value, answer);
    return answer;
  };

  const loggedBy = async (candidate: SignatureCandidate, signer: KeySigner): Promise<Proven<true>> => {
    const reasons: string[] = [];
    for (const name of trustRoots.names()) {
      const answer = await attempt(async () => {
        const { proveLogged } = await import('../cosign/transparency.ts');
        await proveLogged(candidate, signer, await trustRoots.load(name));
        return true as const;
      });
      if (answer.ok) {
        return answer;
      }
      reasons.push(`${name}: ${answer.reason}`);
    }
    return { ok: false, reason: reasons.join('; ') || 'no trust root is configured' };
  };

  return { signedBy, certifiedBy, loggedBy };
}

async function attempt<T>(work: () => Promise<T>): Promise<Proven<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, reason: errorText(error) };
  }
}

function entry<K extends object, V>(map: WeakMap<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
