// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { celEnv, CelScalar, celType, isCelError, parse, plan } from '@bufbuild/cel';
import fc from 'fast-check';
import { compileCondition, compileTime } from '../../../../../core/policy/expressions/condition.ts';
import { neverGives } from '../../../../../core/policy/expressions/result-type.ts';

const NEVER_BOOL = 'never true or false: compare it with something';
const NEVER_TIME = 'never a timestamp: a text becomes one by timestamp(…)';

describe('a condition that can give neither true nor false', () => {
  for (const [expression, given] of [
    ['"yes"', 'a text'],
    ['1', 'a number'],
    ['null', 'null'],
    ['b"x"', 'bytes'],
    ['["a"]', 'a list'],
    ['{"a": 1}', 'a map'],
    ['now', 'a timestamp'],
    ['signer', 'a map'],
    ['predicate.count + 1', 'a number'],
    ['-predicate.count', 'a number'],
    ['predicate.findings.size()', 'a number'],
    ['size(predicate.findings)', 'a number'],
    ['predicate.findings.filter(x, x.high)', 'a list'],
    ['predicate.findings.map(x, x.name)', 'a list'],
    ['string(predicate.ok)', 'a text'],
    ['now - timestamp(predicate.at)', 'a duration'],
    ['type(predicate.ok)', 'a type'],
    ['predicate.ok ? "yes" : 1', 'a text or a number'],
    ['predicate.at.getFullYear()', 'a number'],
    ['"a" + 1', 'no value at all'],
  ] as const) {
    test(`is refused when it is compiled: ${expression}`, () => {
      assert.throws(() => compileCondition(expression, ''), { message: `gives ${given}, and ${NEVER_BOOL}` });
    });
  }

  for (const expression of [
    'true',
    'predicate.ok',
    'predicate["ok"]',
    'predicate.findings[0]',
    '!predicate.ok',
    'predicate.ok && "a" == "b"',
    'predicate.ok ? predicate.really : "no"',
    'predicate.ok ? "no" : true',
    'has(predicate.ok)',
    'bool(predicate.ok)',
    'dyn(1)',
    'predicate.findings.all(x, x.low)',
    'predicate.findings.exists(x, x.low)',
    'predicate.findings.exists_one(x, x.low)',
    '"a" in predicate.list && predicate.name.matches("^a")',
    // A loop's own names hide what is called so outside.
    '[true].exists(now, now)',
  ]) {
    test(`is not: ${expression}`, () => {
      assert.equal(compileCondition(expression, '').expression, expression);
    });
  }
});

describe('a newestBy that can give no time', () => {
  for (const [expression, given] of [
    ['"2026-01-31T00:00:00Z"', 'a text'],
    ['string(predicate.at)', 'a text'],
    ['int(predicate.at)', 'a number'],
    ['predicate.at == predicate.end', 'true or false'],
    ['timestamp(predicate.end) - timestamp(predicate.at)', 'a duration'],
    ['has(predicate.at) ? int(predicate.at) : 0', 'a number'],
  ] as const) {
    test(`is refused when it is compiled: ${expression}`, () => {
      assert.throws(() => compileTime(expression), { message: `gives ${given}, and ${NEVER_TIME}` });
    });
  }

  for (const expression of [
    'predicate.at',
    'timestamp(predicate.at)',
    'timestamp(predicate.at) + duration("1h")',
    'timestamp(predicate.at) - predicate.age',
    'has(predicate.at) ? timestamp(predicate.at) : predicate.end',
    'timestamp(predicate.runs.map(x, x.at)[0])',
  ]) {
    test(`is not: ${expression}`, () => {
      assert.equal(typeof compileTime(expression), 'function');
    });
  }
});

/** Expressions of all forms, most of which have a value. */
const { expressions } = fc.letrec<{ expressions: string }>((tie) => {
  const part = tie('expressions');
  const forms: readonly ((a: string, b: string, c: string) => string)[] = [
    (a, b) => `(${a} + ${b})`,
    (a, b) => `(${a} - ${b})`,
    (a, b) => `(${a} == ${b})`,
    (a, b) => `(${a} < ${b})`,
    (a, b) => `(${a} && ${b})`,
    (a, b) => `(${a} || ${b})`,
    (a, b, c) => `(${a} ? ${b} : ${c})`,
    (a, b) => `[${a}, ${b}]`,
    (a, b) => `[${a}].exists(x, x == ${b})`,
    (a, b) => `[${a}].exists_one(x, x == ${b})`,
    (a, b) => `[${a}].map(x, ${b})[0]`,
    (a, b) => `[${a}].filter(x, ${b})`,
    (a, b) => `(${a} in [${b}])`,
    (a) => `{"k": ${a}}.k`,
    (a) => `has({"k": ${a}}.k)`,
    (a) => `!${a}`,
    (a) => `string(${a})`,
    (a) => `timestamp(${a})`,
    (a) => `size(${a})`,
    (a) => `dyn(${a})`,
    (a) => `type(${a})`,
  ];
  const leaf = fc.constantFrom(
    'true',
    '1',
    '1.5',
    '"a"',
    'null',
    'now',
    'free',
    'duration("1h")',
    '"2026-01-31T00:00:00Z"',
  );
  const whole = fc.tuple(fc.constantFrom(...forms), part, part, part).map(([form, a, b, c]) => form(a, b, c));
  return { expressions: fc.oneof({ maxDepth: 3, withCrossShrink: true }, leaf, whole) };
});

test('what is refused never gives the value that is wanted', () => {
  const { BOOL, DYN } = CelScalar;
  const env = celEnv({ variables: { now: DYN, free: DYN } });
  const now = plan(celEnv(), parse('timestamp("2026-01-31T00:00:00Z")'))({});
  assert.ok(!isCelError(now));
  const seen = { bool: 0, timestamp: 0, refused: 0 };
  const holds = (text: string, free: boolean | string) => {
    const tree = parse(text);
    const result = plan(env, tree)({ now, free });
    for (const [wanted, type] of [
      ['bool', String(BOOL)],
      ['timestamp', 'google.protobuf.Timestamp'],
    ] as const) {
      const isGiven = !isCelError(result) && String(celType(result)) === type;
      const isRefused = neverGives(wanted, tree.expr, env.funcs) !== undefined;
      assert.ok(!(isGiven && isRefused), `${text} is refused`);
      seen[wanted] += Number(isGiven);
      seen.refused += Number(isRefused);
    }
  };
  fc.assert(fc.property(expressions, fc.constantFrom(true, 'a', '2026-01-31T00:00:00Z'), holds), { numRuns: 2000 });
  for (const [what, times] of Object.entries(seen)) assert.ok(times > 50, `${what}: ${times}`);
});
