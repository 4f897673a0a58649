// SPDX-License-Identifier: Apache-2.0
/**
 * Bundles the program: what ships. What is loaded lazily in the sources stays in files of its own.
 * Usage: node build.ts [FOLDER] [--single]    default dist; --single: one file, for a program that holds its Node
 */
import { chmod, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { compiledValidators } from './release/bundle/validators.ts';

const root = import.meta.dirname;
const { values, positionals } = parseArgs({ allowPositionals: true, options: { single: { type: 'boolean' } } });
const outdir = path.resolve(root, positionals[0] ?? 'dist');
const splitting = values.single !== true;

const CLIENT = path.join(root, 'node_modules/@kubernetes/client-node/dist');

/**
 * Of @kubernetes/client-node only its KubeConfig is used: the base class of the operator asks for more by name, in
 * methods that ImagePolicyOperator overrides. The 4 MB of generated API classes stay out.
 */
const onlyKubeConfig: Plugin = {
  name: 'only-kube-config',
  setup(hooks) {
    hooks.onResolve({ filter: /^@kubernetes\/client-node$/ }, () => ({ path: 'client-node', namespace: 'slim' }));
    hooks.onLoad({ filter: /^client-node$/, namespace: 'slim' }, () => ({
      resolveDir: CLIENT,
      contents: `export { KubeConfig } from './config.js';
        const unused = (name) => class { constructor() { if (name !== 'CoreV1Api') throw new Error(name + ' is not bundled'); } };
        export const CoreV1Api = unused('CoreV1Api');
        export const ApiextensionsV1Api = unused('ApiextensionsV1Api');
        export const Watch = unused('Watch');`,
    }));
    hooks.onResolve({ filter: /^\.\/gen\/index\.js$/ }, ({ resolveDir }) => ({
      path: path.join(resolveDir, 'gen/index.js'),
      sideEffects: false,
    }));
    hooks.onResolve({ filter: /^\.{1,2}\// }, ({ path: file, resolveDir }) =>
      resolveDir.startsWith(path.join(CLIENT, 'gen'))
        ? { path: path.join(resolveDir, file), sideEffects: false }
        : undefined,
    );
  },
};

await rm(path.join(outdir, 'cosignet.js'), { force: true });
await rm(path.join(outdir, 'lib'), { recursive: true, force: true });
await build({
  entryPoints: {
    cosignet: path.join(root, 'cli/main.ts'),
    // A thread's program, found beside the chunk that starts it.
    'lib/evaluation-worker': path.join(root, 'core/policy/evaluator/worker.ts'),
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
  plugins: [onlyKubeConfig, compiledValidators],
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
