// SPDX-License-Identifier: Apache-2.0
// What the chart holds as a copy: the definitions of the kinds, and the schema of the configuration file.
// Usage: node test/checks/chart.ts          fails where a copy differs from its source
//        node test/checks/chart.ts --write  renews the copies
import { readFile, writeFile } from 'node:fs/promises';
import { CONFIGURATION_SCHEMA } from '../../core/config/schema.ts';

const root = new URL('../../', import.meta.url);

interface Copy {
  readonly file: string;
  readonly wanted: (present: string) => Promise<string>;
}

const copies: readonly Copy[] = [
  ...['imagepolicies', 'namespacedimagepolicies'].map((plural) => ({
    file: `helm/files/${plural}.cosignet.dev.yaml`,
    wanted: () => readFile(new URL(`crds/${plural}.cosignet.dev.yaml`, root), 'utf8'),
  })),
  {
    file: 'helm/values.schema.json',
    wanted: (present) => {
      const schema: { properties: Record<string, unknown> } = JSON.parse(present);
      const properties = { ...schema.properties, config: CONFIGURATION_SCHEMA };
      return Promise.resolve(`${JSON.stringify({ ...schema, properties }, null, 2)}\n`);
    },
  },
];

const write = process.argv.includes('--write');
for (const { file, wanted } of copies) {
  const present = await readFile(new URL(file, root), 'utf8').catch(() => '');
  const text = await wanted(present);
  if (same(present, text)) continue;
  if (write) {
    await writeFile(new URL(file, root), text);
  } else {
    console.error(`${file} differs from its source: run node test/checks/chart.ts --write`);
    process.exitCode = 1;
  }
}

/** JSON is compared by content: the formatter has its own idea of line breaks. */
function same(present: string, wanted: string): boolean {
  if (!wanted.startsWith('{') || present === '') return present === wanted;
  return JSON.stringify(JSON.parse(present)) === JSON.stringify(JSON.parse(wanted));
}
