// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { scaleTable } from '../../bench/scale/scale-table.ts';
import { createRandom, replicasFor, simulate } from '../../bench/scale/simulate.ts';
import type { Assumptions, Outcome, Scenario } from '../../bench/scale/simulate.ts';

const SMALL: Assumptions = {
  images: 1,
  containersPerPod: 1,
  replicas: 1,
  pinnedReviews: 0,
  tagSeconds: 100,
  evidenceSeconds: 1000,
  requestsPerProof: 3,
  warmCpuMilliseconds: 1,
  coldCpuMilliseconds: 5,
  seed: 7,
};

/** Ten Pods, one a second. */
function outcome(assumptions: Partial<Assumptions> = {}, scenario: Partial<Scenario> = {}): Outcome {
  return simulate({ name: '', pods: 10, seconds: 10, cold: true, ...scenario }, { ...SMALL, ...assumptions });
}

const cells = (line: string): readonly string[] => line.split('|').map((cell) => cell.trim());

describe('the simulated admission of a cluster', () => {
  test('reads one image once: its tag and its proof, whatever number of Pods has it', () => {
    const { reviews, proofs, requests } = outcome();
    assert.deepEqual([reviews, proofs, requests], [10, 1, 1 + 3]);
  });

  test('asks for a tag again when its time is over: at seconds 0, 3, 6 and 9', () => {
    assert.equal(outcome({ tagSeconds: 3 }).requests, 4 + 3);
  });

  test('proves again when evidence is too old: at seconds 0 and 5', () => {
    const { proofs, requests } = outcome({ evidenceSeconds: 5 });
    assert.deepEqual([proofs, requests], [2, 1 + 2 * 3]);
  });

  test('costs each replica its own reads', () => {
    const { proofs, requests } = outcome({ replicas: 2 }, { pods: 1000 });
    assert.deepEqual([proofs, requests], [2, 2 * (1 + 3)]);
  });

  test('decides a pinned review by its digest, without the tag', () => {
    const { reviews, proofs, requests } = outcome({ pinnedReviews: 1 });
    assert.deepEqual([reviews, proofs, requests], [20, 1, 1 + 3]);
  });

  test('counts reviews, requests and processor time of the busiest ten seconds', () => {
    const busy = outcome({}, { pods: 40, seconds: 20 });
    // Twenty Pods in the first ten seconds: one of 5 ms, nineteen of 1 ms.
    assert.deepEqual([busy.reviewsPerSecond, busy.requestsPerSecond, busy.cores.toFixed(4)], [2, 0.4, '0.0024']);
  });

  test('knows at a warm start what was proven, of ages spread over its life', () => {
    // Of four images one each is 0, 1/4, 1/2 and 3/4 of 1000 s old: none ends within ten seconds.
    assert.equal(outcome({ images: 4 }, { cold: false, pods: 1000 }).proofs, 0);
    // Within 260 s it is the oldest alone; later Pods need a proof of it once.
    assert.equal(outcome({ images: 4 }, { cold: false, pods: 1000, seconds: 260 }).proofs, 1);
  });

  test('is the same for one seed', () => {
    const many = { images: 50, replicas: 3 };
    assert.deepEqual(outcome(many, { pods: 500 }), outcome(many, { pods: 500 }));
    assert.notDeepEqual(outcome(many, { pods: 500 }), outcome({ ...many, seed: 8 }, { pods: 500 }));
  });

  test('draws evenly', () => {
    const random = createRandom(1);
    const draws = Array.from({ length: 10_000 }, random);
    const tenths = Array.from({ length: 10 }, (_, tenth) => draws.filter((draw) => Math.floor(draw * 10) === tenth));
    for (const tenth of tenths) assert.ok(tenth.length > 850 && tenth.length < 1150, String(tenth.length));
  });

  test('needs replicas that work at six tenths at most, and one more', () => {
    assert.deepEqual(
      [0, 0.6, 0.61, 1.3].map((cores) => replicasFor({ cores })),
      [2, 2, 3, 4],
    );
  });

  test('gives the table of docs/explanation/scale.md', () => {
    const text = readFileSync(new URL('../../../docs/explanation/scale.md', import.meta.url), 'utf8');
    const rows = new Set(text.split('\n').map((line) => cells(line).slice(1, -1).join(' | ')));
    for (const row of scaleTable()) assert.ok(rows.has(row.join(' | ')), row.join(' | '));
  });
});
