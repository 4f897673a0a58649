// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UsageError } from '../../../../cli/output/exit.ts';
import { namespaceContext } from '../../../../cli/inputs/namespace.ts';

describe('the namespace on the command line', () => {
  test('carries the label that a cluster gives it, and those that are named', () => {
    assert.deepEqual(namespaceContext({ namespace: 'prod', namespaceLabel: ['team=a', 'empty='] }), {
      name: 'prod',
      labels: { team: 'a', empty: '', 'kubernetes.io/metadata.name': 'prod' },
    });
    assert.deepEqual(namespaceContext({ namespaceLabel: [] }), { labels: {} });
  });

  test("its own name can't be overwritten by a label, as in a cluster", () => {
    const { labels } = namespaceContext({ namespace: 'prod', namespaceLabel: ['kubernetes.io/metadata.name=other'] });
    assert.equal(labels['kubernetes.io/metadata.name'], 'prod');
  });

  test('a label without its sign is wrong usage', () => {
    for (const label of ['team', '=a', 'a b=c', '']) {
      assert.throws(() => namespaceContext({ namespaceLabel: [label] }), UsageError);
    }
  });
});
