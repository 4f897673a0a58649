// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from '@sigstore/core';
import { CODE_SIGNING, publicKeyOf, readable } from '../trust/certificate.ts';
import { faultOf } from '../trust/chain.ts';
import { requireModestDer } from '../trust/der-effort.ts';
import type { Window } from '../trust/trust-root.ts';
import type { OwnAuthority } from './authority.ts';

/** What signs certificates: never with SHA-1 or less. */
const SIGNATURE_ALGORITHMS = new Set([
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.3.101.112',
]);

/** Who sends the certificates between leaf and authority could else have us try each with each. */
const MAXIMUM_ATTEMPTS = 32;

/**
 * Requires a path from the leaf to one of the authorities (RFC 5280, 6), by way of certificates that the signer sent: what
 * they are worth is what the authorities' signatures say.
 * @returns when all of the path is valid; it may never be.
 * @throws Error with one sentence.
 */
export function requireOwnPath(leaf: X509Certificate, sent: readonly Uint8Array[], authority: OwnAuthority): Window {
  return readable(() => {
    const search = new Search(authority.certificates.map(parse), sent.map(parse));
    const path = search.from(leaf);
    if (path === undefined) throw new Error('no certificate path leads to the authority');
    const fault = path.map((issuer, below) => faultOf(issuer, below, CODE_SIGNING)).find((one) => one !== undefined);
    if (fault !== undefined) throw new Error(fault);
    return windowOf([leaf, ...path]);
  });
}

function windowOf(certificates: Path): Window {
  const start = Math.max(...certificates.map(({ notBefore }) => notBefore.getTime()));
  const end = Math.min(...certificates.map(({ notAfter }) => notAfter.getTime()));
  if (Number.isNaN(start) || Number.isNaN(end)) throw new Error('a certificate has dates that are none');
  return { start: new Date(start), end: new Date(end) };
}

function parse(der: Uint8Array): X509Certificate {
  requireModestDer(der);
  return X509Certificate.parse(Buffer.from(der));
}

type Path = readonly X509Certificate[];

/** Looks at each certificate that was sent once: with any number of them the work is bounded. */
class Search {
  readonly #anchors: readonly X509Certificate[];
  readonly #open: Set<X509Certificate>;
  #attempts = 0;

  constructor(anchors: readonly X509Certificate[], sent: readonly X509Certificate[]) {
    this.#anchors = anchors;
    this.#open = new Set(sent);
  }

  from(certificate: X509Certificate): Path | undefined {
    const anchor = this.#anchors.find((one) => this.#isIssuedBy(certificate, one));
    if (anchor !== undefined) return [anchor];
    for (const issuer of this.#open) {
      if (!this.#isIssuedBy(certificate, issuer)) continue;
      this.#open.delete(issuer);
      const path = this.from(issuer);
      if (path !== undefined) return [issuer, ...path];
    }
    return undefined;
  }

  #isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
    if (!certificate.issuer.equals(issuer.subject)) return false;
    this.#attempts += 1;
    if (this.#attempts > MAXIMUM_ATTEMPTS) throw new Error('too many certificates of one name come with it');
    if (!hasKnownAlgorithm(certificate)) return false;
    // Throws for a key that is too weak.
    publicKeyOf(issuer);
    return certificate.verify(issuer);
  }
}

/** The algorithm stands in a certificate twice, and only one of them is signed (RFC 5280, 4.1.1.2). */
function hasKnownAlgorithm({ root, tbsCertificate }: X509Certificate): boolean {
  const [outer, inner] = [root.subs[1], tbsCertificate.subs[2]];
  if (outer === undefined || inner?.toDER().equals(outer.toDER()) !== true) return false;
  return SIGNATURE_ALGORITHMS.has(outer.subs[0]?.toOID() ?? '');
}
