// SPDX-License-Identifier: Apache-2.0
import { DOCKER_HUB } from '../../image/host.ts';
import { EngineError } from '../../errors.ts';
import { permitsHost } from './addresses.ts';
import type { Repository } from '../../image/types.ts';
import type { Reach } from './addresses.ts';

/** One entry of `registries[]`, its files already read. */
export interface RegistrySettings {
  /** `host[:port]`, as in image references. */
  readonly host: string;
  /** `host[:port]`, or `host[:port]/prefix`, to ask first, in order. */
  readonly mirrors: readonly string[];
  /** PEM text. It replaces the system's roots for this host. */
  readonly ca?: string;
  /** Plain HTTP, and private or loopback addresses for its token server and redirects. */
  readonly insecure: boolean;
}

/** Undefined: the administrator said nothing of this host. */
export type SettingsOf = (host: string) => RegistrySettings | undefined;

/** What a connection may reach, and which certificate authority vouches for its end. */
export interface Route {
  readonly reach: Reach;
  readonly ca?: string;
}

/** Where the requests for one registry (or mirror) go. */
export interface Endpoint {
  /** As in references, keychains and messages: `docker.io`. */
  readonly registry: string;
  readonly origin: URL;
  readonly route: Route;
  readonly insecure: boolean;
  /** What a mirror puts before each repository's path: `dockerhub` of `harbor.example.com/dockerhub`. */
  readonly prefix?: string;
}

/** The registry of a reference; fails with `RegistryUnavailable` where its host may not be asked. */
export function endpointOf(registry: string, settings: RegistrySettings | undefined): Endpoint {
  // Docker Hub's name in references is not where its registry answers.
  const host = registry === DOCKER_HUB ? 'registry-1.docker.io' : registry;
  const insecure = settings?.insecure ?? false;
  const origin = parseOrigin(`${insecure ? 'http' : 'https'}://${host}`, host);
  const route: Route = settings ? routeOf(settings) : { reach: 'named' };
  if (!permitsHost(route.reach, origin.hostname)) {
    throw new EngineError(
      'RegistryUnavailable',
      `registry ${registry} is a private, local or cluster address, which is refused unless it is in registries[]`,
      { remedy: `If it is meant to be asked, add {host: ${registry}} to registries[] in the configuration.` },
    );
  }
  return { registry, origin, route, insecure };
}

/** The mirrors are the administrator's words, so they count as configured also without an entry of their own. */
export function mirrorsOf(settings: RegistrySettings | undefined, settingsOf: SettingsOf): readonly Endpoint[] {
  return (settings?.mirrors ?? []).map((mirror) => mirrorOf(mirror, settingsOf));
}

function mirrorOf(mirror: string, settingsOf: SettingsOf): Endpoint {
  const slash = mirror.indexOf('/');
  const host = slash === -1 ? mirror : mirror.slice(0, slash);
  const endpoint = endpointOf(host, settingsOf(host) ?? { host, mirrors: [], insecure: false });
  return slash === -1 ? endpoint : { ...endpoint, prefix: mirror.slice(slash + 1) };
}

/** The repository as this endpoint names it. */
export function repositoryAt({ registry, prefix }: Endpoint, { path }: Repository): Repository {
  return { registry, path: prefix === undefined ? path : `${prefix}/${path}` };
}

/**
 * The route to a token server or redirect target that `from` named. Only the registry itself, hosts
 * in `registries[]` and public addresses are reached; a registry can't make us knock elsewhere (SSRF).
 */
export function routeTo(target: URL, from: Endpoint, settingsOf: SettingsOf): Route {
  const complaint = complaintAbout(target, from);
  const route = complaint ? undefined : routeOfTarget(target, from, settingsOf);
  if (!route || !permitsHost(route.reach, target.hostname)) {
    const reason = complaint ?? 'it is a private or local address';
    throw new EngineError(
      'RegistryUnavailable',
      `registry ${from.registry} points to ${target.host || target.protocol}: ${reason}`,
    );
  }
  return route;
}

function complaintAbout(target: URL, from: Endpoint): string | undefined {
  if (target.protocol !== 'https:' && target.protocol !== 'http:') return 'it is neither http nor https';
  if (target.protocol === 'http:' && !from.insecure) return 'plain http is refused unless the registry is insecure';
  if (target.username !== '' || target.password !== '') return 'it carries a username or password';
  return undefined;
}

function routeOfTarget(target: URL, from: Endpoint, settingsOf: SettingsOf): Route {
  if (target.origin === from.origin.origin) return from.route;
  const own = settingsOf(target.host);
  if (own) return routeOf(own);
  return { reach: from.insecure ? 'local' : 'public' };
}

function routeOf(settings: RegistrySettings): Route {
  return { reach: 'any', ...(settings.ca === undefined ? {} : { ca: settings.ca }) };
}

/** A host is a host only if the URL parser finds nothing else in it. */
function parseOrigin(text: string, host: string): URL {
  const url = URL.parse(text);
  const bare = url !== null && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
  if (!bare || /[/?#@\\\s]/.test(host)) throw new EngineError('InvalidReference', `"${host}" is not a registry host`);
  return url;
}
