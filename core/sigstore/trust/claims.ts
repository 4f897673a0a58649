// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from '@sigstore/core';
import { utf8, utf8String } from './der-text.ts';

/** Fulcio's arc; all its extensions are below (fulcio, docs/oid-info.md). */
const FULCIO = '1.3.6.1.4.1.57264.1';

/** By the last number of their OIDs: the bare text, as Fulcio first wrote it for GitHub's workflows. */
const BARE: Readonly<Record<string, number>> = {
  githubWorkflowTrigger: 2,
  githubWorkflowSHA: 3,
  githubWorkflowName: 4,
  githubWorkflowRepository: 5,
  githubWorkflowRef: 6,
};

/** The same, as DER UTF8Strings, for any provider. */
const WRAPPED: Readonly<Record<string, number>> = {
  buildSignerURI: 9,
  buildSignerDigest: 10,
  runnerEnvironment: 11,
  sourceRepositoryURI: 12,
  sourceRepositoryDigest: 13,
  sourceRepositoryRef: 14,
  sourceRepositoryIdentifier: 15,
  sourceRepositoryOwnerURI: 16,
  sourceRepositoryOwnerIdentifier: 17,
  buildConfigURI: 18,
  buildConfigDigest: 19,
  buildTrigger: 20,
  runInvocationURI: 21,
  sourceRepositoryVisibilityAtSigning: 22,
  deploymentEnvironment: 23,
  tokenSubject: 24,
};

/** What a certificate may say of how its holder came to it, in the order of the OIDs. `issuer` has two (1 and 8). */
export const CLAIM_NAMES: readonly string[] = [...Object.keys(BARE), 'issuer', ...Object.keys(WRAPPED)];

/** Longer ones match no policy, and would fill messages. */
const MAXIMUM_CHARACTERS = 1024;

/**
 * The claims of a certificate that has each extension once at most. One that can't be read is left out, and so meets no
 * demand; the certificate's other claims are as good as ever.
 */
export function readClaims(certificate: X509Certificate, issuer: string): Readonly<Record<string, string>> {
  const claims: Record<string, string> = {};
  const read = (names: typeof BARE, text: (extension: Extension) => string) => {
    for (const [name, number] of Object.entries(names)) {
      const extension = certificate.extension(`${FULCIO}.${number}`);
      const value = extension && readable(() => text(extension));
      if (value !== undefined) claims[name] = value;
    }
  };
  read(BARE, ({ value }) => utf8(value));
  claims['issuer'] = issuer;
  read(WRAPPED, ({ valueObj }) => utf8String(onlyOne(valueObj.subs)));
  return claims;
}

type Extension = NonNullable<ReturnType<X509Certificate['extension']>>;

function onlyOne<T>(parts: readonly T[]): T | undefined {
  return parts.length === 1 ? parts[0] : undefined;
}

function readable(read: () => string): string | undefined {
  try {
    const text = read();
    return text.length <= MAXIMUM_CHARACTERS ? text : undefined;
  } catch {
    return undefined;
  }
}
