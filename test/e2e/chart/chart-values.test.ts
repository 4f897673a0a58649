// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { refusal } from '../workbench/rendering.ts';
import { ROOT } from '../workbench/tools.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly type?: unknown;
  readonly enum?: unknown;
  readonly anyOf?: unknown;
}

/** Every object and every value of the chart that the schema describes, by path. */
function schemaPaths(schema: Schema, at: readonly string[] = []): { objects: string[][]; leaves: string[][] } {
  if (!schema.properties) {
    const typed = schema.type !== undefined || schema.enum !== undefined || schema.anyOf !== undefined;
    return { objects: [], leaves: typed ? [[...at]] : [] };
  }
  const below = Object.entries(schema.properties).map(([name, one]) => schemaPaths(one, [...at, name]));
  return {
    objects: [...(schema.additionalProperties === false ? [[...at]] : []), ...below.flatMap(({ objects }) => objects)],
    leaves: below.flatMap(({ leaves }) => leaves),
  };
}

function withValue(values: object, at: readonly string[], value: unknown): object {
  const [name, ...rest] = at;
  if (name === undefined) return values;
  const old: unknown = Reflect.get(values, name);
  const below = typeof old === 'object' && old !== null ? old : {};
  return { ...values, [name]: rest.length === 0 ? value : withValue(below, rest, value) };
}

function written(entries: readonly (readonly [readonly string[], unknown])[]): object {
  return entries.reduce((values: object, [at, value]) => withValue(values, at, value), {});
}

describe("the chart's values", () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'values-'));
  after(() => rmSync(folder, { recursive: true }));
  const schema: Schema = JSON.parse(readFileSync(path.join(ROOT, 'helm/values.schema.json'), 'utf8'));
  const { objects, leaves } = schemaPaths(schema);

  /** What helm says of all these values at once: it lists every fault. */
  async function faults(values: object): Promise<string> {
    const file = path.join(folder, 'values.json');
    writeFileSync(file, JSON.stringify(values));
    return refusal('--values', file);
  }

  test('that are unknown are refused by their path, everywhere', async () => {
    const said = await faults(written(objects.map((at) => [[...at, 'misspelt'], 1])));
    for (const at of objects) {
      const where = at.length === 0 ? '' : `/${at.join('/')}`;
      assert.ok(said.includes(`at '${where}': additional properties 'misspelt' not allowed`), `${where}\n${said}`);
    }
    assert.ok(objects.length > 20);
  });

  test('of a wrong type are refused by their path, everywhere', async () => {
    const lists = new Set(['array', 'object']);
    // `global` is for parent charts, and the repository of the image is given by who renders.
    const checked = leaves.filter((at) => at[0] !== 'global' && at.join('.') !== 'image.repository');
    const wrong = (at: readonly string[]) => {
      const node = at.reduce<Schema>((one, name) => one.properties?.[name] ?? {}, schema);
      return typeof node.type === 'string' && lists.has(node.type) ? 'wrong' : { wrong: true };
    };
    const said = await faults(written(checked.map((at) => [at, wrong(at)])));
    for (const at of checked) assert.ok(said.includes(`at '/${at.join('/')}'`), `${at.join('.')}\n${said}`);
    assert.ok(checked.length > 60);
  });

  test('that are out of bounds are refused with the bound', async () => {
    for (const [flag, where] of [
      ['terminationGracePeriodSeconds=10', /terminationGracePeriodSeconds': minimum: got 10, want 30/],
      ['certificates.lifetimeSeconds=59', /certificates\/lifetimeSeconds': minimum/],
      ['certificates.provider=vault', /certificates\/provider': value must be one of 'self', 'cert-manager'/],
      ['digestRequired.action=deny', /digestRequired\/action': value must be one of/],
      ['webhook.timeoutSeconds=31', /webhook\/timeoutSeconds': maximum/],
      ['podDisruptionBudget.minAvailable=half', /podDisruptionBudget\/minAvailable'/],
      ['image.tag=a/b', /image\/tag'/],
      ['replicas=-1', /replicas': minimum/],
    ] as const) {
      assert.match(await refusal(`--set=${flag}`), where);
    }
  });
});
