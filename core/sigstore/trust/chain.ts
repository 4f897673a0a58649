// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from '@sigstore/core';
import { ANY_USAGE, extendedKeyUsages, refuseUnknownCritical } from './certificate.ts';
import type { CertificateAuthority, Window } from './trust-root.ts';

export interface ChainRequest {
  readonly leaf: X509Certificate;
  /** When somebody trusted saw the signature; today's date plays no part. */
  readonly time: Date;
  /** What the leaf is for: each certificate above that limits its use must allow it. */
  readonly usage: string;
}

const NAME_CONSTRAINTS = '2.5.29.30';

/**
 * Requires a path from the leaf to the anchor of an authority that is trusted at that time (RFC 5280, 6). The anchor is
 * the last certificate of the authority's chain, self-signed or not (protobuf-specs, sigstore_trustroot.proto); nothing
 * that the signer sent is part of the path.
 * @returns the certificate that issued the leaf.
 * @throws Error with one sentence.
 */
export function requireChain(request: ChainRequest, authorities: readonly CertificateAuthority[]): X509Certificate {
  const { leaf, time } = request;
  const current = authorities.filter(({ validFor }) => includes(validFor, time));
  let fault = `no authority of the certificate chain is trusted at ${time.toISOString()}`;
  for (const { certChain } of current) {
    const paths = pathsFrom(leaf, certChain, certChain.at(-1));
    const faults = paths.map((path) => faultIn(path, request));
    const issuer = paths[faults.indexOf(undefined)]?.[0];
    if (issuer !== undefined) return issuer;
    fault = faults[0] ?? 'no certificate path leads to a trusted authority';
  }
  throw new Error(fault);
}

export function includes({ start, end }: Window, time: Date): boolean {
  return start <= time && time <= end;
}

type Path = readonly X509Certificate[];

/** Each way of issuers from the certificate to the anchor. A trust root has at most eight certificates a chain. */
function pathsFrom(
  certificate: X509Certificate,
  pool: readonly X509Certificate[],
  anchor: X509Certificate | undefined,
): readonly Path[] {
  return pool
    .filter((issuer) => isIssuedBy(certificate, issuer))
    .flatMap((issuer): readonly Path[] => {
      if (issuer === anchor) return [[issuer]];
      const others = pool.filter((one) => one !== issuer);
      return pathsFrom(issuer, others, anchor).map((path) => [issuer].concat(path));
    });
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.issuer.equals(issuer.subject) && certificate.verify(issuer);
}

/** What keeps the path from proving anything; undefined where nothing does. */
function faultIn(path: Path, { leaf, time, usage }: ChainRequest): string | undefined {
  if (![leaf, ...path].every((certificate) => certificate.validForDate(time))) {
    return `the certificate or one above it is not valid or expired at ${time.toISOString()}`;
  }
  return path.map((issuer, below) => faultOf(issuer, below, usage)).find((fault) => fault !== undefined);
}

/** What keeps an issuer, with so many authorities below it, from vouching for such a use; undefined: nothing does. */
export function faultOf(issuer: X509Certificate, below: number, usage: string): string | undefined {
  refuseUnknownCritical(issuer);
  if (!issuer.isCA) return 'a certificate in the chain is not that of an authority';
  const { pathLenConstraint } = issuer.extBasicConstraints ?? {};
  if (pathLenConstraint !== undefined && pathLenConstraint < below)
    return 'the certificate chain is longer than allowed';
  // Also where they are not critical: they limit what the authority was trusted with.
  if (issuer.extension(NAME_CONSTRAINTS) !== undefined) return 'a certificate in the chain has name constraints';
  const usages = extendedKeyUsages(issuer);
  const allowed = usages.length === 0 || usages.includes(usage) || usages.includes(ANY_USAGE);
  return allowed ? undefined : 'an authority in the certificate chain is not for this use';
}
