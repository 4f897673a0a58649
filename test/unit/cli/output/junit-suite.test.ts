// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { junitSuite, type JunitCase } from '../../../../cli/output/junit-suite.ts';
import { elementsOf, readMarkup, textOf, type Element } from '../scan/markup-reader.ts';
import { hostile } from '../scan/reports.ts';

const COUNT = /^\d+$/;
/** xs:dateTime without a zone, as the schema of Jenkins' xUnit plugin has it (junit-10.xsd). */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/;
const ANY = /^/;

/** Beside `file` and `line` of a case, which GitLab reads, this is that schema as far as it is used. */
const SHAPE: Readonly<Record<string, { readonly attributes: Readonly<Record<string, RegExp>>; readonly in: string }>> =
  {
    testsuites: { in: '', attributes: { name: ANY, tests: COUNT, failures: COUNT, errors: COUNT } },
    testsuite: {
      in: 'testsuites',
      attributes: { name: ANY, tests: COUNT, failures: COUNT, errors: COUNT, skipped: COUNT, timestamp: TIME },
    },
    testcase: { in: 'testsuite', attributes: { classname: ANY, name: ANY, file: ANY, line: COUNT } },
    failure: { in: 'testcase', attributes: { type: ANY, message: ANY } },
    error: { in: 'testcase', attributes: { type: ANY, message: ANY } },
    'system-out': { in: 'testcase', attributes: {} },
  };
const OPTIONAL = new Set(['file', 'line']);

function requireShape({ name, attributes, children }: Element, around: string): void {
  const shape = SHAPE[name];
  assert.ok(shape?.in === around, `<${name}> in <${around}>`);
  for (const [attribute, pattern] of Object.entries(shape.attributes)) {
    const value = attributes[attribute];
    if (value === undefined) assert.ok(OPTIONAL.has(attribute), `<${name}> needs ${attribute}`);
    else assert.match(value, pattern);
  }
  for (const attribute of Object.keys(attributes))
    assert.ok(attribute in shape.attributes, `${attribute} of <${name}>`);
  for (const child of children) if (typeof child !== 'string') requireShape(child, name);
}

const cases: fc.Arbitrary<readonly JunitCase[]> = fc.array(
  fc.record(
    {
      classname: hostile,
      name: hostile,
      at: fc.record({ file: hostile, line: fc.nat() }),
      failure: fc.record({
        kind: fc.constantFrom('failure', 'error' as const),
        type: hostile,
        message: hostile,
        text: fc.array(hostile),
      }),
      output: fc.array(hostile),
    },
    { requiredKeys: ['classname', 'name'] },
  ),
);

describe('a JUnit suite', () => {
  test('has the shape that readers hold it against, whatever is in it', () => {
    fc.assert(
      fc.property(hostile, cases, (name, all) => {
        const [root, ...others] = elementsOf(readMarkup(junitSuite(name, all, '2026-06-01T12:00:00Z')), 'testsuites');
        assert.ok(root !== undefined && others.length === 0);
        requireShape(root, '');
        const found = elementsOf(root, 'testcase');
        assert.equal(found.length, all.length);
        const [suite] = elementsOf(root, 'testsuite');
        assert.equal(suite?.attributes['failures'], String(elementsOf(root, 'failure').length));
        assert.equal(suite?.attributes['errors'], String(elementsOf(root, 'error').length));
      }),
    );
  });

  test('keeps lines apart, also a case’s output', () => {
    const output = ['Pods: shop/app', 'Manifests: a.yaml:1'];
    const failure = { kind: 'failure', type: 'NoSignature', message: 'm', text: ['one', 'two\u001b[2J'] } as const;
    const root = readMarkup(junitSuite('s', [{ classname: 'c', name: 'n', failure, output }], '2026-06-01T12:00:00Z'));
    assert.deepEqual(
      ['failure', 'system-out'].flatMap((name) => elementsOf(root, name).map(textOf)),
      ['one\ntwo\uFFFD[2J', output.join('\n')],
    );
  });

  test('takes a very long name', () => {
    const name = '😀]]>"\u0000'.repeat(100_000);
    const root = readMarkup(junitSuite('s', [{ classname: 'c', name }], '2026-06-01T12:00:00Z'));
    assert.equal(elementsOf(root, 'testcase')[0]?.attributes['name'], name.replaceAll('\u0000', '\uFFFD'));
  });
});
