// SPDX-License-Identifier: Apache-2.0

/** Docker Hub, as references and policies name it. */
export const DOCKER_HUB = 'docker.io';

/** Names under which the same registry answers. Runtimes keep the last two as they are written. */
const HUB_NAMES: ReadonlySet<string> = new Set(['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com']);

/**
 * What a URL would leave as it is: a DNS name whose last label starts with a letter, so that it is no number of an IPv4
 * address, or an IPv4 address in its usual notation; with no port, or one that is neither the default nor padded.
 */
const PLAIN =
  /^(?:(?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9]))(?::(?!443$)[1-9][0-9]{0,4})?$/;
/** What a host and port are written with: a URL would also map look-alikes of letters, and undo escapes. */
const WRITABLE = /^[a-z0-9.:[\]-]+$/;

/**
 * One text for all spellings of one host: letter case, the default port (`:443`, `:0443`), IPv4 and IPv6 addresses in
 * any notation, and Docker Hub's names. Whatever compares hosts (patterns, `registries[]`, credentials) compares these;
 * requests and pinned references keep the host as it was written.
 *
 * @param host `host[:port]`, without wildcards; a text that is no host comes back in lower case.
 */
export function hostIdentity(host: string): string {
  const lower = asciiLowerCase(host);
  const isPlain = PLAIN.test(lower) || !WRITABLE.test(lower);
  const canonical = isPlain ? lower : (URL.parse(`https://${lower}/`)?.host ?? lower);
  return HUB_NAMES.has(canonical) ? DOCKER_HUB : canonical;
}

/** The same host where plain HTTP is spoken: there 80 is the port of a host without one. */
export function plainHttpTwin(identity: string): string {
  if (identity.endsWith(':80')) return identity.slice(0, -':80'.length);
  return /:\d+$/.test(identity) ? identity : `${identity}:80`;
}

/** ASCII only: the Kelvin sign must not become a k. */
export function asciiLowerCase(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}
