// SPDX-License-Identifier: Apache-2.0
import { celEnv, celFunc, celList, CelScalar, isCelError, listType, mapType, parse, plan } from '@bufbuild/cel';
import type { CelInput, CelList, CelValue } from '@bufbuild/cel';
import { isJsonObject } from '../../json.ts';
import { errorText } from '../../text.ts';
import { countNodes, meterLoops, nestingOf, unknownName } from './condition-tree.ts';
import { meteredFunctions, meteredPatterns } from './condition-work.ts';
import { misuseIn } from './misuse.ts';
import { neverGives } from './result-type.ts';
import { createWork, MAXIMUM_WORK, type Work } from './work.ts';
import { names, type Variable } from './variables.ts';
import { celTime, millisecondsOf } from './time-values.ts';
import type { AttestationCondition, ConditionInput } from './types.ts';

const MAXIMUM_CHARACTERS = 4096;
/** Brackets within brackets: whoever reads the expression recurses by them. */
const MAXIMUM_NESTING = 24;
const MAXIMUM_NODES = 1500;
/** Rounds of all loops (`all`, `exists`, `map`, …) in one evaluation; a large SBOM has some 20,000 packages. */
const MAXIMUM_ROUNDS = 100_000;
/** What `+` may make: doubling in a loop would fill the memory in a few dozen rounds. */
const MAXIMUM_LENGTH = 64 * 1024;
const MAXIMUM_ELEMENTS = 5000;

const { BOOL, BYTES, DYN, STRING } = CelScalar;
const LIST = listType(DYN);

const VARIABLES = {
  predicate: DYN,
  statement: DYN,
  image: mapType(STRING, STRING),
  signer: mapType(STRING, DYN),
  now: DYN,
} satisfies Record<Variable, unknown>;

/**
 * Compiles a CEL expression over `predicate`, `statement`, `image` (`repository`, `digest`, `tag`), `signer` and `now`.
 * The language is CEL's standard one; regular expressions are RE2. What an evaluation does is counted, so that the
 * same input gives the same answer however busy the machine is.
 *
 * @param message the author's words for a denial; the expression where it is empty.
 * @throws Error with one sentence where the expression cannot be compiled.
 */
export function compileCondition(expression: string, message: string): AttestationCondition {
  const run = compileExpression(expression, Object.keys(VARIABLES), 'bool');
  return {
    expression,
    message: message === '' ? `condition not met: ${expression}` : message,
    holds: (input, work = createWork(MAXIMUM_WORK)) => {
      const result = run(input, work);
      if (typeof result !== 'boolean') throw new Error('yields neither true nor false');
      return result;
    },
  };
}

/** What tells when an attestation is from: nothing but what was signed. */
const OF_STATEMENT = ['predicate', 'statement'];

/**
 * Compiles a CEL expression over `predicate` and `statement` that gives a timestamp.
 *
 * @returns what gives milliseconds since the epoch, and throws where the result is no timestamp.
 * @throws Error with one sentence where the expression cannot be compiled.
 */
export function compileTime(expression: string): (input: ConditionInput, work: Work) => number {
  const run = compileExpression(expression, OF_STATEMENT, 'timestamp');
  return (input, work) => millisecondsOf(run(input, work));
}

/** @returns what gives the result, bounded in work; it throws where that is an error. */
function compileExpression(
  expression: string,
  variables: readonly string[],
  wanted: 'bool' | 'timestamp',
): (input: ConditionInput, work: Work) => CelValue {
  const meter: Meter = { rounds: 0, work: createWork(0) };
  const run = compile(expression, variables, wanted, meter);
  return (input, work) => {
    meter.rounds = 0;
    meter.work = work;
    const result = run(input);
    // An error inside of a loop may be swallowed by `||`: having run out counts whatever came out.
    if (meter.rounds > MAXIMUM_ROUNDS) throw new Error(`loops more than ${MAXIMUM_ROUNDS} times`);
    if (work.left() < 0) work.spend(0);
    if (isCelError(result)) throw new Error(errorText(result));
    return result;
  };
}

interface Meter {
  rounds: number;
  work: Work;
}

