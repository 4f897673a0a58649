// SPDX-License-Identifier: Apache-2.0
import { asciiLowerCase } from './host.ts';
import {
  ANY_SEGMENTS,
  MAXIMUM_SEGMENTS,
  faultIn,
  faultInComponent,
  parsePatterns,
  patternOf,
  segmentsOf,
  withoutAmbiguousPort,
} from './pattern.ts';
import type { PatternParts } from './pattern.ts';
import { isHostComponent, tagColon } from './reference.ts';
import type { ImagePattern } from './types.ts';

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]{0,20}:\/\//;
/** Also none, which is how the default is written. */
const ANY_PORT = /:\*+$/;
const EVERYTHING: PatternParts = { segments: [], unreadable: 'path' };
const ANY_DIGEST: PatternParts = { segments: [ANY_SEGMENTS], unreadable: 'digest' };

/**
 * What a text of `spec.images` claims, readable or not, so that a policy with a slip in it denies its images instead of
 * leaving them to a weaker policy. Scheme and tag are left out, capitals are taken as small letters where only those can
 * be; otherwise everything is claimed from the first unreadable segment on: what was meant there can't be known.
 * Empty: nothing was written. Only a tag or a digest is no repository: all of them may be meant.
 */
export function claimsOf(text: string): readonly ImagePattern[] {
  try {
    return parsePatterns(text);
  } catch {
    if (text.trim() === '') return [];
    const [named = '', digest] = text.trim().replace(SCHEME, '').split('@', 2);
    const colon = tagColon(named);
    const name = colon === -1 ? named : named.slice(0, colon);
    if (name === '') return [patternOf(text, digest === undefined ? EVERYTHING : ANY_DIGEST)];
    const claims = [claimedBy(name), ...meantAsWell(named, name)].map(withEveryPort);
    return claims
      .map((parts) => patternOf(text, digest === undefined ? parts : { unreadable: 'digest', ...parts }))
      .map((claim) => widened(claim, MAXIMUM_SEGMENTS));
  }
}

/** Of a longer pattern so many segments, and all that is below them. */
export function widened(pattern: ImagePattern, most: number): ImagePattern {
  const { source, segments } = pattern;
  return segments.length <= most
    ? pattern
    : patternOf(source, { segments: segments.slice(0, most), unreadable: 'path' });
}

/** Where it is unclear whether the default port is meant, which images are written without, every port is claimed. */
function withEveryPort({ segments: [host, ...path], ...parts }: PatternParts): PatternParts {
  return { ...parts, segments: host === undefined ? [] : [withoutAmbiguousPort(host), ...path] };
}

function claimedBy(name: string): PatternParts {
  const [first = '', ...rest] = name.split('/');
  const isHost = first === ANY_SEGMENTS || (rest.length > 0 && isHostComponent(first));
  // It may have been meant as a host as well as as a part of a path.
  if (isHost ? faultIn([asciiLowerCase(first)]) !== undefined : faultInComponent(asciiLowerCase(first)) !== undefined) {
    return EVERYTHING;
  }
  const path = rest.map(asciiLowerCase);
  const fault = path.findIndex((segment) => faultInComponent(segment) !== undefined);
  if (fault === -1) return { segments: segmentsOf([isHost ? first : asciiLowerCase(first), ...path].join('/')) };
  return { segments: startOf([first, ...path.slice(0, fault)].join('/')), unreadable: 'path' };
}

/** The segments of what begins so. A short name alone would become one of library/. */
function startOf(name: string): readonly string[] {
  return segmentsOf(`${name}/${ANY_SEGMENTS}`).slice(0, -1);
}

/** `registry:5000` and `registry:*` may be a host or have a tag, `nginx/` an image of `library` or all below it. */
function meantAsWell(named: string, name: string): readonly PatternParts[] {
  if (!named.includes('/') && /:[0-9*]+$/.test(named)) {
    const hosts = ANY_PORT.test(named) ? [named, named.replace(ANY_PORT, '')] : [named];
    return hosts
      .map(startOf)
      .filter((segments) => faultIn(segments) === undefined)
      .map((segments) => ({ segments, unreadable: 'path' }));
  }
  const short = /^(?:(?:index\.)?docker\.io\/)?([^/]+)\/+$/i.exec(name)?.[1];
  if (short === undefined || isHostComponent(short)) return [];
  const lower = asciiLowerCase(short);
  return faultInComponent(lower) === undefined ? [{ segments: segmentsOf(lower) }] : [];
}
