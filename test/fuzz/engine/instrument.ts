// SPDX-License-Identifier: Apache-2.0
// Coverage by probes in the sources. V8's own precise coverage would do, but it costs more than a millisecond for each
// input and leaves out blocks that ran as often as what is around them; a probe costs nothing and counts exactly.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isNode, parseSource, walk } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';

const MAXIMUM_PROBES = 1 << 16;
/** What is fuzzed: our sources, and the readers of DER and YAML under them. */
const INSTRUMENTED = /\/(?:core|webhook)\/[\w/.-]+\.ts$|\/node_modules\/(?:@sigstore\/core\/dist|yaml\/dist)\/.+\.js$/;

export interface Probes {
  /** How often each probe was passed since it was last set to 0. */
  readonly hits: Uint32Array;
  /** Probes in use: the first of `hits`. */
  readonly count: () => number;
  /** Texts that the sources compare with: what a mutator would never guess. */
  readonly literals: ReadonlySet<string>;
}

/** From now on sources are loaded with probes in them. To be called before they are imported. */
export function installProbes(): Probes {
  const hits = new Uint32Array(MAXIMUM_PROBES);
  const literals = new Set<string>();
  let used = 0;
  Object.assign(globalThis, { cosignetProbes: hits });
  registerHooks({
    load(url, context, nextLoad) {
      if (!INSTRUMENTED.test(url) || url.includes('/test/')) return nextLoad(url, context);
      const loaded = nextLoad(url, context);
      const text = readFileSync(fileURLToPath(url), 'utf8');
      const source = instrument(text, { next: () => used++, literals });
      return { format: loaded.format ?? 'commonjs', source, shortCircuit: true };
    },
  });
  return { hits, count: () => Math.min(used, MAXIMUM_PROBES), literals };
}

interface Instrumentation {
  readonly next: () => number;
  readonly literals: Set<string>;
}

interface Insertion {
  readonly at: number;
  readonly text: string;
}

/** `text` with a probe in every block, branch and operand that may be left out. */
export function instrument(text: string, { next, literals }: Instrumentation): string {
  const opening: Insertion[] = [];
  const closing: Insertion[] = [];
  const probe = (): string => `__probes[${next()}]++`;
  const enter = (at: number): void => void opening.push({ at, text: `${probe()};` });
  const around = (node: SyntaxNode, before: string, after: string): void => {
    opening.push({ at: node.range[0], text: before });
    closing.push({ at: node.range[1], text: after });
  };
  const places: Places = {
    block: (node) => {
      if (node.type === 'BlockStatement') enter(node.range[0] + 1);
      else around(node, `{${probe()};`, '}');
    },
    operand: (node) => around(node, `(${probe()},`, ')'),
    before: (node) => enter(node.range[0]),
    after: (node) => void closing.push({ at: node.range[1], text: ` else {${probe()};}` }),
  };
  walk(parseSource(text), (node) => {
    if (node.type === 'Literal' && typeof node['value'] === 'string') literals.add(node['value']);
    RULES[node.type]?.(node, places);
  });
  return `var __probes=globalThis.cosignetProbes;${insert(text, opening, closing)}`;
}

interface Places {
  readonly block: (node: SyntaxNode) => void;
  readonly operand: (node: SyntaxNode) => void;
  readonly before: (node: SyntaxNode) => void;
  readonly after: (node: SyntaxNode) => void;
}

const functionRule = (node: SyntaxNode, { block, operand }: Places): void => {
  const body = child(node, 'body');
  if (body?.type === 'BlockStatement') block(body);
  else if (body) operand(body);
};
const loopRule = (node: SyntaxNode, { block }: Places): void => optional(child(node, 'body'), block);

const RULES: Readonly<Record<string, (node: SyntaxNode, places: Places) => void>> = {
  FunctionDeclaration: functionRule,
  FunctionExpression: functionRule,
  ArrowFunctionExpression: functionRule,
  ForStatement: loopRule,
  ForOfStatement: loopRule,
  ForInStatement: loopRule,
  WhileStatement: loopRule,
  CatchClause: loopRule,
  IfStatement: (node, { block, after }) => {
    const alternate = child(node, 'alternate');
    // First what closes last: an `else` comes after the brace around what is before it.
    if (alternate) block(alternate);
    else after(node);
    optional(child(node, 'consequent'), block);
  },
  ConditionalExpression: (node, { operand }) => {
    optional(child(node, 'consequent'), operand);
    optional(child(node, 'alternate'), operand);
  },
  LogicalExpression: (node, { operand }) => optional(child(node, 'right'), operand),
  SwitchCase: (node, { before }) => {
    const [first] = Array.isArray(node['consequent']) ? node['consequent'] : [];
    if (isNode(first)) before(first);
  },
};

function child(node: SyntaxNode, field: string): SyntaxNode | undefined {
  const value = node[field];
  return isNode(value) ? value : undefined;
}

function optional(node: SyntaxNode | undefined, use: (node: SyntaxNode) => void): void {
  if (node) use(node);
}

/** At one place what closes stands first, the innermost before what is around it; what opens the other way round. */
function insert(text: string, opening: readonly Insertion[], closing: readonly Insertion[]): string {
  const order = (a: Insertion, b: Insertion): number => a.at - b.at;
  const all = [...closing.toReversed(), ...opening].toSorted(order);
  let result = '';
  let at = 0;
  for (const insertion of all) {
    result += text.slice(at, insertion.at) + insertion.text;
    at = insertion.at;
  }
  return result + text.slice(at);
}
