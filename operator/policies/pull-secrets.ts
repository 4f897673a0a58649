// SPDX-License-Identifier: Apache-2.0
import { LRUCache } from 'lru-cache';
import { errorText } from '../../core/text.ts';
import { hostsOf } from '../../core/config/registry-settings.ts';
import type { RegistryConfiguration } from '../../core/config/types.ts';
import { hostIdentity } from '../../core/image/host.ts';
import type { Clock, Logger } from '../../core/observe.ts';
import { chainKeychains } from '../../core/registry/credentials/keychains.ts';
import { createMatcher, type CredentialEntry } from '../../core/registry/credentials/match.ts';
import { CredentialsUnavailable, orOutage } from '../../core/registry/credentials/unavailable.ts';
import type { PullIdentity } from '../../core/registry/credentials/pull-identity.ts';
import { pullSecretEntries, type PullSecret } from '../../core/registry/credentials/pull-secret.ts';
import type { Keychain } from '../../core/registry/types.ts';
import { createSingleFlight } from '../../core/single-flight.ts';
import { apiPath, ApiError, type KubeApi } from '../kubernetes/api-client.ts';
import { createFairLimit, type FairLimit } from '../kubernetes/fair-limit.ts';

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

interface ServiceAccount {
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
}

/** Milliseconds; a new pull secret works after this at the latest. */
const REMEMBERED = 30_000;
const ENTRIES = 2048;
/** An admission waits for this. */
const TIMEOUT = 2000;
/** Of one namespace, at a time, and before further ones fail at once; there are four connections for all. */
const READ_AT_ONCE = 2;
const READS_WAITING = 256;
const KEPT_BYTES = 8 * 1024 * 1024;
/** Names a Pod (or its account) may list; each may cost a request. */
const SECRETS_MOST = 32;

/**
 * Keychains for Pods, as the kubelet has them: their imagePullSecrets or, where they name none, those of their service
 * account (which the API server then copies into the Pod), the longest path of all first; then what the configuration
 * names for the registry: Secrets, then programs. Nothing is read before a registry asks. Secrets are read only in
 * the Pod's namespace, where whoever may create the Pod may use them as well. What is not there or not ours to read is
 * not used: the registry then refuses, and the image with it. That the API server can't be asked is an outage.
 */
export function createPullSecrets(options: PullSecretsOptions): (pull: PullIdentity) => Keychain {
  const { log } = options;
  // One for both: a namespace's accounts are no second way to the connections.
  const limit = createFairLimit({
    running: READ_AT_ONCE,
    waiting: READS_WAITING,
    refuse: () => new ApiError(0, 'too many Secrets of this namespace are being read'),
  });
  const reading = { ...options, limit };
  const secretsRead = createReader(reading, (object, path) => usableEntries(Object(object), path, log));
  const accountsRead = createReader(reading, namesIn);
  const configured = configuredKeychain(options);
  const programs = options.programs ? [options.programs] : [];

  async function namesOf({
    namespace,
    imagePullSecrets,
    serviceAccountName,
  }: PullIdentity): Promise<readonly string[]> {
    if (imagePullSecrets.length > 0) return distinct(imagePullSecrets);
    return (await accountsRead({ namespace, plural: 'serviceaccounts', name: serviceAccountName })) ?? [];
  }

  /** One after the other: a Pod that names many must not read many at a time. */
  async function keychainOf(pull: PullIdentity): Promise<Keychain> {
    const { namespace } = pull;
    const entries: CredentialEntry[] = [];
    let outage: CredentialsUnavailable | undefined;
    for (const name of await namesOf(pull)) {
      try {
        entries.push(...((await secretsRead({ namespace, plural: 'secrets', name })) ?? []));
      } catch (thrown) {
        if (!(thrown instanceof CredentialsUnavailable)) throw thrown;
        // The next would wait as long, and the decision with it.
        outage = thrown;
        break;
      }
    }
    const match = createMatcher(entries);
    return { resolve: async (repository) => orOutage(match(repository), outage) };
  }

  return (pull) => {
    let own: Promise<Keychain> | undefined;
    return {
      // The same names in the same namespace find the same credentials.
      id: JSON.stringify([pull.namespace, pull.serviceAccountName, pull.imagePullSecrets]),
      async resolve(repository) {
        own ??= keychainOf(pull);
        const pod: Keychain = { resolve: async (wanted) => (await own)?.resolve(wanted) ?? [] };
        return chainKeychains([pod, configured, ...programs]).resolve(repository);
      },
    };
  };
}

interface Named {
  readonly namespace: string;
  readonly plural: 'secrets' | 'serviceaccounts';
  readonly name: string;
}

/**
 * Reads once for many Pods. Undefined: the object is not there, or not ours to read. Anything else that goes wrong is
 * an outage (`CredentialsUnavailable`): never "there are no credentials".
 */
function createReader<T extends object>(
  { api, log, clock, limit }: PullSecretsOptions & { readonly limit: FairLimit },
  parse: (object: unknown, path: string) => T,
): (named: Named) => Promise<T | undefined> {
  const cache = new LRUCache<string, { readonly kept: T | undefined }>({
    max: ENTRIES,
    // What a tenant puts into a Secret is not ours to keep.
    maxSize: KEPT_BYTES,
    sizeCalculation: ({ kept }) => 256 + (JSON.stringify(kept)?.length ?? 0),
    ttl: REMEMBERED,
    ttlResolution: 0,
    ...(clock && { perf: { now: clock } }),
  });
  const asking = createSingleFlight<T | undefined>();

  async function ask(path: string, namespace: string): Promise<T | undefined> {
    try {
      const object = await limit(namespace, () => api.call({ path, timeout: TIMEOUT, lane: 'secrets' }));
      return remember(path, parse(object, path));
    } catch (thrown) {
      const isAnswer = thrown instanceof ApiError && (thrown.status === 403 || thrown.status === 404);
      log.warn('credentials for pulling were not read', { path, error: errorText(thrown) });
      // An outage must not be taken for "there is none", nor be remembered.
      if (isAnswer) return remember(path, undefined);
      throw outageOf(path);
    }
  }

  function remember(path: string, kept: T | undefined): T | undefined {
    cache.set(path, { kept });
    return kept;
  }

  return async ({ namespace, plural, name }) => {
    const path = apiPath('/api/v1/namespaces', namespace, plural, name);
    const known = cache.get(path);
    return known ? known.kept : asking.run(path, () => ask(path, namespace));
  };
}

function namesIn(account: unknown): readonly string[] {
  const { imagePullSecrets }: ServiceAccount = Object(account);
  return distinct((imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : [])));
}

function outageOf(path: string): CredentialsUnavailable {
  const remedy = 'See whether the API server answers Cosignet: credentials for pulling are in Secrets.';
  return new CredentialsUnavailable(`the API server did not give ${path}`, { remedy });
}

function configuredKeychain({ registries, ownSecret, log }: PullSecretsOptions): Keychain {
  return {
    async resolve(repository) {
      // Exactly this host, however it is written: a Secret that lists others is not a way to send theirs.
      const own = hostIdentity(repository.registry);
      const wanted = registries().find((registry) => hostsOf(registry).includes(own));
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
