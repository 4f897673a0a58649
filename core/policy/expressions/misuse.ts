// SPDX-License-Identifier: Apache-2.0
import { celEnv, CelScalar, isCelError, parse, plan } from '@bufbuild/cel';
import { quote } from '../../image/reference.ts';
import { CLAIM_NAMES } from '../../sigstore/trust/claims.ts';
import { partsOf, type Expression } from './condition-tree.ts';

/** What has these fields and no others, by how an expression names it. */
const FIELDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['image', ['repository', 'digest', 'tag']],
  ['signer', ['name', 'issuer', 'subject', 'claims', 'time']],
  ['signer.claims', CLAIM_NAMES],
]);

const LITERALS: ReadonlyMap<string, { readonly read: Reading; readonly form: string }> = new Map([
  ['duration', { read: reading('duration'), form: 'it is written in h, m and s: a week is "168h"' }],
  ['timestamp', { read: reading('timestamp'), form: 'it is written as "2026-01-31T00:00:00Z" (RFC 3339)' }],
]);

type Reading = (input: { readonly text: string }) => unknown;

function reading(name: 'duration' | 'timestamp'): Reading {
  return plan(celEnv({ variables: { text: CelScalar.STRING } }), parse(`${name}(text)`));
}

/**
 * What can't mean anything whatever is attested, as a sentence: a field that `signer` or `image` never has, which a
 * `has()` would take for absent, and a time or duration that is none.
 */
export function misuseIn(root: Expression, hidden: ReadonlySet<string> = new Set()): string | undefined {
  const { case: kind, value } = root.exprKind;
  const found = unknownField(root, hidden) ?? brokenLiteral(root);
  if (found !== undefined) return found;
  // A loop's own names hide what is called so outside.
  const inner = kind === 'comprehensionExpr' ? new Set([...hidden, value.iterVar, value.accuVar]) : hidden;
  for (const part of partsOf(root)) {
    const misuse = misuseIn(part, inner);
    if (misuse !== undefined) return misuse;
  }
  return undefined;
}

function unknownField(root: Expression, hidden: ReadonlySet<string>): string | undefined {
  const [owner, field] = fieldAsked(root);
  const name = owner && pathOf(owner);
  if (name === undefined || field === undefined || hidden.has(name.split('.', 1)[0] ?? '')) return undefined;
  const known = FIELDS.get(name);
  if (known === undefined || known.includes(field)) return undefined;
  const meant = known.find((one) => one.toLowerCase() === field.toLowerCase());
  const remedy = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`;
  return `${name} has no field ${quote(field)}: ${remedy}`;
}

/** `owner.field`, `has(owner.field)`, `owner["field"]` and `"field" in owner`. */
function fieldAsked({
  exprKind: { case: kind, value },
}: Expression): readonly [owner?: Expression | undefined, field?: string | undefined] {
  if (kind === 'selectExpr') return value.operand === undefined ? [] : [value.operand, value.field];
  if (kind !== 'callExpr') return [];
  const [first, second] = value.args;
  if (value.function === '_[_]') return [first, textOf(second)];
  return value.function === '@in' ? [second, textOf(first)] : [];
}

/** `signer.claims`; undefined where it is no name and fields of it. */
function pathOf({ exprKind: { case: kind, value } }: Expression): string | undefined {
  if (kind === 'identExpr') return value.name;
  if (kind !== 'selectExpr' || value.testOnly || value.operand === undefined) return undefined;
  const owner = pathOf(value.operand);
  return owner && `${owner}.${value.field}`;
}

function brokenLiteral({ exprKind: { case: kind, value } }: Expression): string | undefined {
  if (kind !== 'callExpr' || value.target !== undefined || value.args.length !== 1) return undefined;
  const literal = LITERALS.get(value.function);
  const text = textOf(value.args[0]);
  if (literal === undefined || text === undefined || !isCelError(literal.read({ text }))) return undefined;
  return `${value.function}(${quote(text)}) is none: ${literal.form}`;
}

function textOf(expression: Expression | undefined): string | undefined {
  const kind = expression?.exprKind;
  if (kind?.case !== 'constExpr') return undefined;
  const { constantKind } = kind.value;
  return constantKind.case === 'stringValue' ? constantKind.value : undefined;
}
