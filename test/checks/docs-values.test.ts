// SPDX-License-Identifier: Apache-2.0
import { Ajv } from 'ajv';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { codeBlocks } from './markdown.ts';
import { projectFiles, read } from './sources.ts';

const schema: { readonly properties: Readonly<Record<string, object>> } = JSON.parse(read('helm/values.schema.json'));
const validate = new Ajv({ strict: false, allErrors: true }).compile(schema);
const pages = projectFiles().filter((file) => file === 'README.md' || /^docs\/.*\.md$/.test(file));

/** Blocks of YAML that are values of the chart: some of their fields are, and they are no object of Kubernetes. */
const blocks = pages.flatMap((page) =>
  codeBlocks(read(page), ['yaml'])
    .filter((block) => !/^apiVersion:/m.test(block))
    .map((block): unknown => parse(block.replaceAll('sha256:…', `sha256:${'0'.repeat(64)}`)))
    .filter((value) => Object.keys(Object(value)).some((key) => key in schema.properties))
    .map((values, index) => ({ title: `${page}: ${index + 1}`, values })),
);

describe('values of the chart in the documentation', () => {
  test('were found', () => assert.ok(blocks.length > 20, `only ${blocks.length}`));

  for (const { title, values } of blocks) {
    test(`are values that the chart has, in ${title}`, () => {
      // A null takes a field out before helm looks at the schema.
      const said: unknown = JSON.parse(JSON.stringify(values), (_key, value: unknown) => value ?? undefined);
      assert.ok(validate(said), JSON.stringify(validate.errors, undefined, 2));
    });
  }
});
