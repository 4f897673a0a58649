// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import { objectAt, parseAuths, parseRoot } from './docker-config.ts';
import type { CredentialEntry } from './match.ts';

/** The part of a Kubernetes Secret that is read. */
export interface PullSecret {
  readonly type?: string;
  /** base64, as the API gives it. */
  readonly data?: Readonly<Record<string, string>>;
}

const MAXIMUM_BYTES = 1024 * 1024;
/** Of one Secret: each is compared with each image, and a Pod may name many Secrets. */
const MAXIMUM_ENTRIES = 256;

/**
 * The credentials of an image pull secret, old and new kind. Only its `auths` count: a `credHelpers` in
 * it would let whoever may write a Secret run programs in the operator. Fails with `RegistryUnauthorized`.
 */
export function pullSecretEntries({ type, data }: PullSecret): readonly CredentialEntry[] {
  if (type === 'kubernetes.io/dockerconfigjson') {
    return pullSecretCredentials('.dockerconfigjson', decode(data, '.dockerconfigjson'));
  }
  if (type === 'kubernetes.io/dockercfg') return pullSecretCredentials('.dockercfg', decode(data, '.dockercfg'));
  throw new EngineError('RegistryUnauthorized', 'a pull secret must be of type kubernetes.io/dockerconfigjson');
}

/** Entries of a Secret's data that may hold what `pullSecretCredentials` reads. */
export const PULL_SECRET_KEYS = ['.dockerconfigjson', '.dockercfg'] as const;

/** The credentials in the text of one entry of an image pull secret. Fails with `RegistryUnauthorized`. */
export function pullSecretCredentials(
  key: (typeof PULL_SECRET_KEYS)[number],
  text: string,
): readonly CredentialEntry[] {
  if (text.length > MAXIMUM_BYTES) throw new EngineError('RegistryUnauthorized', 'a pull secret is too large');
  const root = parseRoot(text);
  const [auths, field] = key === '.dockercfg' ? [root, ''] : [objectAt(root, 'auths'), 'auths'];
  if (Object.keys(auths).length > MAXIMUM_ENTRIES) {
    throw new EngineError('RegistryUnauthorized', `a pull secret has more than ${MAXIMUM_ENTRIES} entries`);
  }
  return parseAuths(auths, field);
}

function decode(data: PullSecret['data'], key: string): string {
  const encoded = data?.[key];
  if (encoded === undefined || encoded.length > (MAXIMUM_BYTES * 4) / 3 + 4) {
    throw new EngineError('RegistryUnauthorized', `a pull secret has no ${key} of acceptable size`);
  }
  return Buffer.from(encoded, 'base64').toString('utf8');
}
