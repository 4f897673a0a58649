// SPDX-License-Identifier: Apache-2.0
import { isDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import { compileGlob, globMatches, literalCharacters } from './glob.ts';
import { HOST, PATH_COMPONENT, canConform } from './grammar.ts';
import { DEFAULT_REGISTRY, isHostComponent, normalizeName, quote, repositoryName, tagColon } from './reference.ts';
import type { ImagePattern, ImageReference, Repository } from './types.ts';

export const ANY_SEGMENTS = '**';
export const ANY_SEGMENT = '*';
const MAXIMUM_TEXT = 512;

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
  if (tagColon(name) !== -1) {
    throw new PatternError(
      text,
      "it has a tag, and tags cannot be matched: next to a digest the tag is text of the writer's choice" +
        ` (write ${quote(name.slice(0, tagColon(name)))}, or pin a digest)`,
    );
  }
  const digest = at === -1 ? undefined : parseDigest(text, text.slice(at + 1));
  const segments = segmentsOf(name);
  requireMatchable(text, segments);
  return patternOf(text, segments, digest);
}

/**
 * What a pattern that `parsePattern` refuses still claims, so that a policy with a slip in it denies its images
 * instead of leaving them to a weaker policy: without tag, digest and scheme, and with a misplaced `**` taken as
 * widely as it may have been meant, and in lower case where only that can be (`ghcr.io/Acme/app`: owners of
 * repositories are written with capitals elsewhere). Undefined: no valid reference could have been meant.
 */
export function claimOf(text: string): ImagePattern | undefined {
  try {
    return parsePattern(text);
  } catch {
    const name = withoutExtras(text.trim());
    const segments = name === '' ? [] : widen(segmentsOf(name));
    // After the host is told from the path: a name with capitals before the first slash is one.
    return claimBy(text, segments) ?? claimBy(text, segments.map(lowerCase));
  }
}

function claimBy(text: string, segments: readonly string[]): ImagePattern | undefined {
  return segments.length > 0 && faultIn(segments) === undefined ? patternOf(text, segments, undefined) : undefined;
}

/** Anchored at both ends; host and path are matched apart. A tag is never looked at. */
export function matchesPattern(pattern: ImagePattern, reference: Omit<ImageReference, 'original'>): boolean {
  if (pattern.digest !== undefined && pattern.digest !== reference.digest) return false;
  const texts = referenceSegments(reference);
  let positions: readonly number[] = [0];
  for (const [index, segment] of pattern.segments.entries()) {
    positions =
      segment === ANY_SEGMENTS ? skipFrom(positions, index, texts.length) : advance(positions, segment, texts);
  }
  return positions.includes(texts.length);
}

