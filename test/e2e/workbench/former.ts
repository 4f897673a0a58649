// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, run } from './tools.ts';

/** Flags of a release whose Pods run the former program: see `eitherProgram`. */
export const AS_FORMER = ['--set=extraEnv[0].name=FORMER_RELEASE', '--set-string=extraEnv[0].value=yes'];

/** Unpacks the sources of a commit into a folder. */
export async function unpack(commit: string, dir: string): Promise<void> {
  const known = await run(['git', 'cat-file', '-e', `${commit}^{commit}`]);
  if (known.code !== 0) {
    throw new Error(`the former release, commit ${commit}, is not here: in a shallow clone run git fetch --unshallow`);
  }
  mkdirSync(dir);
  const parts = ['cli', 'core', 'crds', 'helm', 'operator', 'webhook', 'package.json'];
  for (const command of [
    ['git', 'archive', `--output=${dir}.tar`, commit, ...parts],
    ['tar', '-xf', `${dir}.tar`, '-C', dir],
  ] as const) {
    const { code, stderr } = await run(command);
    assert.equal(code, 0, stderr);
  }
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(dir, 'node_modules'));
}

/**
 * Pods don't run their image but one program for all: this one starts the former release where
 * `AS_FORMER` is among its release's values. Its file.
 */
export function eitherProgram(former: string, dir: string): string {
  const present = path.resolve(ROOT, process.env['COSIGNET_PROGRAM'] ?? 'cli/main.ts');
  const [then, now] = [path.join(former, 'cli/main.ts'), present].map((file) => pathToFileURL(file).href);
  const file = path.join(dir, 'either.mjs');
  writeFileSync(file, `await import(process.env.FORMER_RELEASE ? '${then}' : '${now}');\n`);
  return file;
}
