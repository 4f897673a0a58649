// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import { quote } from '../../image/reference.ts';
import { DOCKER_HUB, hostIdentity } from '../../image/host.ts';
import type { Repository } from '../../image/types.ts';
import { errorText, trimmed } from '../../text.ts';
import { isJsonObject } from '../../json.ts';
import type { JsonObject } from '../../json.ts';
import type { Credential, Keychain } from '../types.ts';
import type { RunCredentialHelper } from './helper.ts';
import { CredentialsUnavailable } from './unavailable.ts';
import { createMatcher } from './match.ts';
import type { CredentialEntry } from './match.ts';

/** A docker `config.json`, as far as it is about credentials. */
export interface DockerConfig {
  readonly entries: readonly CredentialEntry[];
  /** Host to the name of its helper, `ecr-login` for `docker-credential-ecr-login`. */
  readonly helpers: ReadonlyMap<string, string>;
  /** The helper for all other hosts. */
  readonly store?: string;
}

/** How docker's configuration and its helpers name Docker Hub. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

/** Fails with `RegistryUnauthorized` and the field at fault; never with the text of a secret. */
export function parseDockerConfig(text: string): DockerConfig {
  const root = parseRoot(text);
  const store = root['credsStore'];
  return {
    entries: parseAuths(objectAt(root, 'auths'), 'auths'),
    helpers: new Map(
      Object.entries(objectAt(root, 'credHelpers')).filter((pair): pair is [string, string] => isText(pair[1])),
    ),
    ...(isText(store) ? { store } : {}),
  };
}

/** The `auths` map, which is all that a `.dockercfg` is. */
export function parseAuths(auths: JsonObject, field: string): readonly CredentialEntry[] {
  return Object.entries(auths).flatMap(([key, value]) => {
    const place = `${field}[${quote(key)}]`;
    if (!isJsonObject(value)) throw fault(`${place} is not an object`);
    const credential = parseCredential(value, place);
    return credential ? [{ key, credential }] : [];
  });
}

export function parseRoot(text: string): JsonObject {
  try {
    const root: unknown = JSON.parse(text);
    if (isJsonObject(root)) return root;
  } catch {
    // JSON.parse quotes its input, here a secret, so its message goes no further.
  }
  throw fault('it is not a JSON object');
}

export function objectAt(root: JsonObject, field: string): JsonObject {
  const value = root[field] ?? {};
  if (!isJsonObject(value)) throw fault(`${field} is not an object`);
  return value;
}

/**
 * Credentials as docker and the kubelet find them: a helper named for the host, else the store, then
 * the `auths` that match, longest path first. Only helpers of this file run, never those of a Secret.
 */
export function createDockerKeychain(config: DockerConfig, runHelper: RunCredentialHelper): Keychain {
  const match = createMatcher(config.entries);
  return {
    async resolve(repository) {
      const stored = match(repository);
      const helped = await askHelper(config, runHelper, { repository, stored });
      return [...(helped ? [helped] : []), ...stored];
    },
  };
}

async function askHelper(
  config: DockerConfig,
  runHelper: RunCredentialHelper,
  { repository, stored }: { readonly repository: Repository; readonly stored: readonly Credential[] },
): Promise<Credential | undefined> {
  const registry = hostIdentity(repository.registry);
  const hub = registry === DOCKER_HUB;
  const keys = hub ? [DOCKER_HUB_KEY, 'index.docker.io', 'docker.io'] : [registry, `https://${registry}`];
  const own = keys.map((key) => config.helpers.get(key)).find((name) => name !== undefined);
  const name = own ?? config.store;
  if (name === undefined) return undefined;
  try {
    return await runHelper(name, hub ? DOCKER_HUB_KEY : registry);
  } catch (error) {
    const remedy = `See why the helper docker-credential-${name} does not give credentials for ${registry}.`;
    throw new CredentialsUnavailable(`credentials for ${registry}: ${errorText(error)}`, { found: stored, remedy });
  }
}

function parseCredential(value: JsonObject, field: string): Credential | undefined {
  const { identitytoken, registrytoken } = value;
  const pair = isText(value['auth']) ? decodeAuth(value['auth'], field) : plainPair(value);
  const credential = {
    ...pair,
    ...(isText(identitytoken) ? { identityToken: identitytoken } : {}),
    ...(isText(registrytoken) ? { registryToken: registrytoken } : {}),
  };
  // docker leaves `{}` for hosts whose credentials its store keeps.
  const empty = pair.password === '' && !isText(identitytoken) && !isText(registrytoken);
  return empty ? undefined : credential;
}

function plainPair(value: JsonObject): Credential {
  const { username, password } = value;
  return { username: isText(username) ? username : '', password: isText(password) ? password : '' };
}

function decodeAuth(auth: string, field: string): Credential {
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) throw fault(`${field}.auth is not base64 of username:password`);
  // docker pads the password with NUL characters in old files.
  return { username: text.slice(0, colon), password: trimmed(text.slice(colon + 1), '\0') };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function fault(message: string): EngineError {
  return new EngineError('RegistryUnauthorized', `docker configuration can't be read: ${message}`);
}
