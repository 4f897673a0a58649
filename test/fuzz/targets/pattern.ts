// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { claimsOf } from '../../../core/image/claim.ts';
import {
  comparePatterns,
  parsePattern,
  parsePatterns,
  PatternError,
  referenceSegments,
} from '../../../core/image/pattern.ts';
import { isHostComponent, parseReference } from '../../../core/image/reference.ts';
import type { ImagePattern, ImageReference } from '../../../core/image/types.ts';
import type { Target } from '../engine/target.ts';
import { mutateLines } from '../engine/mutators.ts';
import { readOrRefused, requireLine } from './refusals.ts';
import { matchesPattern } from '../../fakes/one-pattern.ts';

/**
 * Input: two patterns and an image, a line each. A pattern is refused with PatternError only, and reads the same from
 * its canonical form; matching agrees with a slow matcher written apart; the order is one; what a refused pattern still
 * claims is a pattern itself.
 */
export const pattern: Target = {
  name: 'pattern',
  maximumBytes: 1700,
  maximumMilliseconds: 100,
  mutators: [mutateLines],
  dictionary: [
    '**',
    '*',
    '**/',
    '/**',
    '*.',
    'docker.io/',
    'index.docker.io/',
    'library/',
    '@sha256:',
    ':tag',
    'https://',
    '\n',
  ],
  check: (input) => {
    const [first = '', second = '', image = ''] = input.toString('utf8').split('\n');
    const patterns = [first, second].map(checkPattern).filter((read) => read !== undefined);
    const [a, b] = patterns;
    if (a !== undefined && b !== undefined) checkOrder(a, b);
    const reference = readOrRefused(['InvalidReference'], () => parseReference(image));
    if (reference !== undefined) for (const each of patterns) checkMatch(each, reference);
  },
};

function checkPattern(text: string): ImagePattern | undefined {
  const claims = claimsOf(text);
  for (const { canonical } of claims.filter(isWritable)) assert.equal(parsePattern(canonical).canonical, canonical);
  try {
    const read = parsePattern(text);
    if (isShort(read)) assert.deepEqual(parsePattern(read.canonical), { ...read, source: read.canonical });
    assert.deepEqual(claims, parsePatterns(text));
    return read;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    requireLine(error.message);
    return claims[0];
  }
}

/** Written out, a pattern may be longer than a repository may be, or than people may write. */
function isShort({ canonical }: ImagePattern): boolean {
  return canonical.length <= 255;
}

/** A host that is left without its port may be one that can't be written: `*:*` is also `*`, which alone is no host. */
function isWritable(claim: ImagePattern): boolean {
  const [host = ''] = claim.segments;
  return isShort(claim) && (host === '**' || isHostComponent(host));
}

function checkOrder(a: ImagePattern, b: ImagePattern): void {
  assert.equal(Math.sign(comparePatterns(a, b)), -Math.sign(comparePatterns(b, a)) || 0);
  assert.equal(comparePatterns(a, b) === 0, a.canonical === b.canonical && a.unreadable === b.unreadable);
}

function checkMatch(read: ImagePattern, reference: ImageReference): void {
  const { digest } = reference;
  const segments = referenceSegments(reference);
  if (read.segments.length * segments.length > 400) return;
  const claimed = read.unreadable === 'path' ? [...read.segments, '**'] : read.segments;
  const isDigestRight = read.digest === undefined || read.digest === digest;
  assert.equal(matchesPattern(read, reference), isDigestRight && matchesSegments(claimed, segments, true));
}

/** As the definition says it, without regard to time. */
function matchesSegments(segments: readonly string[], texts: readonly string[], atStart: boolean): boolean {
  const [segment, ...rest] = segments;
  if (segment === undefined) return texts.length === 0;
  if (segment !== '**') {
    const [text, ...others] = texts;
    return text !== undefined && matchesText(segment, text) && matchesSegments(rest, others, false);
  }
  const least = atStart ? 1 : 0;
  for (let taken = least; taken <= texts.length; taken++) {
    if (matchesSegments(rest, texts.slice(taken), false)) return true;
  }
  return false;
}

function matchesText(glob: string, text: string): boolean {
  // After each character of the glob: how far into the text it may reach.
  let reached: readonly number[] = [0];
  for (const character of glob) {
    reached = character === '*' ? anyFrom(Math.min(...reached), text.length) : stepOver(reached, character, text);
  }
  return reached.includes(text.length);
}

function anyFrom(start: number, end: number): readonly number[] {
  return start > end ? [] : Array.from({ length: end - start + 1 }, (_, offset) => start + offset);
}

function stepOver(reached: readonly number[], character: string, text: string): readonly number[] {
  return reached.filter((at) => text[at] === character).map((at) => at + 1);
}
