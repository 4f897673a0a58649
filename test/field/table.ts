// SPDX-License-Identifier: Apache-2.0
// The rows as docs/reference/compatibility.md: `--write` renews it, otherwise it is compared.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { ROWS } from './rows.ts';
import { TOPICS } from './row.ts';
import type { Row, Topic } from './row.ts';

const FILE = join(import.meta.dirname, '../../docs/reference/compatibility.md');

const INTRODUCTION = `# Compatibility

What other tools write and registries answer, and what cosign and Cosignet make of it. What cosign accepts, Cosignet
accepts, unless the last column says why not. Each row is a test that asks the real cosign 3 and Cosignet
about the same bytes in a real registry (\`test/field\`); this page is written from them.`;

function line({ input, source, cosign, cosignet, why = '' }: Row): string {
  return `| ${input} | ${source} | ${cosign} | [${cosignet}](verdicts.md#${cosignet.toLowerCase()}) | ${why} |`;
}

function section(topic: Topic): string {
  const rows = ROWS.filter((row) => row.topic === topic).map(line);
  return [`## ${topic}`, '', '| Input | Source | cosign | Cosignet | Why |', '|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}

export async function compatibilityPage(): Promise<string> {
  const text = [INTRODUCTION, ...TOPICS.map(section)].join('\n\n');
  return format(text, { ...(await resolveConfig(FILE)), parser: 'markdown' });
}

export function writtenPage(): string {
  return readFileSync(FILE, 'utf8');
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
  if (values.write) writeFileSync(FILE, await compatibilityPage());
  else if (writtenPage() !== (await compatibilityPage())) {
    console.error('docs/reference/compatibility.md is not what test/field says: node test/field/table.ts --write');
    process.exitCode = 1;
  }
}
