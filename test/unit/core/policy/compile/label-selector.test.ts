// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { compileLabelSelector } from '../../../../../core/policy/compile/label-selector.ts';
import { createReport } from '../../../../../core/policy/problems/report.ts';
import type { LabelSelector } from '../../../../../core/policy/documents/image-policy.gen.ts';

function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const report = createReport();
  const predicate = compileLabelSelector(selector, 'spec.namespaceSelector', report);
  assert.deepEqual(report.problems, []);
  return predicate(labels);
}

function faultsOf(selector: LabelSelector): readonly string[] {
  const report = createReport();
  compileLabelSelector(selector, 'selector', report);
  return report.problems.map(({ reason, path }) => `${reason} ${path}`);
}

const expression = (operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', ...values: string[]): LabelSelector => ({
  matchExpressions: [values.length > 0 ? { key: 'stage', operator, values } : { key: 'stage', operator }],
});

describe('a label selector', () => {
  const table: readonly (readonly [string, LabelSelector, Readonly<Record<string, string>>, boolean])[] = [
    ['an empty one selects everything', {}, {}, true],
    ['matchLabels needs the value', { matchLabels: { a: 'b' } }, { a: 'b', c: 'd' }, true],
    ['matchLabels refuses another value', { matchLabels: { a: 'b' } }, { a: 'c' }, false],
    ['matchLabels refuses a missing label', { matchLabels: { a: '' } }, {}, false],
    ['matchLabels needs all', { matchLabels: { a: 'b', c: 'd' } }, { a: 'b' }, false],
    ['In takes each of its values', expression('In', 'x', 'y'), { stage: 'y' }, true],
    ['In refuses others', expression('In', 'x', 'y'), { stage: 'z' }, false],
    ['In refuses a missing label', expression('In', 'x'), {}, false],
    ['NotIn refuses its values', expression('NotIn', 'x'), { stage: 'x' }, false],
    ['NotIn takes others', expression('NotIn', 'x'), { stage: 'y' }, true],
    ['NotIn takes a missing label', expression('NotIn', 'x'), {}, true],
    ['Exists takes any value', expression('Exists'), { stage: '' }, true],
    ['Exists refuses a missing label', expression('Exists'), {}, false],
    ['DoesNotExist takes a missing label', expression('DoesNotExist'), {}, true],
    ['DoesNotExist refuses any value', expression('DoesNotExist'), { stage: '' }, false],
    ['labels and expressions must all hold', { matchLabels: { a: 'b' }, ...expression('Exists') }, { a: 'b' }, false],
    ['what Object has is no label', { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, {}, false],
  ];
  for (const [title, selector, labels, expected] of table) {
    test(title, () => assert.equal(selects(selector, labels), expected));
  }

  test('that is not valid is reported with its field', () => {
    assert.deepEqual(faultsOf({ matchLabels: { '-a': 'b' } }), ['InvalidSelector selector.matchLabels']);
    assert.deepEqual(faultsOf({ matchLabels: { 'Example.com/a': 'b' } }), ['InvalidSelector selector.matchLabels']);
    assert.deepEqual(faultsOf({ matchLabels: { a: 'b c' } }), ['InvalidSelector selector.matchLabels']);
    assert.deepEqual(faultsOf(expression('In')), ['InvalidSelector selector.matchExpressions[0]']);
    assert.deepEqual(faultsOf(expression('Exists', 'x')), ['InvalidSelector selector.matchExpressions[0]']);
    assert.deepEqual(faultsOf(expression('In', 'ok', '-')), ['InvalidSelector selector.matchExpressions[0].values']);
    for (const key of ['', '-a', 'Example.com/a', 'a/b/c']) {
      const selector: LabelSelector = { matchExpressions: [{ key, operator: 'Exists' }] };
      assert.deepEqual(faultsOf(selector), ['InvalidSelector selector.matchExpressions[0].key'], key);
    }
    assert.deepEqual(faultsOf({ matchLabels: { 'kubernetes.io/metadata.name': 'a' } }), []);
  });
});
