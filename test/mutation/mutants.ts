// SPDX-License-Identifier: Apache-2.0
import { isNode, parseSource, walk } from '../fuzz/engine/syntax.ts';
import type { SyntaxNode } from '../fuzz/engine/syntax.ts';

/** One change of a source that its tests should notice. */
export interface Mutant {
  readonly line: number;
  /** What was changed, for people: `a === b → a !== b`. */
  readonly change: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

type Replacement = readonly [node: SyntaxNode, text: string];

const COMPARISONS = new Map([
  ['===', '!=='],
  ['!==', '==='],
  ['<', '<='],
  ['<=', '<'],
  ['>', '>='],
  ['>=', '>'],
]);
const QUANTIFIERS = new Map([
  ['some', 'every'],
  ['every', 'some'],
]);
/** Texts for people; what they say is no decision. */
const WORDING = new Set(['message', 'reason', 'remedy', 'source', 'path', 'description']);

/** All mutants of a source, in its order. */
export function mutantsOf(text: string): readonly Mutant[] {
  const mutants: Mutant[] = [];
  const slice = ({ range: [start, end] }: SyntaxNode): string => text.slice(start, end);
  walk(parseSource(text), (node, ancestors) => {
    if (ancestors.some((ancestor) => isWording(ancestor, node))) return;
    for (const [target, replacement] of OPERATORS[node.type]?.(node, slice, ancestors.at(-1)) ?? []) {
      const [start, end] = target.range;
      const line = text.slice(0, start).split('\n').length;
      const change = `${oneLine(slice(target))} → ${oneLine(replacement)}`;
      mutants.push({ line, change, start, end, text: replacement });
    }
  });
  return mutants;
}

function oneLine(text: string): string {
  const short = text.replace(/\s+/g, ' ');
  return short.length > 60 ? `${short.slice(0, 59)}…` : short || '(nothing)';
}

type Slice = (node: SyntaxNode) => string;
type Operator = (node: SyntaxNode, slice: Slice, parent?: SyntaxNode) => readonly Replacement[];

const negateTest: Operator = (node, slice) => {
  const test = child(node, 'test');
  return test ? [[test, `!(${slice(test)})`]] : [];
};

const OPERATORS: Readonly<Record<string, Operator>> = {
  IfStatement: negateTest,
  ConditionalExpression: negateTest,
  WhileStatement: negateTest,
  LogicalExpression: (node, slice) => {
    const [left, right] = [child(node, 'left'), child(node, 'right')];
    if (!left || !right) return [];
    if (node['operator'] === '??') return [[node, `(${slice(right)})`]];
    const other = node['operator'] === '&&' ? '||' : '&&';
    return [[node, `((${slice(left)}) ${other} (${slice(right)}))`]];
  },
  BinaryExpression: (node, slice) => {
    const [left, right] = [child(node, 'left'), child(node, 'right')];
    const other = COMPARISONS.get(String(node['operator']));
    return left && right && other !== undefined ? [[node, `${slice(left)} ${other} ${slice(right)}`]] : [];
  },
  UnaryExpression: (node, slice) => {
    const argument = child(node, 'argument');
    return node['operator'] === '!' && argument ? [[node, `(${slice(argument)})`]] : [];
  },
  ReturnStatement: (node) => {
    const argument = child(node, 'argument');
    // A literal is changed itself, and `false` or nothing is mostly one.
    if (!argument || argument.type === 'Literal' || argument['name'] === 'undefined') return [];
    return [[node, 'return undefined;']];
  },
  ThrowStatement: (node) => [[node, ';']],
  ExpressionStatement: (node) => [[node, ';']],
  ContinueStatement: (node) => [[node, ';']],
  ArrayExpression: (node) => (Array.isArray(node['elements']) && node['elements'].length > 0 ? [[node, '[]']] : []),
  Literal: literal,
  CallExpression: quantifier,
};

/** `every` for `some`: all is not any. */
function quantifier(node: SyntaxNode): readonly Replacement[] {
  const callee = child(node, 'callee');
  const property = callee && child(callee, 'property');
  const other = QUANTIFIERS.get(String(property?.['name']));
  return property && other !== undefined ? [[property, other]] : [];
}

function literal(node: SyntaxNode, _slice: Slice, parent?: SyntaxNode): readonly Replacement[] {
  const { value } = node;
  if (parent === undefined || parent.type.startsWith('Import') || parent.type.startsWith('Export')) return [];
  if (typeof value === 'boolean') return [[node, String(!value)]];
  if (typeof value === 'number') return [[node, String(value + 1)]];
  return typeof value === 'string' ? [[node, value === '' ? "'mutated'" : "''"]] : [];
}

/** Whether `node` is in the words of an error, a verdict or a log. */
function isWording(ancestor: SyntaxNode, node: SyntaxNode): boolean {
  if (ancestor.type === 'TemplateLiteral' && node.type === 'Literal') return true;
  if (ancestor.type === 'Property') return WORDING.has(String(child(ancestor, 'key')?.['name']));
  if (ancestor.type === 'VariableDeclarator') return WORDING.has(String(child(ancestor, 'id')?.['name']));
  if (ancestor.type !== 'NewExpression' && ancestor.type !== 'CallExpression') return false;
  const callee = String(child(ancestor, 'callee')?.['name']);
  const [first] = Array.isArray(ancestor['arguments']) ? ancestor['arguments'] : [];
  if (callee === 'EngineError') return node !== ancestor && !isWithin(node, first);
  return ['Error', 'malformed', 'refused', 'fault', 'parseJson'].includes(callee);
}

function isWithin(node: SyntaxNode, around: unknown): boolean {
  return isNode(around) && node.range[0] >= around.range[0] && node.range[1] <= around.range[1];
}

function child(node: SyntaxNode, field: string): SyntaxNode | undefined {
  const value = node[field];
  return isNode(value) ? value : undefined;
}
