// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inTurns, STEPS_AT_ONCE, type Steps } from '../../../../operator/scan/in-turns.ts';
import { policyEffects } from '../../../../operator/scan/policy-effect.ts';
import { reportContents } from '../../../../operator/scan/report.ts';
import { groupPods } from '../../../../operator/scan/running-groups.ts';
import { createPodKeeper } from '../../../../operator/scan/running-images.ts';
import { compiled } from '../../../fakes/engine.ts';
import { counted } from './at-once.ts';
import { found, type Answer } from './found.ts';

test('others have their turn after 256 steps, and what comes of the work is whole', async () => {
  let [sinceTurn, most, isOver] = [0, 0, false];
  const others = () => {
    sinceTurn = 0;
    if (!isOver) setImmediate(others);
  };
  setImmediate(others);
  function* work(): Steps<string> {
    for (let step = 0; step < 10_000; step += 1) {
      most = Math.max(most, (sinceTurn += 1));
      yield;
    }
    return 'done';
  }
  assert.equal(await inTurns(work()), 'done');
  isOver = true;
  assert.equal(most, STEPS_AT_ONCE);
});

/** A step is one Pod, one image or one result: however many there are, no step takes longer. */
describe('the work of a scan has a step', () => {
  const IMAGES = 50;
  const POLICIES = ['a', 'b', 'c', 'd'];
  const refused: Answer = ['denied', 'NoSignature', ...POLICIES];
  const running = () =>
    found(Object.fromEntries(Array.from({ length: IMAGES }, (_, index) => [`shop/${index}`, refused])), POLICIES);

  test('for each Pod, and for each of its images', () => {
    const keep = createPodKeeper();
    const pods = Array.from({ length: 100 }, (_, index) => {
      const containers = Array.from({ length: 60 }, (__, image) => ({ image: `${index}/${image}` }));
      return keep({ metadata: { name: `${index}` }, spec: { containers } });
    });
    // Once to find out what it is, once to count it, once to put it in order.
    assert.equal(counted(groupPods(pods, () => false)).count, 100 * (1 + 3 * 60));
    assert.equal(counted(groupPods(pods, () => true)).count, 100, 'also where all are left out');
  });

  test('for each policy that refuses an image, and for each policy', () => {
    const policies = new Map(POLICIES.map((name) => [name, compiled(name, { images: ['**'], action: 'Deny' })]));
    const { count } = counted(policyEffects(running(), policies));
    assert.ok(count >= IMAGES * 3 * POLICIES.length + 2 * POLICIES.length, `${count}`);
    const undecided = found(
      Object.fromEntries(Array.from({ length: IMAGES }, (_, index) => [`shop/${index}`, undefined])),
      POLICIES,
    );
    assert.ok(counted(policyEffects(undecided, policies)).count >= IMAGES * POLICIES.length);
  });

  test('for each result of a report, those that it leaves out, too', () => {
    assert.ok(counted(reportContents(running())).count >= IMAGES * POLICIES.length);
  });
});
