// SPDX-License-Identifier: Apache-2.0
// Patterns as a trie over segments. It is persistent: a change copies the nodes on its way and shares the
// rest, so that a decision under way keeps the snapshot that it started with. Within one batch of changes
// (one `Batch`) a node that the batch made is changed in place; a first load then copies nothing.
import { ANY_SEGMENT, ANY_SEGMENTS, compareSegments, skipFrom } from '../../image/pattern.ts';
import type { ImagePattern } from '../../image/types.ts';
import { getGlob, matchingGlobs, setGlob } from './glob-index.ts';
import type { GlobEdge, GlobIndex } from './glob-index.ts';
import type { CompiledPolicy } from '../types.ts';

/** A policy under one of its patterns. */
export interface Claim {
  readonly policy: CompiledPolicy;
  readonly pattern: ImagePattern;
}

/** Identifies who may change a node in place; compared by identity alone. */
export type Batch = symbol;

export interface TrieNode {
  readonly batch: Batch;
  literals: Map<string, TrieNode>;
  globs: GlobIndex<TrieNode>;
  anySegment: TrieNode | undefined;
  anySegments: TrieNode | undefined;
  /** Claims of patterns that end here, by policy name. */
  claims: readonly Claim[];
  /** Claims of everything from here on: what follows could not be read. */
  unreadable: readonly Claim[];
}

export type ClaimsEdit = (claims: readonly Claim[]) => readonly Claim[];

/** The trie with the claims at `pattern` edited; undefined where nothing is left. */
export function editClaims(
  root: TrieNode | undefined,
  pattern: ImagePattern,
  edit: ClaimsEdit,
  batch: Batch,
): TrieNode | undefined {
  return editBelow(root, 0);

  function editBelow(node: TrieNode | undefined, depth: number): TrieNode | undefined {
    const own = owned(node, batch);
    const segment = pattern.segments[depth];
    if (segment === undefined && pattern.unreadable === 'path') own.unreadable = edit(own.unreadable);
    else if (segment === undefined) own.claims = edit(own.claims);
    else setChild(own, segment, editBelow(getChild(own, segment), depth + 1));
    return isEmpty(own) ? undefined : own;
  }
}

interface Walk {
  /** The segments of the image. */
  readonly texts: readonly string[];
  readonly visit: (claims: readonly Claim[]) => boolean;
  readonly steps: Steps;
}

/** How much may still be looked at: nodes and globs, each for each position in the text. Below zero: not all was. */
export interface Steps {
  left: number;
}

/**
 * Visits the claims whose patterns match, the most specific pattern first, until `visit` returns true or no steps are
 * left. Walks the trie in the order of `comparePatterns`, each node once with all positions in the text that it can stand at.
 */
// oxlint-disable-next-line max-params -- what is looked for in what, for whom, and how long
export function visitClaims(
  root: TrieNode | undefined,
  texts: readonly string[],
  visit: Walk['visit'],
  steps: Steps = { left: Infinity },
): boolean {
  return root !== undefined && walk({ texts, visit, steps }, root, [0], 0);
}

function walk(context: Walk, node: TrieNode, positions: readonly number[], depth: number): boolean {
  context.steps.left -= positions.length;
  if (context.steps.left < 0) return true;
  return (node.unreadable.length > 0 && context.visit(node.unreadable)) || walkBelow(context, node, positions, depth);
}

function walkBelow(context: Walk, node: TrieNode, positions: readonly number[], depth: number): boolean {
  const { length } = context.texts;
  return (
    walkLiterals(context, node, positions, depth) ||
    walkGlobs(context, node, positions, depth) ||
    (node.anySegment !== undefined && walkOn(context, node.anySegment, positions, depth)) ||
    (node.claims.length > 0 && positions.includes(length) && context.visit(node.claims)) ||
    (node.anySegments !== undefined && walk(context, node.anySegments, skipFrom(positions, depth, length), depth + 1))
  );
}

/** To a child, each position one text further. */
function walkOn(context: Walk, child: TrieNode, positions: readonly number[], depth: number): boolean {
  const next = positions.filter((position) => position < context.texts.length).map((position) => position + 1);
  return next.length > 0 && walk(context, child, next, depth + 1);
}

function walkLiterals(context: Walk, node: TrieNode, positions: readonly number[], depth: number): boolean {
  const { texts } = context;
  if (node.literals.size === 0) return false;
  for (const text of textsAt(texts, positions)) {
    const child = node.literals.get(text);
    if (child === undefined) continue;
    const matched = positions.length === 1 ? positions : positions.filter((position) => texts[position] === text);
    if (walkOn(context, child, matched, depth)) return true;
  }
  return false;
}

/** The different texts at these positions, in the order of `comparePatterns`. */
function textsAt(texts: readonly string[], positions: readonly number[]): readonly string[] {
  const found = positions.map((position) => texts[position]).filter((text) => text !== undefined);
  return found.length > 1 ? [...new Set(found)].toSorted(compareSegments) : found;
}

/** Over all positions, the most specific glob first. */
function walkGlobs(context: Walk, node: TrieNode, positions: readonly number[], depth: number): boolean {
  if (node.globs.size === 0) return false;
  const places = new Map<GlobEdge<TrieNode>, number[]>();
  for (const position of positions) {
    for (const edge of matchingGlobs(node.globs, context.texts[position], context.steps)) {
      const matched = places.get(edge);
      if (matched === undefined) places.set(edge, [position]);
      else matched.push(position);
    }
  }
  const ordered = [...places].toSorted(([a], [b]) => compareSegments(a.segment, b.segment));
  return ordered.some(([edge, matched]) => walkOn(context, edge.target, matched, depth));
}

function owned(node: TrieNode | undefined, batch: Batch): TrieNode {
  if (node?.batch === batch) return node;
  const { anySegment, anySegments, claims = [], unreadable = [] } = node ?? {};
  return {
    batch,
    literals: node === undefined || node.literals.size === 0 ? NO_LITERALS : new Map(node.literals),
    globs: node === undefined || node.globs.size === 0 ? NO_GLOBS : new Map(node.globs),
    anySegment,
    anySegments,
    claims,
    unreadable,
  };
}

/** Most nodes have one child or none: maps of their own would be most of such a node. Nothing is ever written to these. */
const NO_LITERALS: TrieNode['literals'] = new Map();
const NO_GLOBS: TrieNode['globs'] = new Map();

function getChild(node: TrieNode, segment: string): TrieNode | undefined {
  if (segment === ANY_SEGMENTS) return node.anySegments;
  if (segment === ANY_SEGMENT) return node.anySegment;
  return segment.includes('*') ? getGlob(node.globs, segment) : node.literals.get(segment);
}

function setChild(node: TrieNode, segment: string, child: TrieNode | undefined): void {
  if (segment === ANY_SEGMENTS) node.anySegments = child;
  else if (segment === ANY_SEGMENT) node.anySegment = child;
  else if (segment.includes('*')) {
    if (node.globs === NO_GLOBS) node.globs = new Map();
    setGlob(node.globs, segment, child);
  } else if (child === undefined) node.literals.delete(segment);
  else {
    if (node.literals === NO_LITERALS) node.literals = new Map();
    node.literals.set(segment, child);
  }
}

function isEmpty(node: TrieNode): boolean {
  return (
    node.claims.length === 0 &&
    node.unreadable.length === 0 &&
    node.literals.size === 0 &&
    node.globs.size === 0 &&
    node.anySegment === undefined &&
    node.anySegments === undefined
  );
}
