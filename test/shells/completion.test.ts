// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SHELLS } from '../../cli/commands/completion.ts';
import type { Shell } from '../../cli/commands/completion.ts';
import { runCaptured } from '../unit/cli/captured-terminal.ts';

describe('completions in the shells that they are for', () => {
  let folder = '';
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'cosignet-shells-'));
    for (const shell of SHELLS) {
      const { code, out } = await runCaptured(['completion', shell]);
      assert.equal(code, 0);
      writeFileSync(path.join(folder, shell), out);
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** What the shell offers for the last of these words. */
  function offered(shell: Shell, words: readonly string[]): readonly string[] {
    const script = path.join(folder, shell);
    const asked = words.map((word) => `'${word}'`).join(' ');
    const programs: Readonly<Record<Shell, string>> = {
      bash: `source ${script}; COMP_WORDS=(${asked}); COMP_CWORD=${words.length - 1}; _cosignet; printf '%s\n' "\${COMPREPLY[@]}"`,
      // What zsh's own functions would show is printed instead: they work only while somebody types.
      zsh:
        `compdef() { [[ $1 == _cosignet ]] }; source ${script}; words=(${asked}); CURRENT=${words.length}\n` +
        'compadd() { print -rl -- "${@[2,-1]}" }; _files() { print FILES }; _describe() { print -rl -- "${commands[@]%%:*}" }\n_cosignet',
      fish: `source ${script}; complete -C '${words.join(' ')}'`,
    };
    const flags: Readonly<Record<Shell, readonly string[]>> = { bash: ['--norc'], zsh: ['-f'], fish: ['--no-config'] };
    const said = execFileSync(shell, [...flags[shell], '-c', programs[shell]], { encoding: 'utf8', cwd: folder });
    return said.split('\n').flatMap((line) => line.split('\t')[0] || []);
  }

  for (const shell of SHELLS) {
    test(`${shell} completes commands`, () => {
      const commands = offered(shell, ['cosignet', '']);
      for (const name of ['serve', 'verify', 'scan', 'explain', 'lint', 'verify-bundle', 'completion']) {
        assert.ok(commands.includes(name), `${name} among ${commands.join()}`);
      }
    });

    test(`${shell} completes the options of a command, and not those of another`, () => {
      const options = offered(shell, ['cosignet', 'verify', '--']);
      assert.ok(options.includes('--key') && options.includes('--policies'), options.join());
      assert.ok(!options.includes('--listen'), options.join());
    });

    test(`${shell} completes what an option takes`, () => {
      const formats = offered(shell, ['cosignet', 'scan', '-o', '']).filter((word) => word !== 'FILES');
      assert.deepEqual(formats.toSorted(), ['html', 'json', 'junit', 'sarif', 'table', 'yaml']);
    });

    test(`${shell} completes the shells of the command itself`, () => {
      assert.deepEqual(offered(shell, ['cosignet', 'completion', '']).toSorted(), ['bash', 'fish', 'zsh']);
    });
  }
});
