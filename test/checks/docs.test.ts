// SPDX-License-Identifier: Apache-2.0
import { Readable } from 'node:stream';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { createProgram } from '../../cli/program.ts';
import { DEFAULT_CONFIGURATION } from '../../core/config/configuration.ts';
import { CONFIGURATION_SCHEMA } from '../../core/config/schema.ts';
import { VERDICT_CODES, factsOf, type VerdictCode } from '../../core/verdict-codes.ts';
import { anchorOf, headings, localLinks, section, tableRows } from './markdown.ts';
import { projectFiles, read, ROOT } from './sources.ts';

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
}

/** Names of fields one level below, looking through lists. */
function fieldsOf(schema: SchemaNode): readonly string[] {
  return Object.keys(schema.properties ?? schema.items?.properties ?? {});
}

describe('the verdicts page', () => {
  const page = read('docs/reference/verdicts.md');

  test('has exactly the codes of the engine, in their order', () => {
    assert.deepEqual(headings(page, 3), VERDICT_CODES);
  });

  for (const code of VERDICT_CODES) {
    const answers = labelled(section(page, code) ?? '');
    const isAllowing = factsOf(code).outcome === 'allowed';

    test(`says of ${code} its outcome${isAllowing ? '' : ', why, what to do and who can'}`, () => {
      assert.match(section(page, code) ?? '', new RegExp(`\\b${factsOf(code).outcome}\\b`));
      assert.deepEqual([...answers.keys()], isAllowing ? [] : ['Says', 'Why', 'Do', 'Who']);
      for (const [label, text] of answers) assert.match(text, /\w/, label);
    });

    // A scan alone says it.
    if (isAllowing || code === 'RunningImageUnknown') continue;
    test(`knows ${code} by the words with which it is written`, () => {
      assertWordsOf(code, answers.get('Says') ?? '');
    });
  }
});

/** The texts of a list of which each item begins with its label: `- **Why:** …`, which may go on in the next line. */
function labelled(markdown: string): ReadonlyMap<string, string> {
  const items = markdown.matchAll(/^- \*\*(\w+):\*\* ((?:.|\n(?! *\n|- ))+)/gm);
  return new Map([...items].map(([, label = '', text = '']) => [label, text.replaceAll('`', '')]));
}

/** That the denial of a code has these words, with `…` for what differs. */
function assertWordsOf(code: VerdictCode, words: string): void {
  const parts = {
    demand: '',
    remedy: '',
    contact: '',
    image: '…',
    policy: 'Policy …',
    reason: '… is not an image reference',
  };
  const denial = factsOf(code).denial(parts).replaceAll('…', ' ');
  assert.ok(oneSpaced(denial).includes(oneSpaced(words.replaceAll('…', ' ').trim())), `${code}: ${denial}`);
}

describe('the page on denied images', () => {
  const rows = tableRows(read('docs/how-to/my-image-is-denied.md')).flatMap(([words = '', codes = '']) =>
    codes.split(', ').map((code) => ({ words, code })),
  );

  test('has every code that denies, and no other', () => {
    // A scan alone says of what runs that it can't be told.
    const codes = VERDICT_CODES.filter((code) => factsOf(code).outcome !== 'allowed' && code !== 'RunningImageUnknown');
    assert.deepEqual([...new Set(rows.map(({ code }) => code))].toSorted(), codes.toSorted());
  });

  test('knows each denial by the words with which it is written', () => {
    for (const code of VERDICT_CODES) assertWordsOf(code, rows.find((row) => row.code === code)?.words ?? '');
  });
});

function oneSpaced(text: string): string {
  return text.replaceAll(/ +/g, ' ');
}

