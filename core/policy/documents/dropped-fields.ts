// SPDX-License-Identifier: Apache-2.0
import { fieldOf, isJsonObject, type JsonObject } from '../../json.ts';

const VERSION = 'v1';

/**
 * What an API server would drop of policies by a definition: structural pruning, as Kubernetes documents it for custom
 * resources. Reads any text that is served as a definition, and follows no references, which definitions can't have.
 *
 * @param definition a CustomResourceDefinition (apiextensions.k8s.io/v1).
 * @returns for the `spec` of a policy the paths that the definition has no field for, as kubectl writes them.
 */
export function droppedBy(definition: unknown): (spec: unknown) => readonly string[] {
  const versions = fieldOf(fieldOf(definition, 'spec'), 'versions');
  const version: unknown = Array.isArray(versions)
    ? versions.find((one: unknown) => fieldOf(one, 'name') === VERSION)
    : undefined;
  const root = fieldOf(fieldOf(version, 'schema'), 'openAPIV3Schema');
  return (spec) => [...dropped({ spec }, root, '')];
}

function* dropped(value: unknown, schema: unknown, path: string): Generator<string> {
  if (fieldOf(schema, 'x-kubernetes-preserve-unknown-fields') === true) return;
  if (Array.isArray(value)) {
    const items = fieldOf(schema, 'items');
    for (const [index, item] of value.entries()) yield* dropped(item, items, `${path}[${index}]`);
  }
  if (isJsonObject(value)) yield* droppedOf(value, schema, path);
}

function* droppedOf(value: JsonObject, schema: unknown, path: string): Generator<string> {
  const properties = fieldOf(schema, 'properties');
  const others = fieldOf(schema, 'additionalProperties');
  if (others === true) return;
  for (const [name, inner] of Object.entries(value)) {
    const known = fieldOf(properties, name) ?? (others === false ? undefined : others);
    const at = path === '' ? name : `${path}.${name}`;
    if (known === undefined) yield at;
    else yield* dropped(inner, known, at);
  }
}
