// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { generate } from '../../../crds/generate.ts';
import type { CrdSchema } from '../../../crds/crd-schema.ts';

const crdText = readFileSync(new URL('../../../crds/imagepolicies.cosignet.dev.yaml', import.meta.url), 'utf8');

interface Crd {
  readonly spec: {
    readonly scope: string;
    readonly names: { readonly shortNames: readonly string[]; readonly categories: readonly string[] };
    readonly versions: readonly [
      {
        readonly name: string;
        readonly additionalPrinterColumns: readonly { readonly name: string; readonly priority?: number }[];
        readonly schema: { readonly openAPIV3Schema: CrdSchema };
      },
    ];
  };
}

const crd: Crd = parse(crdText);
const [version] = crd.spec.versions;
const root = version.schema.openAPIV3Schema;

/** Every schema node below `schema` with its path. */
function* nodes(schema: CrdSchema, path = ''): Generator<readonly [string, CrdSchema]> {
  yield [path, schema];
  for (const [name, child] of Object.entries(schema.properties ?? {})) yield* nodes(child, `${path}.${name}`);
  if (schema.items) yield* nodes(schema.items, `${path}[]`);
  if (schema.additionalProperties) yield* nodes(schema.additionalProperties, `${path}{}`);
}

describe('the ImagePolicy resource', () => {
  test('is cluster-scoped with a short name and a category', () => {
    assert.equal(crd.spec.scope, 'Cluster');
    assert.deepEqual(crd.spec.names.shortNames, ['sigpol']);
    assert.deepEqual(crd.spec.names.categories, ['cosignet']);
    assert.equal(version.name, 'v1');
  });

  test('defaults no field that the first release did not: the API server would show it to replicas that do not know it', () => {
    const spec = root.properties?.['spec'];
    assert.ok(spec);
    assert.deepEqual(
      [...nodes(spec)].filter(([, { default: value }]) => value !== undefined).map(([path]) => path),
      ['.action', '.mode', '.identities[].trustRoot', '.threshold', '.transparencyLog'],
    );
  });

  test('prints the columns that people look for, the reason only on request', () => {
    const columns = version.additionalPrinterColumns;
    assert.deepEqual(
      columns.map((column) => column.name),
      ['Images', 'Action', 'Mode', 'Keys', 'Ready', 'Reason', 'Expires', 'Age'],
    );
    assert.equal(columns.find((column) => column.name === 'Reason')?.priority, 1);
  });

  test('describes every field, for kubectl explain', () => {
    const silent = [...nodes(root)].filter(
      ([path, schema]) => /\.\w+$/.test(path) && path !== '.metadata' && !schema.description,
    );
    assert.deepEqual(
      silent.map(([path]) => path),
      [],
    );
  });

  test('bounds every list, map and string that is not an enumeration', () => {
    const exempt = new Set(['.apiVersion', '.kind']);
    const unbounded = [...nodes(root)].filter(([path, schema]) => !exempt.has(path) && boundOf(schema) === undefined);
    assert.deepEqual(
      unbounded.map(([path]) => path),
      [],
    );
  });
});

function boundOf(schema: CrdSchema): unknown {
  if (schema.type === 'array') return schema['maxItems'];
  if (schema.type === 'string') return schema.enum ?? schema['maxLength'];
  return schema.additionalProperties ? schema['maxProperties'] : true;
}

describe('the generated code', () => {
  test('is what the resource gives', () => {
    for (const [file, text] of generate(crdText)) assert.equal(readFileSync(file, 'utf8'), text, file.pathname);
  });

  test('changes with the resource, so that a drift is seen', () => {
    const changed = generate(crdText.replace('transparencyLog:', 'transparencyLogs:'));
    const current = generate(crdText);
    assert.notDeepEqual([...changed.values()], [...current.values()]);
  });
});
