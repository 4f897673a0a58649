// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { LRUCache } from 'lru-cache';
import { errorText } from '../../text.ts';
import { isJsonObject, parseJsonObject } from '../../json.ts';
import type { JsonObject } from '../../json.ts';
import type { Repository } from '../../image/types.ts';
import type { Clock, Logger } from '../../observe.ts';
import { createSingleFlight } from '../../single-flight.ts';
import type { Keychain } from '../types.ts';
import { CredentialsUnavailable, gather, orOutage } from './unavailable.ts';
import { durationMilliseconds } from './duration.ts';
import { createImageMatcher, createMatcher, type CredentialEntry } from './match.ts';
import type { Environment, RunProgram } from './program.ts';

/** One entry of the kubelet's CredentialProviderConfig, validated. */
export interface CredentialProvider {
  readonly name: string;
  readonly matchImages: readonly string[];
  readonly defaultCacheMilliseconds: number;
  /** `credentialprovider.kubelet.k8s.io/v1`; the answer must have the same. */
  readonly apiVersion: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
}

export interface ProviderOptions {
  readonly providers: readonly CredentialProvider[];
  readonly binDir: string;
  readonly environment: Environment;
  readonly timeoutMilliseconds: number;
  readonly run: RunProgram;
  readonly clock: Clock;
  readonly log: Logger;
}

const ANSWERS = 1024;
/** A program that fails is left alone this long for the image it failed for, not for others. */
const FAILURE_REMEMBERED = 10_000;

type Find = (repository: Repository) => Promise<readonly CredentialEntry[]>;

/**
 * The kubelet's exec protocol: whoever matches an image is asked, and of all that they answer what matches the image
 * is tried. As in the kubelet, one that fails adds nothing; unlike there, it is an outage where the registry refuses.
 */
export function createProviderKeychain(options: ProviderOptions): Keychain {
  const finds = options.providers.map((provider) => createFind(provider, options));
  return {
    async resolve(repository) {
      const { found, outage } = await gather(finds.map((find) => find(repository)));
      return orOutage(createMatcher(found)(repository), outage);
    },
  };
}

interface Answer {
  readonly entries: readonly CredentialEntry[];
  readonly cacheKey: string;
  /** Milliseconds. */
  readonly keep: number;
}

type Remembered = { readonly until: number } & (
  { readonly entries: readonly CredentialEntry[] } | { readonly failure: CredentialsUnavailable }
);

function createFind(provider: CredentialProvider, options: ProviderOptions): Find {
  const { clock, log } = options;
  const isFor = createImageMatcher(provider.matchImages);
  const cache = new LRUCache<string, Remembered>({ max: ANSWERS });
  const asking = createSingleFlight<readonly CredentialEntry[]>();

  async function ask(repository: Repository, image: string): Promise<readonly CredentialEntry[]> {
    try {
      const { entries, cacheKey, keep } = await askProvider(provider, options, image);
      if (keep > 0) cache.set(cacheKey, { entries, until: clock() + keep });
      return entries;
    } catch (thrown) {
      log.warn('a credential provider failed and adds no credentials', {
        provider: provider.name,
        registry: repository.registry,
        error: errorText(thrown),
      });
      const remedy = `See why the credential provider ${provider.name} gives no credentials for ${image}.`;
      const failure = new CredentialsUnavailable(`credentials for ${image}: ${errorText(thrown)}`, { remedy });
      cache.set(keyOf('Image', image), { failure, until: clock() + FAILURE_REMEMBERED });
      throw failure;
    }
  }

  return async (repository) => {
    if (!isFor(repository)) return [];
    const image = `${repository.registry}/${repository.path}`;
    for (const type of CACHE_KEY_TYPES) {
      const known = cache.get(keyOf(type, image));
      if (!known || clock() >= known.until) continue;
      if ('failure' in known) throw known.failure;
      return known.entries;
    }
    return asking.run(image, () => ask(repository, image));
  };
}

/** The narrowest first, as the kubelet looks. */
const CACHE_KEY_TYPES = ['Image', 'Registry', 'Global'] as const;

function keyOf(type: (typeof CACHE_KEY_TYPES)[number], image: string): string {
  if (type === 'Global') return type;
  return `${type} ${type === 'Image' ? image : image.slice(0, image.indexOf('/'))}`;
}

async function askProvider(provider: CredentialProvider, options: ProviderOptions, image: string): Promise<Answer> {
  const { name, apiVersion, args, env } = provider;
  const { exitCode, output } = await options.run({
    file: path.join(options.binDir, name),
    name,
    args,
    input: JSON.stringify({ apiVersion, kind: 'CredentialProviderRequest', image }),
    environment: { ...options.environment, ...Object.fromEntries(env.map((entry) => [entry.name, entry.value])) },
    timeoutMilliseconds: options.timeoutMilliseconds,
  });
  if (exitCode !== 0) throw new Error(`${name} failed with exit code ${exitCode ?? 'none'}`);
  const answer = parseJsonObject(output);
  if (answer?.['kind'] !== 'CredentialProviderResponse' || answer['apiVersion'] !== apiVersion) {
    throw new Error(`${name} answered no CredentialProviderResponse of ${apiVersion}`);
  }
  return readAnswer(answer, provider, image);
}

/** Messages hold field names only: the values are secrets. */
function readAnswer(answer: JsonObject, provider: CredentialProvider, image: string): Answer {
  const type = CACHE_KEY_TYPES.find((known) => known === answer['cacheKeyType']);
  if (!type) throw new Error(`${provider.name} answered with a cacheKeyType that is not known`);
  const stated = answer['cacheDuration'] ?? undefined;
  const keep = typeof stated === 'string' ? durationMilliseconds(stated) : undefined;
  if (stated !== undefined && keep === undefined) {
    throw new Error(`${provider.name} answered with a cacheDuration that is not a duration`);
  }
  return {
    entries: readAuth(answer['auth'] ?? {}, provider.name),
    cacheKey: keyOf(type, image),
    keep: keep ?? provider.defaultCacheMilliseconds,
  };
}

function readAuth(auth: unknown, name: string): readonly CredentialEntry[] {
  const fault = new Error(`${name} answered with an auth that is no map of username and password`);
  if (!isJsonObject(auth)) throw fault;
  return Object.entries(auth).flatMap(([key, value]) => {
    if (!isJsonObject(value)) throw fault;
    const { username = '', password = '' } = value;
    if (typeof username !== 'string' || typeof password !== 'string') throw fault;
    return password === '' ? [] : [{ key, credential: { username, password } }];
  });
}
