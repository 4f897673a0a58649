// SPDX-License-Identifier: Apache-2.0
import { RFC3161Timestamp } from '@sigstore/core';
import { requireModestDer } from './der-effort.ts';
import { includes } from './log-inclusion.ts';
import type { CertificateAuthority, TrustRoot } from './trust-root.ts';

/** `granted`, `grantedWithMods` (RFC 3161, 2.4.2): only these carry a token. */
const GRANTED: ReadonlySet<bigint> = new Set([0n, 1n]);

/**
 * Reads RFC 3161 responses and keeps those that claim to be by a trusted authority; the rest prove nothing.
 * Their signature, digest and chain are checked by the verifier that they are handed to (identity.ts); here
 * is refused what it does not look at, or has no word for.
 * @throws Error with one sentence.
 */
export function knownTimestamps(responses: readonly Uint8Array[], root: TrustRoot): readonly RFC3161Timestamp[] {
  const seen = new Set(responses.map((der) => Buffer.from(der).toString('base64')));
  if (seen.size < responses.length) throw new Error('a timestamp is listed twice');
  return responses.map(parseTimestamp).filter((timestamp) => {
    const authorities = root.timestampAuthorities.filter((authority) => isBy(timestamp, authority));
    const time = timestamp.signingTime;
    if (authorities.length > 0 && !authorities.some((authority) => wasTrusted(authority, time))) {
      throw new Error(
        `a timestamp is dated ${time.toISOString()}, outside of the time in which its authority is trusted`,
      );
    }
    return authorities.length > 0;
  });
}

function parseTimestamp(der: Uint8Array): RFC3161Timestamp {
  try {
    requireModestDer(der);
    const timestamp = RFC3161Timestamp.parse(Buffer.from(der));
    if (!GRANTED.has(timestamp.status)) throw new Error('the authority did not grant it');
    if (Number.isNaN(timestamp.signingTime.getTime())) throw new Error('it has no time');
    return timestamp;
  } catch (cause) {
    throw new Error('a timestamp is not a valid RFC 3161 response', { cause });
  }
}

function isBy(timestamp: RFC3161Timestamp, { certChain: [signing] }: CertificateAuthority): boolean {
  return (
    signing !== undefined &&
    signing.serialNumber.equals(timestamp.signerSerialNumber) &&
    signing.issuer.equals(timestamp.signerIssuer)
  );
}

function wasTrusted({ certChain, validFor }: CertificateAuthority, time: Date): boolean {
  return includes(validFor, time) && certChain.every((certificate) => certificate.validForDate(time));
}
