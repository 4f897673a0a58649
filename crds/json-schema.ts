// SPDX-License-Identifier: Apache-2.0
import type { CrdSchema, ResourceIdentity } from './crd-schema.ts';

const COPIED = [
  'type',
  'format',
  'enum',
  'required',
  'pattern',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'minimum',
  'maximum',
];

/** As far as it is looked into; its other keywords are only copied. */
export interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly [keyword: string]: unknown;
}

const NAME = { type: 'string', minLength: 1, maxLength: 253, pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$' };
const NAMESPACE = { type: 'string', minLength: 1, maxLength: 63, pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$' };
/** An object's metadata in a file: its name is what we use, the rest is Kubernetes' business. */
const METADATA = {
  Cluster: { type: 'object', required: ['name'], properties: { name: NAME } },
  // A file has no current namespace to fall back on.
  Namespaced: { type: 'object', required: ['name', 'namespace'], properties: { name: NAME, namespace: NAMESPACE } },
};

/**
 * The JSON Schema (draft 7) of a policy document. The API server drops unknown fields; a file has no API
 * server before it, so here they are faults: a misspelt field must never be a rule that silently isn't there.
 */
export function jsonSchemaOf(schema: CrdSchema, identity: ResourceIdentity): JsonSchema {
  return {
    ...convert(schema),
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      ...convertAll(schema.properties ?? {}),
      apiVersion: { const: identity.apiVersion },
      kind: { const: identity.kind },
      metadata: METADATA[identity.scope],
    },
  };
}

function convert(schema: CrdSchema): JsonSchema {
  const result: Record<string, unknown> = {};
  for (const keyword of COPIED) {
    if (schema[keyword] !== undefined) result[keyword] = schema[keyword];
  }
  if (schema['x-kubernetes-list-type'] === 'set') result['uniqueItems'] = true;
  if (schema.items) result['items'] = convert(schema.items);
  if (schema.additionalProperties) result['additionalProperties'] = convert(schema.additionalProperties);
  if (schema.properties) {
    result['properties'] = convertAll(schema.properties);
    result['additionalProperties'] = false;
  }
  return result;
}

function convertAll(properties: Readonly<Record<string, CrdSchema>>): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, convert(property)]));
}
