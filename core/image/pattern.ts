// SPDX-License-Identifier: Apache-2.0
import { isDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import { compileGlob, globMatches, literalCharacters } from './glob.ts';
import { HOST, PATH_COMPONENT, canConform } from './grammar.ts';
import { DOCKER_HUB, asciiLowerCase, hostIdentity } from './host.ts';
import { isHostComponent, normalizeName, quote, repositoryName, tagColon } from './reference.ts';
import type { ImagePattern, Repository } from './types.ts';

export const ANY_SEGMENTS = '**';
export const ANY_SEGMENT = '*';
const MAXIMUM_TEXT = 512;
/** With the host: no repository has nearly as many. */
export const MAXIMUM_SEGMENTS = 32;
const DEFAULT_PORT = '443';
const EXPLICIT_DEFAULT_PORT = /:0*443$/;
/** Without its port, such a host would be every port's: `*:443`, `registry*:4*`. */
const AMBIGUOUS_PORT = /\*:(?:0*443|(?=.*\*)(?!\*$)[0-9*]*)$/;

/** A pattern of `spec.images` that is not valid, or that no image can match; the message is a sentence. */
export class PatternError extends Error {
  constructor(pattern: string, message: string) {
    super(`${quote(pattern)} is not an image pattern: ${message}`);
    this.name = 'PatternError';
  }
}

// A pattern is read like an image, with the same two short forms of docker.io:
//
// | written                 | means                                                                    |
// |-------------------------|--------------------------------------------------------------------------|
// | `nginx`                 | `docker.io/library/nginx`                                                |
// | `*`, `docker.io/*`      | `docker.io/library/*`: every image that `nginx` could be                 |
// | `acme/*`, `*/*`         | `docker.io/acme/*`, `docker.io/*/*`: only `.`, `:` or upper case and `localhost` make a host |
// | `docker.io/**`          | all of docker.io                                                         |
// | `**`                    | everything                                                               |
// | `**/app`                | on any host: a leading `**` takes the host and any number of segments    |
// | `*.example.com/**`      | hosts below example.com; without a port, which is a part of the host     |
// | `ghcr.io/acme/**`       | `ghcr.io/acme` and everything below it                                   |

/**
 * Reads a pattern, `host/path` without a tag, perhaps with a digest. `*` is any run of characters inside of
 * one segment, `**` as a whole segment any number of segments.
 *
 * @throws PatternError
 */
export function parsePattern(text: string): ImagePattern {
  requirePlausible(text);
  const at = text.indexOf('@');
  const name = at === -1 ? text : text.slice(0, at);
  const colon = tagColon(name);
  if (colon !== -1) {
    const untagged = name.slice(0, colon);
    // Connaisseur's pattern for every image; "*" alone is docker.io/library/*.
    const meant = untagged === '*' ? '**' : untagged;
    throw new PatternError(
      text,
      `it has a tag, and patterns have none, because anyone can write any tag next to a digest (write ${quote(meant)}, or pin a digest)`,
    );
  }
  const digest = at === -1 ? undefined : parseDigest(text, text.slice(at + 1));
  const segments = segmentsOf(name);
  if (segments.length > MAXIMUM_SEGMENTS) throw new PatternError(text, `it has more than ${MAXIMUM_SEGMENTS} parts`);
  requireMatchable(text, segments);
  return patternOf(text, { segments, ...(digest === undefined ? {} : { digest }) });
}

/**
 * All that a pattern stands for: where its host may have any port (`registry.example.com:*`), also the host without one.
 *
 * @throws PatternError
 */
export function parsePatterns(text: string): readonly ImagePattern[] {
  const pattern = parsePattern(text);
  const [host = '', ...path] = pattern.segments;
  const colon = portColon(host);
  if (colon === -1 || !host.includes('*', colon) || !globMatches(compileGlob(host.slice(colon + 1)), DEFAULT_PORT)) {
    return [pattern];
  }
  const portless = patternHost(host.slice(0, colon));
  const segments = portless === DOCKER_HUB ? segmentsOf([portless, ...path].join('/')) : [portless, ...path];
  // Of `[::*` the colon is no port's.
  return faultIn(segments) === undefined ? [pattern, patternOf(text, { segments, ...digestOf(pattern) })] : [pattern];
}

/** Whether some image may match both; never false where one does. What follows a `**` is not looked at. */
export function mayOverlap(a: ImagePattern, b: ImagePattern): boolean {
  const [one, other] = [openSegments(a), openSegments(b)];
  for (let index = 0; index < Math.max(one.length, other.length); index++) {
    const [left, right] = [one[index], other[index]];
    if (left === ANY_SEGMENTS || right === ANY_SEGMENTS) return true;
    if (left === undefined || right === undefined || !segmentsMayMeet(left, right)) return false;
  }
  return true;
}

function openSegments({ segments, unreadable }: ImagePattern): readonly string[] {
  return unreadable === 'path' ? [...segments, ANY_SEGMENTS] : segments;
}

/** Two globs may meet as far as this can tell. */
function segmentsMayMeet(left: string, right: string): boolean {
  if (!left.includes('*')) return segmentMatcher(right)(left);
  return right.includes('*') || segmentMatcher(left)(right);
}

/** A reference's segments, as a pattern's: the host's one spelling, then the path. */
export function referenceSegments({ registry, path }: Repository): readonly string[] {
  const host = hostIdentity(registry);
  const segments = path.split('/');
  // The Hub's other names keep a short path in a reference.
  return host === DOCKER_HUB && segments.length === 1 ? [host, 'library', path] : [host, ...segments];
}

/**
 * Where `**` may end: anywhere from the first position on. At the start it takes at least the host,
 * so that what follows is matched with the path only.
 */
export function skipFrom(positions: readonly number[], index: number, length: number): readonly number[] {
  const [first] = positions;
  if (first === undefined) return [];
  const start = index === 0 ? first + 1 : first;
  return Array.from({ length: length - start + 1 }, (_, offset) => start + offset);
}

function segmentMatcher(segment: string): (text: string | undefined) => boolean {
  if (!segment.includes('*')) return (text) => text === segment;
  const glob = compileGlob(segment);
  return (text) => text !== undefined && globMatches(glob, text);
}

/**
 * Orders patterns, the most specific first: an exact digest, then segment by segment from the host:
 * literal, glob with more literal characters, `*`, nothing more, `**`. What could not be read comes before what could
 * be at its place. A total order; 0 only for one canonical pattern.
 */
export function comparePatterns(a: ImagePattern, b: ImagePattern): number {
  const byDigest = digestRank(a) - digestRank(b);
  if (byDigest !== 0) return byDigest;
  const [left, right] = [rankedSegments(a), rankedSegments(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = compareSegments(left[index], right[index]);
    if (difference !== 0) return difference;
  }
  return compareText(a.digest ?? '', b.digest ?? '');
}

/** Stands for what could not be read; no text is equal to it. */
const UNREADABLE = '\0';

function rankedSegments({ segments, unreadable }: ImagePattern): readonly string[] {
  return unreadable === 'path' ? [...segments, UNREADABLE] : segments;
}

function digestRank({ digest, unreadable }: ImagePattern): number {
  if (unreadable === 'digest') return 0;
  return digest === undefined ? 2 : 1;
}

/** Undefined is the end of the pattern: more specific than `**`, which also matches nothing. */
export function compareSegments(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  const byRank = rankOf(a) - rankOf(b);
  if (byRank !== 0 || a === undefined || b === undefined) return byRank;
  const byLiterals = literalCharacters(b) - literalCharacters(a);
  // Equal globs are told apart by their text, so that their order is always the same.
  return rankOf(a) === 0 || byLiterals === 0 ? compareText(a, b) : byLiterals;
}

function rankOf(segment: string | undefined): number {
  if (segment === UNREADABLE) return -1;
  if (segment === undefined) return 3;
  if (segment === ANY_SEGMENTS) return 4;
  if (segment === ANY_SEGMENT) return 2;
  return segment.includes('*') ? 1 : 0;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** What a pattern holds, before it has a canonical text. */
export type PatternParts = Pick<ImagePattern, 'segments' | 'digest' | 'unreadable'>;

export function patternOf(source: string, parts: PatternParts): ImagePattern {
  const { segments, digest, unreadable } = parts;
  const [registry = '', ...path] = unreadable === 'path' ? collapse([...segments, ANY_SEGMENTS]) : segments;
  const name = path.length === 0 ? registry : repositoryName({ registry, path: path.join('/') });
  return { source, canonical: digest === undefined ? name : `${name}@${digest}`, ...parts };
}

function digestOf({ digest }: ImagePattern): Pick<PatternParts, 'digest'> {
  return digest === undefined ? {} : { digest };
}

/** Host and path segments, normalised like an image's; nothing is checked. */
export function segmentsOf(name: string): readonly string[] {
  if (name === ANY_SEGMENTS || name.startsWith(`${ANY_SEGMENTS}/`)) return collapse(name.split('/'));
  const repository = normalizeName(name);
  const host = patternHost(repository.registry);
  const [first = '', ...rest] = name.split('/');
  // `docker.io/**` is all of docker.io, not all below `library`; `library/**` is that.
  if (host === DOCKER_HUB && isHostComponent(first) && rest.join('/') === ANY_SEGMENTS) return [host, ANY_SEGMENTS];
  const isShort = host === DOCKER_HUB && !repository.path.includes('/');
  return collapse([host, ...(isShort ? ['library'] : []), ...repository.path.split('/')]);
}

/** As `hostIdentity`, where there may be wildcards: those stay. */
function patternHost(host: string): string {
  return host.includes('*') ? asciiLowerCase(host).replace(EXPLICIT_DEFAULT_PORT, '') : hostIdentity(host);
}

/** Two `**` in a row mean what one means: one spelling, so that equal patterns tie. */
function collapse(segments: readonly string[]): readonly string[] {
  return segments.filter((segment, index) => segment !== ANY_SEGMENTS || segments[index - 1] !== ANY_SEGMENTS);
}

/** The host with every port, where it has one of which it is unclear whether the default is meant. */
export function withoutAmbiguousPort(host: string): string {
  return AMBIGUOUS_PORT.test(host) ? host.slice(0, host.lastIndexOf(':')) : host;
}

function requirePlausible(text: string): void {
  if (text === '') throw new PatternError(text, 'it is empty');
  if (text.length > MAXIMUM_TEXT) throw new PatternError(text, `it is longer than ${MAXIMUM_TEXT} characters`);
  if (/\s/.test(text)) throw new PatternError(text, 'it contains white space');
  if (text.includes('://')) throw new PatternError(text, 'image names have no scheme; write it without');
  if (/^[0-9a-f]{64}$/.test(text)) throw new PatternError(text, '64 hexadecimal digits alone are no repository');
  const host = text.slice(0, Math.max(text.indexOf('/'), 0));
  if (AMBIGUOUS_PORT.test(host)) {
    throw new PatternError(text, 'a host that ends in * has any port; write 443, the default, by leaving it out');
  }
  if (/^(?:index\.)?docker\.io$/i.test(host) && host !== host.toLowerCase()) {
    throw new PatternError(text, `write ${host.toLowerCase()} in lower case`);
  }
}

function requireMatchable(text: string, segments: readonly string[]): void {
  const fault = faultIn(segments);
  if (fault !== undefined) throw new PatternError(text, fault);
}

/** Why no image can match, or undefined. */
export function faultIn([host = '', ...path]: readonly string[]): string | undefined {
  if (host !== ANY_SEGMENTS && !canConform(HOST, host)) return `no valid host matches ${quote(host)}`;
  if (path.join('/').replaceAll('*', '').length > 255) return 'no repository is that long';
  return host.includes(ANY_SEGMENTS) && host !== ANY_SEGMENTS ? misplaced(host) : firstOf(path, faultInComponent);
}

export function faultInComponent(segment: string): string | undefined {
  if (segment === ANY_SEGMENTS) return undefined;
  if (segment === '') return 'a segment is empty (for everything below a path end it with /**)';
  if (segment.includes(ANY_SEGMENTS)) return misplaced(segment);
  if (/[A-Z]/.test(segment)) return `repositories are lower case: ${quote(segment)} matches none`;
  return canConform(PATH_COMPONENT, segment)
    ? undefined
    : `no valid repository has a part that matches ${quote(segment)}`;
}

/** Where the port's colon is; those of a bracketed IPv6 address are none. */
function portColon(host: string): number {
  const colon = host.lastIndexOf(':');
  return colon > host.lastIndexOf(']') ? colon : -1;
}

function misplaced(segment: string): string {
  return `** must be a segment of its own, not a part of one as in ${quote(segment)}`;
}

function firstOf(segments: readonly string[], fault: (segment: string) => string | undefined): string | undefined {
  for (const segment of segments) {
    const found = fault(segment);
    if (found !== undefined) return found;
  }
  return undefined;
}

function parseDigest(text: string, digest: string): Digest {
  if (isDigest(digest)) return digest;
  throw new PatternError(text, 'after @ it needs a whole digest, sha256: and 64 lower-case hexadecimal digits');
}
