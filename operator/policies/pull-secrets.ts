// SPDX-License-Identifier: Apache-2.0
import { LRUCache } from 'lru-cache';
import { errorText } from '../../core/text.ts';
import type { RegistryConfiguration } from '../../core/config/types.ts';
import type { Clock, Logger } from '../../core/observe.ts';
import { chainKeychains } from '../../core/registry/credentials/keychains.ts';
import { createMatcher, type CredentialEntry } from '../../core/registry/credentials/match.ts';
import { pullSecretEntries, type PullSecret } from '../../core/registry/credentials/pull-secret.ts';
import type { Keychain } from '../../core/registry/types.ts';
import { apiPath, ApiError, type KubeApi, type KubeObject } from '../kubernetes/api-client.ts';

/** What a Pod's images are pulled with; names in the Pod's own namespace, written by its creator. */
export interface PullSource {
  readonly namespace: string;
  readonly imagePullSecrets: readonly string[];
  readonly serviceAccountName: string;
}

export interface PullSecretsOptions {
  readonly api: KubeApi;
  readonly registries: () => readonly RegistryConfiguration[];
  /** Secrets in the operator's namespace, for `credentialsSecret`. */
  readonly ownSecret: (name: string) => PullSecret | undefined;
  /** Of `credentialHelpers` and `credentialProviders`. */
  readonly programs?: Keychain;
  readonly log: Logger;
  readonly clock?: Clock;
}

interface ServiceAccount extends KubeObject {
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
}

/** Milliseconds; a new pull secret works after this at the latest. */
const REMEMBERED = 30_000;
const ENTRIES = 2048;
/** An admission waits for this. */
const TIMEOUT = 2000;
/** Names a Pod (or its account) may list; each may cost a request. */
const SECRETS_MOST = 32;

/**
 * Keychains for Pods, as the kubelet has them: their imagePullSecrets or, where they name none, those of their service
 * account (which the API server then copies into the Pod), the longest path of all first; then what the configuration
 * names for the registry: Secrets, then programs. Nothing is read before a registry asks. Secrets are read only in
 * the Pod's namespace, where whoever may create the Pod may use them as well. What can't be read is not used:
 * the registry then refuses, and the image with it.
 */
export function createPullSecrets(options: PullSecretsOptions): (source: PullSource) => Keychain {
  const read = createReader(options);
  const configured = configuredKeychain(options);
  const programs = options.programs ? [options.programs] : [];

  async function namesOf(source: PullSource): Promise<readonly string[]> {
    if (source.imagePullSecrets.length > 0) return distinct(source.imagePullSecrets);
    const path = apiPath('/api/v1/namespaces', source.namespace, 'serviceaccounts', source.serviceAccountName);
    const account = await read<ServiceAccount>(path);
    return distinct((account?.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : [])));
  }

  async function keychainOf(source: PullSource): Promise<Keychain> {
    const names = await namesOf(source);
    const found = names.map(async (name) => {
      const path = apiPath('/api/v1/namespaces', source.namespace, 'secrets', name);
      const secret = await read<KubeObject & PullSecret>(path);
      return secret ? usableEntries(secret, path, options.log) : [];
    });
    const match = createMatcher((await Promise.all(found)).flat());
    return { resolve: async (repository) => match(repository) };
  }

  return (source) => {
    let own: Promise<Keychain> | undefined;
    return {
      // The same names in the same namespace find the same credentials.
      id: JSON.stringify([source.namespace, source.serviceAccountName, source.imagePullSecrets]),
      async resolve(repository) {
        own ??= keychainOf(source);
        return chainKeychains([await own, configured, ...programs]).resolve(repository);
      },
    };
  };
}

/** Reads once for many Pods; undefined where the object is not there, not ours to read, or out of reach. */
function createReader({ api, log, clock }: PullSecretsOptions) {
  const cache = new LRUCache<string, { readonly object: unknown }>({
    max: ENTRIES,
    ttl: REMEMBERED,
    ttlResolution: 0,
    ...(clock && { perf: { now: clock } }),
  });
  const asking = new Map<string, Promise<unknown>>();

  async function ask(path: string): Promise<unknown> {
    try {
      const object = await api.call<unknown>({ path, timeout: TIMEOUT });
      cache.set(path, { object });
      return object;
    } catch (thrown) {
      log.warn('credentials for pulling were not read and are not used', { path, error: errorText(thrown) });
      const isAnswer = thrown instanceof ApiError && (thrown.status === 403 || thrown.status === 404);
      // An outage must not be remembered as "there is none".
      if (isAnswer) cache.set(path, { object: undefined });
      return undefined;
    } finally {
      asking.delete(path);
    }
  }

  return async <T>(path: string): Promise<T | undefined> => {
    const known = cache.get(path);
    const pending = known ? known.object : (asking.get(path) ?? remember(path, ask(path)));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the API server's answer for this path
    return (await pending) as T | undefined;
  };

  function remember(path: string, answer: Promise<unknown>): Promise<unknown> {
    asking.set(path, answer);
    return answer;
  }
}

function configuredKeychain({ registries, ownSecret, log }: PullSecretsOptions): Keychain {
  return {
    async resolve(repository) {
      // Exactly this host: a Secret that lists others is not a way to send theirs.
      const wanted = registries().find(({ host }) => host === repository.registry);
      if (wanted?.credentialsSecret === undefined) return [];
      const secret = ownSecret(wanted.credentialsSecret);
      if (!secret) {
        log.warn('credentialsSecret is not there', { secret: wanted.credentialsSecret, registry: wanted.host });
        return [];
      }
      return createMatcher(usableEntries(secret, wanted.credentialsSecret, log))(repository);
    },
  };
}

function usableEntries(secret: PullSecret, name: string, log: Logger): readonly CredentialEntry[] {
  try {
    return pullSecretEntries(secret);
  } catch (thrown) {
    log.warn('a pull secret is not used', { secret: name, error: errorText(thrown) });
    return [];
  }
}

function distinct(names: readonly string[]): readonly string[] {
  return [...new Set(names)].slice(0, SECRETS_MOST);
}
