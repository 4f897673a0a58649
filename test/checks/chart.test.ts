// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

test("the chart's copies of definition and configuration schema are those of their sources", () => {
  const { status, stderr } = spawnSync(process.execPath, [path.join(import.meta.dirname, 'chart.ts')]);
  assert.equal(status, 0, stderr.toString());
});
