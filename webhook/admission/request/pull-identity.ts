// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from '../../../core/json.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { PullIdentity } from '../../../core/registry/credentials/pull-identity.ts';
import type { PodSpecPlace, Read } from './image-fields.ts';

/** Each one may cost an API request: more than any Pod needs, few enough to look up. */
const MAXIMUM_SECRETS = 64;

/**
 * What the images of an object are read with. Of several PodSpecs all pull secrets count, and the first service account;
 * without any the namespace's default one does.
 */
export function pullIdentityOf(namespace: string, podSpecs: readonly PodSpecPlace[]): Read<PullIdentity> {
  const imagePullSecrets = new Set<string>();
  const accounts: string[] = [];
  for (const { value, path } of podSpecs) {
    const read = credentialsOf(value, path);
    if ('fault' in read) return read;
    for (const name of read.value.secrets) imagePullSecrets.add(name);
    if (read.value.account !== '') accounts.push(read.value.account);
    if (imagePullSecrets.size > MAXIMUM_SECRETS) return tooManySecrets(path);
  }
  const [serviceAccountName = 'default'] = accounts;
  return { value: { namespace, imagePullSecrets: [...imagePullSecrets], serviceAccountName } };
}

interface Credentials {
  readonly secrets: readonly string[];
  /** Empty where none is named. */
  readonly account: string;
}

function credentialsOf(podSpec: JsonObject, path: string): Read<Credentials> {
  const secrets = secretNames(podSpec['imagePullSecrets'] ?? [], path);
  if ('fault' in secrets) return secrets;
  // `serviceAccount` is the field's deprecated name.
  const account = podSpec['serviceAccountName'] ?? podSpec['serviceAccount'] ?? '';
  if (typeof account !== 'string') return fault(`${path}.serviceAccountName`, 'must be a string');
  return { value: { secrets: secrets.value, account } };
}

function secretNames(secrets: unknown, path: string): Read<readonly string[]> {
  if (!Array.isArray(secrets)) return fault(`${path}.imagePullSecrets`, 'must be a list');
  if (secrets.length > MAXIMUM_SECRETS) return tooManySecrets(path);
  const names: string[] = [];
  for (const [index, secret] of secrets.entries()) {
    const name = isJsonObject(secret) ? (secret['name'] ?? '') : undefined;
    if (typeof name !== 'string') return fault(`${path}.imagePullSecrets[${index}]`, 'must be an object with a name');
    // Kubernetes accepts a nameless reference, and ignores it.
    if (name !== '') names.push(name);
  }
  return { value: names };
}

function tooManySecrets(path: string): Read<never> {
  return fault(`${path}.imagePullSecrets`, `more than ${MAXIMUM_SECRETS} entries`);
}

function fault(path: string, message: string): Read<never> {
  return { fault: { path, message } };
}
