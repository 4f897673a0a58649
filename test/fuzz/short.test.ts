// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { TARGET_NAMES } from './targets.ts';

const RUN = path.join(import.meta.dirname, 'run.ts');

/** A process of its own: probes are for nobody else, and an input that never ends is killed with it. */
test('fuzzing every target for a second finds nothing that breaks an invariant', () => {
  const seconds = String(TARGET_NAMES.length);
  // One seed, so that a change is what makes this fail; `make fuzz` takes a new one each time.
  const seed = '20260101';
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUN, '--seconds', seconds, '--seed', seed], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  assert.equal(status, 0, `with --seed ${seed}:\n${stdout}\n${stderr}`);
  const executions = [...stdout.matchAll(/^[\w-]+ +(\d+) +\d+ +(\d+) +0$/gm)];
  assert.equal(executions.length, TARGET_NAMES.length, stdout);
  for (const [line, runs, edges] of executions) assert.ok(Number(runs) > 10 && Number(edges) > 5, line);
});