describe('the page beside other projects', () => {
  const [, , ...lines] = read('docs/explanation/comparison.md')
    .split('\n')
    .filter((line) => line.startsWith('|'));
  const [versions = [], ...rows] = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

  test('names what was read of each', () => assert.ok(versions.length === 6 && versions.every((cell) => cell !== '')));

  test('says of others what a public page says, or that it is not known', () => {
    assert.ok(rows.length > 5);
    for (const [about = '', , ...theirs] of rows)
      for (const cell of theirs) assert.match(cell, /^not known$|\]\(https:\/\//, about);
  });

  test('says of Cosignet what a test holds, or that it does not do it', () => {
    for (const [about = '', own = ''] of rows) assert.match(own, /^no$|\]\(\.\.\/\.\.\/test\//, about);
  });
});

describe('the configuration page', () => {
  const page = read('docs/reference/configuration.md');
  const fields: Readonly<Record<string, SchemaNode>> = CONFIGURATION_SCHEMA.properties;

  test('has a section for every field and for no other', () => {
    assert.deepEqual(headings(page, 2), Object.keys(fields));
  });

  for (const [name, schema] of Object.entries(fields)) {
    test(`describes every field of ${name}`, () => {
      const text = section(page, name) ?? '';
      for (const field of fieldsOf(schema)) assert.ok(text.includes(`\`${field}\``), `${name}.${field} is missing`);
    });
  }

  for (const name of ['limits', 'cache'] as const) {
    test(`gives the defaults of ${name}`, () => {
      const rows = tableRows(section(page, name) ?? '');
      assert.deepEqual(
        Object.fromEntries(rows.map(([field = '', value]) => [field, Number(value)])),
        DEFAULT_CONFIGURATION[name],
      );
    });
  }
});

describe('the ImagePolicy page', () => {
  const page = read('docs/reference/imagepolicy.md');

  test('names every field of the definition', () => {
    const definition: { spec: { versions: { schema: { openAPIV3Schema: SchemaNode } }[] } } = parse(
      read('crds/imagepolicies.cosignet.dev.yaml'),
    );
    const spec = definition.spec.versions[0]?.schema.openAPIV3Schema.properties?.['spec'] ?? {};
    const names = fieldsOf(spec);
    assert.ok(names.includes('images'));
    const missing = names.flatMap((name) => {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${name}`)) ?? '';
      return [name, ...fieldsOf(spec.properties?.[name] ?? {})].filter((field) => !row.includes(`\`${field}`));
    });
    assert.deepEqual(missing, []);
  });
});

describe('the command line page', () => {
  const page = read('docs/reference/cli.md');
  const unused = { out() {}, err() {}, input: () => Readable.from([]), environment: {}, signal: AbortSignal.abort() };
  const { commands } = createProgram(unused, () => {});

  test('has a section for every command', () => {
    assert.deepEqual(
      headings(page, 2)
        .filter((heading) => heading !== 'Exit codes')
        .toSorted(),
      commands.map((command) => command.name()).toSorted(),
    );
  });

  for (const command of commands) {
    test(`describes every option of ${command.name()} and no other`, () => {
      const text = section(page, command.name()) ?? '';
      const real = command.options.map((option) => option.long);
      for (const flag of real)
        assert.ok(text.includes(`\`${flag}`) || text.includes(` ${flag} `), `${flag} is missing`);
      const documented = tableRows(text).map(([flags = '']) => /--[a-z-]+/.exec(flags)?.[0]);
      for (const flag of documented) assert.ok(real.includes(flag), `${flag} doesn't exist`);
    });
  }
});

describe('links', () => {
  const pages = projectFiles().filter((file) => file.endsWith('.md'));

  for (const page of pages) {
    test(`of ${page} lead somewhere`, () => {
      for (const { file, anchor } of localLinks(read(page))) {
        const target = file === '' ? page : path.posix.join(path.posix.dirname(page), file);
        assert.ok(existsSync(path.join(ROOT, target)), `${target} doesn't exist`);
        if (anchor === undefined) continue;
        const anchors = [1, 2, 3, 4].flatMap((level) => headings(read(target), level).map(anchorOf));
        assert.ok(anchors.includes(anchor), `${target} has no heading for #${anchor}`);
      }
    });
  }
});
