// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { errorText } from '../../text.ts';
import { parseRepository, repositoryName } from '../../image/reference.ts';
import type { Repository } from '../../image/types.ts';
import { createMatcher, type CredentialEntry } from '../../registry/credentials/match.ts';
import { PULL_SECRET_KEYS, pullSecretCredentials } from '../../registry/credentials/pull-secret.ts';
import type { Keychain } from '../../registry/types.ts';
import type { ImagePolicySpec } from '../documents/image-policy.gen.ts';
import type { Report } from '../problems/report.ts';
import type { SignerLookups } from '../signers/common/signer-kind.ts';
import type { CompiledPolicy } from '../types.ts';

type Lookups = Pick<SignerLookups, 'secret'>;
type SignaturePlace = Pick<CompiledPolicy, 'signatureRepository' | 'signatureKeychain'>;

const PATH = 'spec.signatureSecret';

/** Where signatures are, and who reads them there. What can't be read makes the policy not Ready. */
export function compileSignaturePlace(spec: ImagePolicySpec, lookups: Lookups, report: Report): SignaturePlace {
  const { signatureRepository, signatureSecret } = spec;
  if (signatureRepository === undefined) {
    const message = 'signatureSecret needs signatureRepository: what is beside the image is read as the image is';
    if (signatureSecret !== undefined) report.add('InvalidSpec', PATH, message);
    return {};
  }
  const repository = report.attempt('InvalidSpec', 'spec.signatureRepository', () =>
    parseRepository(signatureRepository),
  );
  if (repository === undefined) return {};
  if (signatureSecret === undefined) return { signatureRepository: repository };
  const signatureKeychain = keychainOf(signatureSecret, repository, { lookups, report });
  return { signatureRepository: repository, ...(signatureKeychain && { signatureKeychain }) };
}

/** Undefined after a problem was reported: without its own credentials a place is not read with another's. */
function keychainOf(
  name: string,
  repository: Repository,
  { lookups, report }: { readonly lookups: Lookups; readonly report: Report },
): Keychain | undefined {
  for (const key of PULL_SECRET_KEYS) {
    const found = lookups.secret(name, key);
    if (found === undefined) continue;
    if (found.pem === undefined) {
      report.add('SecretNotFound', PATH, found.unavailable);
      return undefined;
    }
    return usable(readEntries(key, found.pem, report), { name, repository, report });
  }
  report.add('SecretNotFound', PATH, `there is no Secret ${name} with an entry ${PULL_SECRET_KEYS.join(' or ')}`);
  return undefined;
}

/** What is wrong with it is told without a word of it. */
function readEntries(
  key: (typeof PULL_SECRET_KEYS)[number],
  text: string,
  report: Report,
): readonly CredentialEntry[] | undefined {
  try {
    return pullSecretCredentials(key, text);
  } catch (error) {
    report.add('InvalidSecret', PATH, `the Secret's ${key} can not be read: ${errorText(error)}`);
    return undefined;
  }
}

function usable(
  entries: readonly CredentialEntry[] | undefined,
  { name, repository, report }: { readonly name: string; readonly repository: Repository; readonly report: Report },
): Keychain | undefined {
  if (entries === undefined) return undefined;
  const match = createMatcher(entries);
  if (match(repository).length > 0) return { id: identityOf(entries), resolve: async (wanted) => match(wanted) };
  report.add('InvalidSecret', PATH, `the Secret ${name} has no credentials for ${repositoryName(repository)}`);
  return undefined;
}

/** Equal for the same credentials and no others: what one of them was shown, or refused, is no word about another. */
function identityOf(entries: readonly CredentialEntry[]): string {
  return `signatures ${createHash('sha256').update(JSON.stringify(entries)).digest('hex')}`;
}
