// SPDX-License-Identifier: Apache-2.0
import { createPublicKey } from 'node:crypto';
import type { X509Certificate } from '@sigstore/core';
import { errorText } from '../../text.ts';
import { readable, refuseUnknownCritical, requireTimeStamping, TIME_STAMPING } from '../trust/certificate.ts';
import { includes, requireChain } from '../trust/chain.ts';
import { hashOf } from '../bundle/signed-content.ts';
import { parseTimestamp } from './timestamp-token.ts';
import type { TimestampToken } from './timestamp-token.ts';
import type { CertificateAuthority, TrustRoot } from '../trust/trust-root.ts';

/** A trusted authority that a timestamp claims to be by, and the certificate that signs for it. */
interface Claim {
  readonly authority: CertificateAuthority;
  readonly signing: X509Certificate;
}

/**
 * When trusted authorities saw what was stamped. A timestamp of a stranger proves nothing and is passed over; one that
 * claims to be by a trusted authority and does not hold fails the whole (Sigstore client specification, 4.2.1).
 * @throws Error with one sentence.
 */
export function provenTimes(
  responses: readonly Uint8Array[],
  stamped: Uint8Array,
  { timestampAuthorities }: TrustRoot,
): readonly Date[] {
  const seen = new Set(responses.map((der) => Buffer.from(der).toString('base64')));
  if (seen.size < responses.length) throw new Error('a timestamp is listed twice');
  return responses.map(parseTimestamp).flatMap((token) => {
    const claims = timestampAuthorities.flatMap((authority) => claimsOf(token, authority));
    if (claims.length > 0) requireProof(token, stamped, claims);
    return claims.length > 0 ? [token.time] : [];
  });
}

/** An authority's chain begins with its signing certificate, or that comes with the timestamp. */
function claimsOf(token: TimestampToken, authority: CertificateAuthority): readonly Claim[] {
  const { certChain } = authority;
  const [first] = certChain;
  if (first !== undefined && !first.isCA) return isNamed(token, first) ? [{ authority, signing: first }] : [];
  return token.certificates
    .filter((one) => isNamed(token, one) && certChain.some(({ subject }) => subject.equals(one.issuer)))
    .map((signing) => ({ authority, signing }));
}

function isNamed({ issuer, serialNumber }: TimestampToken, certificate: X509Certificate): boolean {
  return certificate.serialNumber.equals(serialNumber) && certificate.issuer.equals(issuer);
}

/** One authority may be listed several times, each for another while: one of them has to vouch. */
function requireProof(token: TimestampToken, stamped: Uint8Array, claims: readonly Claim[]): void {
  const { hash, digest } = token.imprint;
  const time = token.time.toISOString();
  if (Buffer.compare(hashOf(hash, stamped), digest) !== 0) {
    throw new Error('a timestamp could not be verified: it is over another signature');
  }
  const current = claims.filter(({ authority }) => includes(authority.validFor, token.time));
  if (current.length === 0) {
    throw new Error(`a timestamp is dated ${time}, outside of the time in which its authority is trusted`);
  }
  const faults = current.map((claim) => faultIn(token, claim));
  if (!faults.includes(undefined)) throw new Error(`a timestamp could not be verified: ${faults[0]}`);
}

function faultIn(token: TimestampToken, { authority, signing }: Claim): string | undefined {
  try {
    return readable(() => {
      refuseUnknownCritical(signing);
      requireTimeStamping(signing);
      requireChain({ leaf: signing, time: token.time, usage: TIME_STAMPING }, [authority]);
      const key = createPublicKey({ key: signing.publicKey, format: 'der', type: 'spki' });
      return token.verifies(key) ? undefined : 'it is not signed by its authority';
    });
  } catch (cause) {
    return errorText(cause);
  }
}