function compile(
  expression: string,
  variables: readonly string[],
  wanted: 'bool' | 'timestamp',
  meter: Meter,
): (input: ConditionInput) => ReturnType<ReturnType<typeof plan>> {
  if (expression.trim() === '') throw new Error('the expression is empty');
  if (expression.length > MAXIMUM_CHARACTERS) {
    throw new Error(`the expression is longer than ${MAXIMUM_CHARACTERS} characters`);
  }
  if (nestingOf(expression) > MAXIMUM_NESTING) {
    throw new Error(`the expression has brackets more than ${MAXIMUM_NESTING} deep`);
  }
  const tree = parseExpression(expression);
  if (countNodes(tree.expr) > MAXIMUM_NODES) {
    throw new Error(`the expression has more than ${MAXIMUM_NODES} parts`);
  }
  const spend = (steps: number) => meter.work.spend(steps);
  const env = celEnv({
    variables: VARIABLES,
    funcs: [...meteredFunctions([...celEnv().funcs, ...BOUNDED_SUMS], spend), roundCounter(meter)],
    re2: meteredPatterns(spend),
  });
  const unknown = unknownName(tree.expr, variables, (name) => env.funcs.find(name) !== undefined);
  const fault = unknown ?? misuseIn(tree.expr) ?? neverGives(wanted, tree.expr, env.funcs);
  if (fault !== undefined) throw new Error(fault);
  meterLoops(tree.expr, ROUND);
  const evaluate = plan(env, tree);
  const isNamed = (variable: Variable) => names(expression, variable);
  return ({ predicate, statement, image, signer, now }) =>
    // Large, and seldom both are asked for.
    evaluate({
      predicate: celValue(isNamed('predicate') && predicate, spend),
      statement: celValue(isNamed('statement') && statement, spend),
      image: { ...image },
      signer: isNamed('signer') ? signerValue(signer) : new Map(),
      now: isNamed('now') ? celTime(now) : null,
    });
}

/** `has(signer.time)` tells whether there is one. */
function signerValue({ name, issuer, subject, claims, time }: ConditionInput['signer']): ReadonlyMap<string, CelInput> {
  const said = new Map<string, CelInput>(Object.entries({ name, issuer, subject }));
  said.set('claims', new Map(Object.entries(claims)));
  if (time !== undefined) said.set('time', celTime(time));
  return said;
}

function parseExpression(expression: string): ReturnType<typeof parse> {
  try {
    return parse(expression);
  } catch (cause) {
    const reason = cause instanceof RangeError ? 'it nests too deeply' : errorText(cause);
    throw new Error(`the expression is not valid CEL: ${reason}`, { cause });
  }
}

/** A name that no expression can contain. */
const ROUND = '@round';

/** Stands around the condition of each loop, so that it is called once for each round, with the parts of the loop. */
function roundCounter(meter: Meter) {
  return celFunc(ROUND, [BOOL, CelScalar.INT], BOOL, (goesOn, parts) => {
    meter.rounds += 1;
    meter.work.spend(Number(parts));
    if (meter.rounds > MAXIMUM_ROUNDS) throw new Error(`loops more than ${MAXIMUM_ROUNDS} times`);
    return goesOn;
  });
}

/** CEL's own `+` for what can grow, with an end to it. Lists are copied: nested views would take quadratic time. */
const BOUNDED_SUMS = [
  celFunc('_+_', [STRING, STRING], STRING, (a, b) => {
    requireSum(a.length + b.length, MAXIMUM_LENGTH);
    return a + b;
  }),
  celFunc('_+_', [BYTES, BYTES], BYTES, (a, b) => {
    requireSum(a.length + b.length, MAXIMUM_LENGTH);
    return Buffer.concat([a, b]);
  }),
  celFunc('_+_', [LIST, LIST], LIST, (a, b) => {
    requireSum(a.size + b.size, MAXIMUM_ELEMENTS);
    return joined(a, b);
  }),
];

function requireSum(length: number, maximum: number): void {
  if (length > maximum) throw new Error(`the result of + is larger than ${maximum}`);
}

/** The elements of lists that `joined` made: reading them out of a list again is what costs time. */
const elements = new WeakMap<CelList, readonly CelValue[]>();

function joined(a: CelList, b: CelList): CelList {
  const all = [...(elements.get(a) ?? a), ...(elements.get(b) ?? b)];
  const list = celList(all);
  elements.set(list, all);
  return list;
}

/** Whole numbers are `int`, as in Kubernetes: `x + 1` has no meaning in CEL for a `double` x. */
function celValue(json: unknown, spend: (steps: number) => void): CelInput {
  spend(1);
  if (typeof json === 'number') return Number.isSafeInteger(json) ? BigInt(json) : json;
  if (Array.isArray(json)) return json.map((item) => celValue(item, spend));
  if (isJsonObject(json)) return new Map(Object.entries(json).map(([key, value]) => [key, celValue(value, spend)]));
  return typeof json === 'string' || typeof json === 'boolean' ? json : null;
}
