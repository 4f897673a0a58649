// SPDX-License-Identifier: Apache-2.0
/**
 * Bundles the program: what ships. What is loaded lazily in the sources stays in files of its own.
 * Usage: node build.ts [FOLDER] [--single]    default dist; --single: one file, for a program that holds its Node
 */
import { chmod, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { leftOut } from './release/bundle/left-out.ts';
import { quietBuiltins } from './release/bundle/quiet-builtins.ts';
import { compiledValidators } from './release/bundle/validators.ts';

const root = import.meta.dirname;
const { values, positionals } = parseArgs({ allowPositionals: true, options: { single: { type: 'boolean' } } });
const outdir = path.resolve(root, positionals[0] ?? 'dist');
const splitting = values.single !== true;

await rm(path.join(outdir, 'cosignet.js'), { force: true });
await rm(path.join(outdir, 'lib'), { recursive: true, force: true });
await build({
  entryPoints: {
    cosignet: path.join(root, 'cli/main.ts'),
    // Threads' programs, found beside the chunk that starts them.
    'lib/evaluation-worker': path.join(root, 'core/policy/evaluator/worker.ts'),
    'lib/reading-worker': path.join(root, 'core/cosign/reading/reading-worker.ts'),
  },
  outdir,
  // Names of modules in the bundle are relative to it, and not to where this was started.
  absWorkingDir: root,
  bundle: true,
  splitting,
  format: 'esm',
  platform: 'node',
  target: 'node22',
  chunkNames: 'lib/[name]-[hash]',
  // Not the identifiers, so that stack traces in logs can be read: `keepNames` would define the name of every closure
  // each time that one is made.
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [leftOut, quietBuiltins, compiledValidators],
  legalComments: 'linked',
  logLevel: 'warning',
  // CommonJS dependencies call require() for Node's own modules; ESM has none.
  banner: {
    js: "#!/usr/bin/env node\nimport{createRequire as _cr}from'node:module';const require=_cr(import.meta.url);",
  },
});
await chmod(path.join(outdir, 'cosignet.js'), 0o755);

const parts = splitting ? await readdir(path.join(outdir, 'lib')) : [];
const names = ['cosignet.js', ...parts.map((name) => path.join('lib', name))];
const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(outdir, name))).size));
const kibibytes = Math.round(sizes.reduce((sum, size) => sum + size, 0) / 1024);
console.log(`cosignet.js and its parts: ${names.length} files, ${kibibytes} KiB`);
