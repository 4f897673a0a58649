// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { tableRows } from './markdown.ts';
import { read } from './sources.ts';

test('the page of values is that of values.yaml, and says something about each', async () => {
  const { status, stderr } = spawnSync(process.execPath, [path.join(import.meta.dirname, 'helm-values.ts')]);
  assert.equal(status, 0, stderr.toString());
  const rows = tableRows(read('docs/reference/helm-values.md')).map(([name = '', , meaning = '']) => ({
    name,
    meaning,
  }));
  assert.ok(rows.length > 50);
  const explained = new Set(rows.filter(({ meaning }) => meaning !== '').map(({ name }) => name));
  const silent = rows.filter(({ name }) => !explained.has(name) && !explained.has(name.replace(/\.[^.]+$/, '')));
  assert.deepEqual(silent, []);
});

test("the chart's copies of definition and configuration schema are those of their sources", () => {
  const { status, stderr } = spawnSync(process.execPath, [path.join(import.meta.dirname, 'chart.ts')]);
  assert.equal(status, 0, stderr.toString());
});
