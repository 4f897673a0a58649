// SPDX-License-Identifier: Apache-2.0
// The page of the chart's values, made from the comments in values.yaml that start with `--`.
// Usage: node test/checks/helm-values.ts          fails where docs/reference/helm-values.md differs
//        node test/checks/helm-values.ts --write  writes it
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { isMap, isScalar, parseDocument, stringify, type Pair, type YAMLMap } from 'yaml';

const SOURCE = new URL('../../helm/values.yaml', import.meta.url);
const PAGE = new URL('../../docs/reference/helm-values.md', import.meta.url);
const INTRODUCTION = `# Values of the chart

<!-- Made from helm/values.yaml by test/checks/helm-values.ts. -->

What \`helm install\` and \`helm upgrade\` take, with \`--set\`, \`--set-file\` or \`--values\`. Each is checked by a schema: an
unknown or misspelt one stops the installation and is named by its path. \`config\` is the
[configuration file](configuration.md), all of it.

| value | default | meaning |
| --- | --- | --- |
`;

interface Value {
  readonly path: string;
  /** Undefined: a group of others. */
  readonly fallback: unknown;
  readonly meaning: string;
}

/** Every value in its order; a group has a row of its own only where something is said about it. */
function valuesOf(map: YAMLMap, prefix = ''): Value[] {
  return map.items.flatMap((pair, index) => {
    if (!isScalar(pair.key)) return [];
    const path = `${prefix}${String(pair.key.value)}`;
    const meaning = meaningOf(pair, index === 0 ? map.commentBefore : undefined);
    if (!isMap(pair.value) || pair.value.items.length === 0 || pair.value.flow === true) {
      const fallback: unknown = pair.value === null ? null : JSON.parse(JSON.stringify(pair.value));
      return [{ path, fallback, meaning }];
    }
    const group = meaning === '' ? [] : [{ path, fallback: undefined, meaning }];
    return [...group, ...valuesOf(pair.value, `${path}.`)];
  });
}

/** The last comment before the key that starts with `--`, as one line. The first key's belongs to its map. */
function meaningOf({ key }: Pair, inherited: string | null | undefined): string {
  const comment = (isScalar(key) ? key.commentBefore : undefined) ?? inherited ?? '';
  // What comes before it is about values that are not set.
  const [, ...blocks] = `\n${comment}`.split('\n -- ');
  return (blocks.at(-1) ?? '').replaceAll(/\s+/g, ' ').trim();
}

export async function pageOf(valuesText: string): Promise<string> {
  const { contents } = parseDocument(valuesText);
  if (!isMap(contents)) throw new Error('values.yaml is no mapping');
  const rows = valuesOf(contents).map(({ path, fallback, meaning }) => {
    const shown =
      fallback === undefined ? '' : `\`${stringify(fallback, { collectionStyle: 'flow', lineWidth: 0 }).trim()}\``;
    return `| \`${path}\` | ${shown.replaceAll('""', "''")} | ${meaning.replaceAll('|', '\\|')} |`;
  });
  const options = await resolveConfig(PAGE);
  return format(`${INTRODUCTION}${rows.join('\n')}\n`, { ...options, parser: 'markdown' });
}

async function main(write: boolean): Promise<void> {
  const page = await pageOf(readFileSync(SOURCE, 'utf8'));
  if (write) return writeFileSync(PAGE, page);
  if (readFileSync(PAGE, 'utf8') === page) return;
  console.error(
    'docs/reference/helm-values.md differs from helm/values.yaml: run node test/checks/helm-values.ts --write',
  );
  process.exitCode = 1;
}

if (import.meta.main) await main(process.argv.includes('--write'));
