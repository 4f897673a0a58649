// SPDX-License-Identifier: Apache-2.0
import type { CelFunc, CelType } from '@bufbuild/cel';
import type { Expression } from './condition-tree.ts';

/** What a kind of result is called. */
const WORDS: Readonly<Record<string, string>> = {
  bool: 'true or false',
  bytes: 'bytes',
  double: 'a number',
  duration: 'a duration',
  int: 'a number',
  list: 'a list',
  map: 'a map',
  null: 'null',
  string: 'a text',
  timestamp: 'a timestamp',
  type: 'a type',
  uint: 'a number',
};

type Kind = keyof typeof WORDS;
/** What it can give; undefined: anything, as what is attested is. */
type Kinds = ReadonlySet<Kind> | undefined;

const CONSTANTS: Readonly<Record<string, Kind>> = {
  boolValue: 'bool',
  bytesValue: 'bytes',
  doubleValue: 'double',
  int64Value: 'int',
  nullValue: 'null',
  stringValue: 'string',
  uint64Value: 'uint',
};

/** What they are is known before anything is attested. */
const KNOWN: ReadonlyMap<string, Kinds> = new Map([
  ['now', new Set<Kind>(['timestamp'])],
  ['image', new Set<Kind>(['map'])],
  ['signer', new Set<Kind>(['map'])],
]);

/**
 * That the expression can give nothing of the wanted kind, whatever is attested, as a sentence: it would fail each time
 * that it is evaluated. Undefined: it may give it.
 */
export function neverGives(
  wanted: 'bool' | 'timestamp',
  root: Expression,
  functions: Iterable<CelFunc>,
): string | undefined {
  const kinds = kindsOf(root, { functions: [...functions], names: KNOWN });
  if (kinds === undefined || kinds.has(wanted)) return undefined;
  const given = [...new Set([...kinds].map((kind) => WORDS[kind]))].join(' or ') || 'no value at all';
  const remedy = wanted === 'bool' ? 'compare it with something' : 'a text becomes one by timestamp(…)';
  return `gives ${given}, and never ${WORDS[wanted]}: ${remedy}`;
}

interface Scope {
  readonly functions: readonly CelFunc[];
  readonly names: ReadonlyMap<string, Kinds>;
}

function kindsOf({ exprKind }: Expression, scope: Scope): Kinds {
  const { case: kind, value } = exprKind;
  if (kind === 'callExpr') return kindsOfCall(value, scope);
  if (kind === 'comprehensionExpr') return kindsOfLoop(value, scope);
  return kind === 'identExpr' ? scope.names.get(value.name) : only(kindWritten(exprKind));
}

/** What shows in its form alone. */
function kindWritten({ case: kind, value }: Expression['exprKind']): Kind | undefined {
  if (kind === 'constExpr') return CONSTANTS[value.constantKind.case ?? ''];
  if (kind === 'listExpr') return 'list';
  if (kind === 'structExpr') return value.messageName === '' ? 'map' : undefined;
  return kind === 'selectExpr' && value.testOnly ? 'bool' : undefined;
}

type Loop = Extract<Expression['exprKind'], { readonly case: 'comprehensionExpr' }>['value'];

/** What a loop gathers is of the kind that it begins with. */
function kindsOfLoop({ iterVar, accuVar, accuInit, result }: Loop, scope: Scope): Kinds {
  const gathered = accuInit && kindsOf(accuInit, scope);
  const names = new Map([...scope.names, [iterVar, undefined], [accuVar, gathered]]);
  return result && kindsOf(result, { ...scope, names });
}

type Call = Extract<Expression['exprKind'], { readonly case: 'callExpr' }>['value'];

function kindsOfCall({ function: name, target, args }: Call, scope: Scope): Kinds {
  if (name === '_&&_' || name === '_||_') return only('bool');
  if (name === '_?_:_') return union(args.slice(1).map((branch) => kindsOf(branch, scope)));
  const given = [...(target ? [target] : []), ...args].map((part) => kindsOf(part, scope));
  const ways = scope.functions.filter(
    (one) => one.name === name && (one.target === undefined) === (target === undefined),
  );
  if (ways.length === 0) return undefined;
  return union(ways.filter((way) => fits(way, given)).map(({ result }) => only(kindOf(result))));
}

function fits({ target, arguments: rest }: CelFunc, given: readonly Kinds[]): boolean {
  const taken = [...(target ? [target] : []), ...rest];
  return taken.length === given.length && taken.every((type, index) => takes(type, given[index]));
}

function takes(type: CelType, given: Kinds): boolean {
  const kind = kindOf(type);
  return kind === undefined || given === undefined || given.has(kind);
}

/** Undefined: any. */
function kindOf(type: CelType): Kind | undefined {
  const text = String(type)
    .replace(/\(.*$/, '')
    .replace(/^google\.protobuf\./, '')
    .toLowerCase();
  return Object.hasOwn(WORDS, text) ? text : undefined;
}

function only(kind: Kind | undefined): Kinds {
  return kind === undefined ? undefined : new Set([kind]);
}

function union(all: readonly Kinds[]): Kinds {
  const kinds = new Set<Kind>();
  for (const one of all) {
    if (one === undefined) return undefined;
    for (const kind of one) kinds.add(kind);
  }
  return kinds;
}
