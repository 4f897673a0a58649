// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { ROOT } from './sources.ts';

describe('what is generated', () => {
  for (const [what, ...command] of [
    ['types and validator equal what the definition of ImagePolicy gives', 'crds/generate.ts', '--check'],
    ["the chart's copies equal their sources", 'test/checks/chart.ts'],
  ] as const) {
    test(what, () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' });
      assert.equal(status, 0, `${stdout}${stderr}`);
    });
  }
});