/** A reference's segments, as a pattern's: the host, then the path. */
export function referenceSegments(repository: Repository): readonly string[] {
  return [repository.registry, ...repository.path.split('/')];
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

function advance(positions: readonly number[], segment: string, texts: readonly string[]): readonly number[] {
  const matches = segmentMatcher(segment);
  return positions.filter((position) => matches(texts[position])).map((position) => position + 1);
}

function segmentMatcher(segment: string): (text: string | undefined) => boolean {
  if (!segment.includes('*')) return (text) => text === segment;
  const glob = compileGlob(segment);
  return (text) => text !== undefined && globMatches(glob, text);
}

/**
 * Orders patterns, the most specific first: an exact digest, then segment by segment from the host:
 * literal, glob with more literal characters, `*`, nothing more, `**`. A total order; 0 only for one canonical pattern.
 */
export function comparePatterns(a: ImagePattern, b: ImagePattern): number {
  if ((a.digest === undefined) !== (b.digest === undefined)) return a.digest === undefined ? 1 : -1;
  for (let index = 0; index < Math.max(a.segments.length, b.segments.length); index++) {
    const difference = compareSegments(a.segments[index], b.segments[index]);
    if (difference !== 0) return difference;
  }
  return compareText(a.digest ?? '', b.digest ?? '');
}

/** Undefined is the end of the pattern: more specific than `**`, which also matches nothing. */
export function compareSegments(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  const byRank = rankOf(a) - rankOf(b);
  if (byRank !== 0 || a === undefined || b === undefined) return byRank;
  const byLiterals = literalCharacters(b) - literalCharacters(a);
  // Equal globs are told apart by their text, so that one of them always speaks.
  return rankOf(a) === 0 || byLiterals === 0 ? compareText(a, b) : byLiterals;
}

function rankOf(segment: string | undefined): number {
  if (segment === undefined) return 3;
  if (segment === ANY_SEGMENTS) return 4;
  if (segment === ANY_SEGMENT) return 2;
  return segment.includes('*') ? 1 : 0;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function patternOf(source: string, segments: readonly string[], digest: Digest | undefined): ImagePattern {
  const [registry = '', ...path] = segments;
  const name = path.length === 0 ? registry : repositoryName({ registry, path: path.join('/') });
  if (digest === undefined) return { source, canonical: name, segments };
  return { source, canonical: `${name}@${digest}`, segments, digest };
}

/** Host and path segments, normalised like an image's; nothing is checked. */
function segmentsOf(name: string): readonly string[] {
  const path = name.slice(name.indexOf('/') + 1);
  const leading = name === ANY_SEGMENTS || name.startsWith(`${ANY_SEGMENTS}/`);
  const repository = normalizeName(name);
  if (leading) return collapse(name.split('/'));
  // `docker.io/**` is all of docker.io, not all below `library`.
  if (path === ANY_SEGMENTS && repository.path === `library/${ANY_SEGMENTS}`)
    return [repository.registry, ANY_SEGMENTS];
  return collapse([lowerCase(repository.registry), ...repository.path.split('/')]);
}

/** Two `**` in a row mean what one means: one spelling, so that equal patterns tie. */
function collapse(segments: readonly string[]): readonly string[] {
  return segments.filter((segment, index) => segment !== ANY_SEGMENTS || segments[index - 1] !== ANY_SEGMENTS);
}

/** ASCII only: the Kelvin sign must not become a k. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function requirePlausible(text: string): void {
  if (text === '') throw new PatternError(text, 'it is empty');
  if (text.length > MAXIMUM_TEXT) throw new PatternError(text, `it is longer than ${MAXIMUM_TEXT} characters`);
  if (/\s/.test(text)) throw new PatternError(text, 'it contains white space');
  if (text.includes('://')) throw new PatternError(text, 'image names have no scheme; write it without');
  if (/^[0-9a-f]{64}$/.test(text)) throw new PatternError(text, '64 hexadecimal digits alone are no repository');
  const host = text.slice(0, Math.max(text.indexOf('/'), 0));
  if (/^(?:index\.)?docker\.io$/i.test(host) && host !== host.toLowerCase()) {
    throw new PatternError(text, `write ${host.toLowerCase()} in lower case`);
  }
}

function requireMatchable(text: string, segments: readonly string[]): void {
  const fault = faultIn(segments);
  if (fault !== undefined) throw new PatternError(text, fault);
}

/** Why no image can match, or undefined. */
function faultIn([host = '', ...path]: readonly string[]): string | undefined {
  if (host !== ANY_SEGMENTS && !canConform(HOST, host)) return `no valid host matches ${quote(host)}`;
  if (path.join('/').replaceAll('*', '').length > 255) return 'no repository is that long';
  return host.includes(ANY_SEGMENTS) && host !== ANY_SEGMENTS ? misplaced(host) : firstOf(path, faultInComponent);
}

function faultInComponent(segment: string): string | undefined {
  if (segment === ANY_SEGMENTS) return undefined;
  if (segment === '') return 'a segment is empty (for everything below a path end it with /**)';
  if (segment.includes(ANY_SEGMENTS)) return misplaced(segment);
  if (/[A-Z]/.test(segment)) return `repositories are lower case: ${quote(segment)} matches none`;
  return canConform(PATH_COMPONENT, segment)
    ? undefined
    : `no valid repository has a part that matches ${quote(segment)}`;
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

function withoutExtras(text: string): string {
  const name = text.replace(/^[A-Za-z][A-Za-z0-9+.-]{0,20}:\/\//, '').split('@', 1)[0] ?? '';
  const colon = tagColon(name);
  const untagged = colon === -1 ? name : name.slice(0, colon);
  const parts = untagged.split('/').filter((part) => part !== '');
  const segments = parts.map((part) => (/^\*{3,}$/.test(part) ? ANY_SEGMENTS : part));
  const plain = (segments.length > 0 && untagged.endsWith('/') ? belowOrItself(segments) : segments).join('/');
  return plain.replace(/^(?:index\.)?docker\.io(?=\/)/i, (host) => host.toLowerCase());
}

/** `nginx/` may be all below it or, as docker.io's short form, `library/nginx`: what covers both. */
function belowOrItself(segments: readonly string[]): readonly string[] {
  const [first = '', ...rest] = segments;
  const onHub = /^(?:index\.)?docker\.io$/i.test(first);
  const [only, ...more] = onHub ? rest : segments;
  const isShort = only !== undefined && more.length === 0 && (onHub || !isHostComponent(only));
  if (!isShort || only === ANY_SEGMENTS) return [...segments, ANY_SEGMENTS];
  return [DEFAULT_REGISTRY, ANY_SEGMENTS, only, ANY_SEGMENTS];
}

/** `a**b` may have been meant to cross segments: all that starts with `a`, at any depth. A host has no depth. */
function widen([host = '', ...path]: readonly string[]): readonly string[] {
  const wideHost = host === ANY_SEGMENTS ? host : host.replace(/\*{2,}/g, '*');
  const widePath = path.flatMap((segment) => {
    const at = segment.indexOf(ANY_SEGMENTS);
    return at === -1 || segment === ANY_SEGMENTS ? [segment] : [`${segment.slice(0, at)}*`, ANY_SEGMENTS];
  });
  return collapse([wideHost, ...widePath]);
}
