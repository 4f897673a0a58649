// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { createRecentDenials, type RecentDenials } from '../../../../operator/dashboard/recent-denials.ts';
import { denial, refusal } from '../telemetry/notifications/denials.ts';

describe('recent denials', () => {
  let now: number;
  let recent: RecentDenials;

  beforeEach(() => {
    now = 0;
    recent = createRecentDenials(() => (now += 1), { all: 4, ofNamespace: 2 });
  });
  const places = () => recent.list().map(({ namespace, object }) => `${namespace}/${object}`);
  const refuse = (namespace: string, name: string) => recent.record(denial('app:1', { namespace, name }));

  test('counts what is refused again, and puts it first', () => {
    for (const name of ['a', 'b', 'a']) refuse('shop', name);
    assert.deepEqual(places(), ['shop/Pod a', 'shop/Pod b']);
    assert.deepEqual(
      recent.list().map(({ count, at }) => [count, at]),
      [
        [2, 3],
        [1, 2],
      ],
    );
  });

  test('keeps so many, the latest', () => {
    for (const namespace of ['a', 'b', 'c', 'd', 'e']) refuse(namespace, 'web');
    assert.deepEqual(places(), ['e/Pod web', 'd/Pod web', 'c/Pod web', 'b/Pod web']);
  });

  test("does not let one namespace push another's out", () => {
    refuse('shop', 'web');
    for (let count = 0; count < 50; count += 1) refuse('noisy', `pod-${count}`);
    assert.deepEqual(places(), ['noisy/Pod pod-49', 'noisy/Pod pod-48', 'shop/Pod web']);
  });

  test('keeps few images of one review', () => {
    const all = createRecentDenials(() => 0);
    const verdicts = Array.from({ length: 50 }, (_, index) => refusal(`app:${index}`));
    all.record(denial('', { verdicts }));
    assert.equal(all.list().length, 4);
  });

  test('says what the Event says, on one line and with a bound', () => {
    const message = `first\nsecond\u202E${'x'.repeat(5000)}`;
    const [entry] = [denial('app:1', { name: '', verdicts: [refusal('app:1', { message })] })].flatMap((one) => {
      recent.record({ ...one, subject: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5f', uid: '1' } });
      return recent.list();
    });
    assert.equal(entry?.object, 'Pod of ReplicaSet web-5f');
    assert.match(entry?.text ?? '', /^first\?second\?x+…$/);
    assert.equal(entry?.text.length, 1024);
  });
});
