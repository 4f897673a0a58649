// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { parse } from 'yaml';
import { read } from '../../checks/sources.ts';

interface Job {
  readonly steps: readonly { readonly run?: string; readonly uses?: string }[];
}

const jobs: Readonly<Record<string, Job>> = parse(read('.github/workflows/release.yaml')).jobs;
const scripts = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));

test('the release workflow consists of scripts that bash can read', () => {
  assert.ok(scripts.length > 5);
  for (const script of scripts) {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });
    assert.equal(status, 0, `${stderr}\n${script}`);
  }
});

test('the release workflow runs the targets that people run, with options that there are', () => {
  const text = scripts.join('\n');
  const made = [...text.matchAll(/^ *make ([a-z]+)/gm)].map(([, target]) => target);
  assert.deepEqual(made, ['programs', 'release', 'publish']);
  const makefile = read('Makefile');
  for (const target of made) assert.match(makefile, new RegExp(`^${target}: `, 'm'));
  for (const name of ['KEY', 'REPOSITORY', 'URL', 'RELEASE_FLAGS', 'PLATFORMS']) {
    assert.ok(text.includes(`${name}=`) && makefile.includes(`$(${name})`), name);
  }
  const [flags = ''] = /RELEASE_FLAGS="[^"]*"/.exec(text) ?? [];
  const options = [...flags.matchAll(/--([a-z-]+)/g)].map(([, name]) => name);
  assert.deepEqual(options, ['programs', 'source', 'builder', 'artifact-hub']);
  for (const option of options) assert.match(read('release/release.ts'), new RegExp(`'${option}'`));
});
