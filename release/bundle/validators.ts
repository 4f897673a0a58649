// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import standaloneCode from 'ajv/dist/standalone/index.js';
import type { Plugin } from 'esbuild';
import type { SchemaSet } from '../../core/schemas/lazy-validators.ts';

/**
 * Puts what ajv generates from our own schemas in the place of the files that compile them: compiling takes a fifth of
 * the start, and the generator is then loaded only in the thread that compiles other people's schemas.
 */
export const compiledValidators: Plugin = {
  name: 'compiled-validators',
  setup(hooks) {
    hooks.onLoad({ filter: /[\\/]core[\\/].*[\\/]validators\.ts$/ }, async ({ path: file }) => ({
      contents: await compiledModule(file),
      loader: 'js',
      resolveDir: path.dirname(file),
    }));
  },
};

/** Text of a module that has the `validatorOf` of the file, without ajv. */
async function compiledModule(file: string): Promise<string> {
  const module: { readonly SCHEMA_SET: SchemaSet<string> } = await import(pathToFileURL(file).href);
  const { schemas, createAjv } = module.SCHEMA_SET;
  const ajv = createAjv({ source: true, esm: true });
  for (const [name, schema] of Object.entries(schemas)) ajv.addSchema(schema, name);
  const names = Object.keys(schemas);
  const code = standaloneCode.default(ajv, Object.fromEntries(names.map((name) => [name, name])));
  return `${code}\nconst validators = { ${names.join(', ')} };\nexport const validatorOf = (name) => validators[name];\n`;
}
