// SPDX-License-Identifier: Apache-2.0
// Preloaded by run.ts: one source is another one, in this process only. Nothing is written to the working tree.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const mutated = process.env['MUTATED_URL'];
const file = process.env['MUTATED_SOURCE'];

registerHooks({
  load(url, context, nextLoad) {
    if (url !== mutated || file === undefined) return nextLoad(url, context);
    return { format: 'module-typescript', source: readFileSync(file, 'utf8'), shortCircuit: true };
  },
});
