// SPDX-License-Identifier: Apache-2.0
import type { OwnAuthority } from '../../../sigstore/own-pki/authority.ts';
import type { OwnTimes } from '../../../sigstore/own-pki/prove.ts';
import type { TrustRoot } from '../../../sigstore/trust/trust-root.ts';
import type { OwnCertificate, SignatureCandidate } from '../../../signatures/types.ts';
import { attempt, entry } from './attempts.ts';
import type { Proven, Spend } from './proven.ts';

/** A chain, and log entries and timestamps, each with signatures of their own. */
const UNITS = 8;

/** The part of a verifier that knows certificates of authorities of one's own. Each question is answered once. */
export interface OwnCertificateProver {
  /** Whether a certificate under this authority made it, and when that is valid. */
  readonly ownedBy: (
    candidate: SignatureCandidate,
    authority: OwnAuthority,
    spend?: Spend,
  ) => Promise<Proven<OwnCertificate>>;
  /** What the trust roots prove of the time of a signature that carries somebody's own certificate. */
  readonly ownTimes: (candidate: SignatureCandidate, spend?: Spend) => Promise<ProvenTimes>;
}

export interface ProvenTimes {
  /** Milliseconds since the epoch. */
  readonly times: readonly number[];
  readonly logged: boolean;
  /** Trust roots that might have proven more, with the reason. */
  readonly unusable?: string;
}

interface Roots {
  readonly names: () => readonly string[];
  readonly load: (name: string) => Promise<Proven<TrustRoot>>;
}

type Known<K extends object, T> = WeakMap<SignatureCandidate, WeakMap<K, Promise<Proven<T>>>>;

export function createOwnCertificateProver(roots: Roots): OwnCertificateProver {
  const owned: Known<OwnAuthority, OwnCertificate> = new WeakMap();
  const timed: Known<TrustRoot, OwnTimes> = new WeakMap();

  const ownedBy: OwnCertificateProver['ownedBy'] = (candidate, authority, spend) =>
    entry(
      entry(owned, candidate, () => new WeakMap()),
      authority,
      () => {
        spend?.(UNITS);
        return attempt(async () => {
          const { proveOwnCertificate } = await import('../../../sigstore/own-pki/prove.ts');
          return proveOwnCertificate(candidate, authority);
        });
      },
    );

  const timesBy = (candidate: SignatureCandidate, root: TrustRoot, spend?: Spend) =>
    entry(
      entry(timed, candidate, () => new WeakMap()),
      root,
      () => {
        spend?.(UNITS);
        return attempt(async () => {
          const { proveOwnTimes } = await import('../../../sigstore/own-pki/prove.ts');
          return proveOwnTimes(candidate, root);
        });
      },
    );

  const ownTimes: OwnCertificateProver['ownTimes'] = async (candidate, spend) => {
    const found: OwnTimes[] = [];
    const unusable: string[] = [];
    for (const name of roots.names()) {
      const root = await roots.load(name);
      const proven = root.ok ? await timesBy(candidate, root.value, spend) : root;
      if (proven.ok) found.push(proven.value);
      else if (proven.unusable !== undefined) unusable.push(proven.unusable);
    }
    return {
      times: found.flatMap(({ times }) => times),
      logged: found.some(({ logged }) => logged),
      ...(unusable.length > 0 && { unusable: unusable.join('; ') }),
    };
  };

  return { ownedBy, ownTimes };
}
