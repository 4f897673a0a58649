// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import packageJson from '../../../package.json' with { type: 'json' };
import { createProgram } from '../../../cli/program.ts';
import { runCaptured } from './captured-terminal.ts';

const unused = { out() {}, err() {}, input: () => Readable.from([]), environment: {}, signal: AbortSignal.abort() };

const main = path.resolve(import.meta.dirname, '../../../cli/main.ts');

describe('the command line', () => {
  for (const [what, args, sentence] of [
    ['an unknown command', ['verfy', 'nginx'], /unknown command 'verfy'.*Did you mean verify/s],
    ['an unknown option', ['verify', '--polices', 'x', 'nginx'], /unknown option '--polices'/],
    ['a missing argument', ['explain', '--policies', 'x'], /missing required argument 'image'/],
    ['an output format that is not there', ['verify', '-o', 'xml', 'nginx'], /Allowed choices are text, json/],
    ['a missing option', ['verify-bundle', 'file'], /required option '--bundle <file>'/],
    ['an option without its value', ['lint', '--config'], /unknown option|argument missing/],
  ] as const) {
    test(`answers ${what} with a sentence and exit code 2`, async () => {
      const { code, out, err } = await runCaptured(args);
      assert.equal(code, 2);
      assert.equal(out, '');
      assert.match(err, sentence);
      assert.doesNotMatch(err, /\n\s+at /);
    });
  }

  test('without a command shows the help, as wrong usage', async () => {
    const { code, err } = await runCaptured([]);
    assert.equal(code, 2);
    assert.match(err, /Usage: cosignet .*serve.*verify.*scan.*explain.*lint.*verify-bundle.*version/s);
  });

  test('help was asked for: standard output, and exit code 0', async () => {
    for (const args of [['--help'], ['help'], ['verify', '--help']]) {
      const { code, out, err } = await runCaptured(args);
      assert.deepEqual([code, err], [0, '']);
      assert.match(out, /^Usage: cosignet/);
    }
  });

  test('the help of each command has examples, of options that there are, and its exit codes', async () => {
    const { commands } = createProgram(unused, () => {});
    for (const command of commands) {
      const { out } = await runCaptured([command.name(), '--help']);
      const [, examples = '', codes = ''] = /\nExamples:\n([^]*?)\n\nExit codes:\n([^]*)$/.exec(out) ?? [];
      assert.match(codes, /^ {2}0 {2}\w[^]*\n {2}2 {2}wrong usage/, command.name());
      assert.match(examples, new RegExp(`^ {2}.*cosignet ${command.name()}\\b`), command.name());
      const flags = new Set(command.options.flatMap(({ short, long }) => [short, long]));
      for (const [flag] of examples.replaceAll(/.*\| (?=cosignet)/g, '').matchAll(/(?<= )--?[a-zA-Z][a-z-]*/g))
        assert.ok(flags.has(flag), `${command.name()}: ${flag}`);
    }
  });

  test('tells of options that may be repeated what a reader understands', async () => {
    const { out } = await runCaptured(['verify', '--help']);
    assert.match(out, /--policies <path> [^]*\(default: none\)/);
    assert.ok(!out.includes('[]'), out);
  });

  test('an answer that could not be written is no denial: exit code 3 and a sentence', () => {
    const full = openSync('/dev/full', 'w');
    try {
      const ran = spawnSync(process.execPath, [main, 'version'], { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
      assert.equal(ran.status, 3);
      assert.match(ran.stderr, /^cosignet: failed: standard output: ENOSPC[^\n]*\n$/);
    } finally {
      closeSync(full);
    }
  });

  test('prints its version', async () => {
    for (const args of [['version'], ['--version'], ['-V']]) {
      assert.deepEqual(await runCaptured(args), { code: 0, out: packageJson.version, err: '' });
    }
  });

  test('prints it for scripts', async () => {
    const { version } = packageJson;
    assert.deepEqual(JSON.parse((await runCaptured(['version', '-o', 'json'])).out), { version });
    assert.equal((await runCaptured(['version', '-o', 'yaml'])).out, `version: ${version}`);
  });

  test('as a process ends with the exit code, and its output with a newline', () => {
    const { status, stderr } = spawnSync(process.execPath, [main, 'verify'], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, /^cosignet: name an image, or manifests with --filename\n/);
    assert.equal(execFileSync(process.execPath, [main, 'version'], { encoding: 'utf8' }), `${packageJson.version}\n`);
  });
});
