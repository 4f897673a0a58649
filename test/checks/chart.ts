// SPDX-License-Identifier: Apache-2.0
// What the chart holds as a copy: the definitions of the kinds, the schema of the configuration file, and which kinds
// are sent to the webhooks.
// Usage: node test/checks/chart.ts          fails where a copy differs from its source
//        node test/checks/chart.ts --write  renews the copies
import { readFile, writeFile } from 'node:fs/promises';
import { CONFIGURATION_SCHEMA } from '../../core/config/schema.ts';
import { WORKLOADS } from '../../webhook/admission/request/workloads.ts';

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
  {
    file: 'helm/templates/_helpers.tpl',
    wanted: (present) => Promise.resolve(present.replace(/^rules:\n(?: {2}- .*\n)*/m, `rules:\n${rules().join('')}`)),
  },
];

const write = process.argv.includes('--write');
for (const { file, wanted } of copies) {
  const present = await readFile(new URL(file, root), 'utf8').catch(() => '');
  const text = await wanted(present);
  if (same(file, present, text)) continue;
  if (write) {
    await writeFile(new URL(file, root), text);
  } else {
    console.error(`${file} differs from its source: run node test/checks/chart.ts --write`);
    process.exitCode = 1;
  }
}

/** A line for each group; parts of an object are sent on their own, and only changed. */
function rules(): readonly string[] {
  return [...Map.groupBy(WORKLOADS, ({ group, version }) => `${group}/${version}`).values()].flatMap((rows) => {
    const [{ group, version } = { group: '', version: '' }] = rows;
    const rule = (operations: string, resources: readonly string[]) =>
      `  - {apiGroups: [${group || "''"}], apiVersions: [${version}], operations: [${operations}], resources: [${resources.join(', ')}], scope: Namespaced}\n`;
    const whole = rows.map(({ resource }) => resource);
    const parts = rows.flatMap(({ resource, subResources }) => subResources.map((part) => `${resource}/${part}`));
    const changed = rule('UPDATE', parts);
    return parts.length > 0 ? [rule('CREATE, UPDATE', whole), changed] : [rule('CREATE, UPDATE', whole)];
  });
}

/** JSON is compared by content: the formatter has its own idea of line breaks. */
function same(file: string, present: string, wanted: string): boolean {
  if (!file.endsWith('.json') || present === '') return present === wanted;
  return JSON.stringify(JSON.parse(present)) === JSON.stringify(JSON.parse(wanted));
}
