// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from '../../../core/json.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { PullIdentity } from '../../../core/registry/credentials/pull-identity.ts';
import type { Read } from './image-fields.ts';

/** Each one may cost an API request: more than any Pod needs, few enough to look up. */
const MAXIMUM_SECRETS = 64;

export function pullIdentityOf(namespace: string, podSpec: JsonObject): Read<PullIdentity> {
  const imagePullSecrets = secretNames(podSpec['imagePullSecrets'] ?? []);
  if ('fault' in imagePullSecrets) return imagePullSecrets;
  // `serviceAccount` is the field's deprecated name.
  const account = podSpec['serviceAccountName'] ?? podSpec['serviceAccount'] ?? '';
  if (typeof account !== 'string') return fault('serviceAccountName', 'must be a string');
  const serviceAccountName = account === '' ? 'default' : account;
  return { value: { namespace, imagePullSecrets: imagePullSecrets.value, serviceAccountName } };
}

function secretNames(secrets: unknown): Read<readonly string[]> {
  if (!Array.isArray(secrets)) return fault('imagePullSecrets', 'must be a list');
  if (secrets.length > MAXIMUM_SECRETS) return fault('imagePullSecrets', `more than ${MAXIMUM_SECRETS} entries`);
  const names: string[] = [];
  for (const [index, secret] of secrets.entries()) {
    const name = isJsonObject(secret) ? (secret['name'] ?? '') : undefined;
    if (typeof name !== 'string') return fault(`imagePullSecrets[${index}]`, 'must be an object with a name');
    // Kubernetes accepts a nameless reference, and ignores it.
    if (name !== '') names.push(name);
  }
  return { value: names };
}

function fault(path: string, message: string): Read<never> {
  return { fault: { path, message } };
}
