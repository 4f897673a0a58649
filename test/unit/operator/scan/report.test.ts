// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { reportContents } from '../../../../operator/scan/report.ts';
import { found } from './found.ts';
import { atOnce } from './at-once.ts';

const text = (running: ReturnType<typeof found>) => JSON.stringify(atOnce(reportContents(running)).get('shop'));

describe('a report', () => {
  test('tells of each policy and each image of its namespace, what fails first, and counts them', () => {
    const contents = atOnce(
      reportContents(
        found({
          'shop/a': ['allowed', 'Verified'],
          'shop/b': ['denied', 'NoSignature', 'demo'],
          'shop/c': ['error', 'RegistryUnavailable', 'demo'],
          'web/d': ['allowed', 'Verified'],
        }),
      ),
    );
    assert.deepEqual([...contents.keys()], ['shop', 'web']);
    const shop = contents.get('shop');
    assert.deepEqual(shop?.summary, { pass: 1, fail: 1, warn: 0, error: 1, skip: 0 });
    assert.deepEqual(
      shop.results.map(({ policy, rule, result, properties }) => [policy, rule, result, properties.image]),
      [
        ['demo', 'NoSignature', 'fail', 'b'],
        ['demo', 'RegistryUnavailable', 'error', 'c'],
        ['demo', 'Verified', 'pass', 'a'],
      ],
    );
    assert.deepEqual(shop.results[0]?.resources, [{ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'b' }]);
    assert.match(shop.results[0].message, /^b: It has no signature\.$/);
  });

  test('does not blame a policy for what another one refuses', () => {
    const contents = atOnce(reportContents(found({ 'shop/a': ['denied', 'NoSignature', 'other'] }, ['demo', 'other'])));
    assert.deepEqual(
      contents.get('shop')?.results.map(({ policy, result, rule }) => [policy, result, rule]),
      [
        ['other', 'fail', 'NoSignature'],
        ['demo', 'pass', undefined],
      ],
    );
  });

  test('leaves out what was not decided, and what no policy covers', () => {
    assert.equal(atOnce(reportContents(found({ 'shop/a': undefined }))).size, 0);
    assert.equal(atOnce(reportContents(found({ 'shop/a': ['allowed', 'Verified'] }, []))).size, 0);
  });

  test('has 256 results at most, and counts all; a long name is cut', () => {
    const answers = Array.from({ length: 300 }, (_, index) => [`shop/${'x'.repeat(600)}${index}`, 'allowed'] as const);
    const many = Object.fromEntries(answers.map(([name]) => [name, ['allowed', 'Verified'] as const]));
    const report = atOnce(reportContents(found({ ...many, 'shop/bad': ['denied', 'NoSignature', 'demo'] }))).get(
      'shop',
    );
    assert.equal(report?.results.length, 256);
    assert.deepEqual([report.summary.pass, report.summary.fail, report.results[0]?.result], [300, 1, 'fail']);
    assert.ok(JSON.stringify(report).length < 512 * 1024);
  });

  test('is the same text while nothing else is found', () => {
    const answers = { 'shop/a': ['allowed', 'Verified'], 'shop/b': ['allowed', 'Verified'] } as const;
    const turned = Object.fromEntries(Object.entries(answers).toReversed());
    assert.equal(text(found(answers)), text(found(turned)));
  });
});
