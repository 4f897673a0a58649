// SPDX-License-Identifier: Apache-2.0
import type { parse } from '@bufbuild/cel';

/** The tree that CEL's parser makes (cel-spec, proto/cel/expr/syntax.proto); macros are loops in it. */
export type Expression = ReturnType<typeof parse>['expr'];

const TYPES = ['bool', 'bytes', 'double', 'int', 'list', 'map', 'null_type', 'string', 'type', 'uint'];
/** Operators have names of their own, such as `_==_` and `!_`. */
const OPERATOR = /^[^a-z]/i;

/**
 * The first name in the expression that means nothing, as a sentence: CEL itself would tell only when it is
 * evaluated, and the policy would deny its images instead of not being Ready.
 */
export function unknownName(
  root: Expression,
  variables: readonly string[],
  isFunction: (name: string) => boolean,
): string | undefined {
  const unknown = findUnknown(root, new Set([...variables, ...TYPES]), isFunction);
  return unknown?.startsWith('name ')
    ? `unknown ${unknown}: known are ${variables.join(', ')}`
    : unknown && `unknown ${unknown}`;
}

/** Expressions within the expression, with itself. */
export function countNodes(root: Expression): number {
  return partsOf(root).reduce((sum, part) => sum + countNodes(part), 1);
}

/** How deep the brackets of an expression stand within each other; counts those in quotes too, and rather too many. */
export function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of text) {
    if ('([{'.includes(character)) depth += 1;
    if (')]}'.includes(character)) depth = Math.max(0, depth - 1);
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

/** Wraps the condition of each loop into a call of `counter`, with how many parts the loop has. Changes the tree. */
export function meterLoops(root: Expression, counter: string): void {
  const parts = countNodes(root);
  for (const part of partsOf(root)) meterLoops(part, counter);
  if (root.exprKind.case !== 'comprehensionExpr') return;
  const loop = root.exprKind.value;
  if (loop.loopCondition === undefined) throw new Error('the expression has a loop without an end');
  const { loopCondition } = loop;
  const template = { ...loopCondition };
  const size: Expression = {
    ...template,
    exprKind: {
      case: 'constExpr',
      value: { $typeName: 'cel.expr.Constant', constantKind: { case: 'int64Value', value: BigInt(parts) } },
    },
  };
  loop.loopCondition = {
    ...template,
    exprKind: {
      case: 'callExpr',
      value: { $typeName: 'cel.expr.Expr.Call', function: counter, args: [loopCondition, size] },
    },
  };
}

function findUnknown(
  root: Expression,
  known: ReadonlySet<string>,
  isFunction: (name: string) => boolean,
): string | undefined {
  const { case: kind, value } = root.exprKind;
  if (kind === 'identExpr' && !known.has(value.name)) {
    return `name ${value.name}`;
  }
  if (kind === 'callExpr' && !OPERATOR.test(value.function) && !isFunction(value.function)) {
    return `function ${value.function}`;
  }
  const inner = kind === 'comprehensionExpr' ? new Set([...known, value.iterVar, value.accuVar]) : known;
  for (const part of partsOf(root)) {
    const unknown = findUnknown(part, inner, isFunction);
    if (unknown !== undefined) return unknown;
  }
  return undefined;
}

export function partsOf({ exprKind: { case: kind, value } }: Expression): readonly Expression[] {
  switch (kind) {
    case 'selectExpr':
      return present([value.operand]);
    case 'callExpr':
      return present([value.target, ...value.args]);
    case 'listExpr':
      return value.elements;
    case 'structExpr':
      return present(
        value.entries.flatMap((entry) => [
          entry.keyKind.case === 'mapKey' ? entry.keyKind.value : undefined,
          entry.value,
        ]),
      );
    case 'comprehensionExpr':
      return present([value.iterRange, value.accuInit, value.loopCondition, value.loopStep, value.result]);
    case 'constExpr':
    case 'identExpr':
    case undefined:
    default:
      return [];
  }
}

function present(parts: readonly (Expression | undefined)[]): readonly Expression[] {
  return parts.filter((part) => part !== undefined);
}
