// SPDX-License-Identifier: Apache-2.0
import * as typescript from 'prettier/plugins/typescript';

/** A node of the ESTree form of TypeScript; ranges are offsets in the text. */
export interface SyntaxNode {
  readonly type: string;
  readonly range: readonly [number, number];
  readonly [field: string]: unknown;
}

/** Prettier's own parser: here already, and TypeScript 7 has none to import. */
export function parseSource(text: string): SyntaxNode {
  // Its signature asks for all options of Prettier, and it reads only the name of the file.
  return Reflect.apply(typescript.parsers.typescript.parse, undefined, [text, { filepath: 'source.ts' }]);
}

/** Visits parents before their children, in the order of the text; what is only a type is left out. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode, ancestors: readonly SyntaxNode[]) => void): void {
  const ancestors: SyntaxNode[] = [];
  const step = (current: SyntaxNode): void => {
    visit(current, ancestors);
    ancestors.push(current);
    for (const child of childrenOf(current)) step(child);
    ancestors.pop();
  };
  step(node);
}

function childrenOf(node: SyntaxNode): readonly SyntaxNode[] {
  return Object.entries(node)
    .filter(([field]) => field !== 'comments' && field !== 'tokens')
    .flatMap(([, value]) => value)
    .filter((value): value is SyntaxNode => isNode(value) && !isType(value))
    .toSorted((a, b) => a.range[0] - b.range[0]);
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'range' in value;
}

/** `x as T` and its kin are expressions; all else of that name is erased. */
function isType({ type }: SyntaxNode): boolean {
  return type.startsWith('TS') && !['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression'].includes(type);
}
