// SPDX-License-Identifier: Apache-2.0
// Makes from the definition of ImagePolicy that of NamespacedImagePolicy, core/policy/documents/image-policy.gen.ts (types) and
// core/policy/documents/schema.gen.ts (JSON Schemas of both).
// `node crds/generate.ts` writes them, `node crds/generate.ts --check` exits 1 where they differ.
import { readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import { jsonSchemaOf } from './json-schema.ts';
import type { JsonSchema } from './json-schema.ts';
import { namespacedDefinition } from './namespaced.ts';
import { interfacesOf } from './typescript.ts';
import type { CrdSchema, ResourceIdentity } from './crd-schema.ts';

const SOURCE = new URL('imagepolicies.cosignet.dev.yaml', import.meta.url);
const NAMESPACED = new URL('namespacedimagepolicies.cosignet.dev.yaml', import.meta.url);
const TYPES = new URL('../core/policy/documents/image-policy.gen.ts', import.meta.url);
const SCHEMAS = new URL('../core/policy/documents/schema.gen.ts', import.meta.url);
const HEADER = `// SPDX-License-Identifier: Apache-2.0
// Generated from crds/imagepolicies.cosignet.dev.yaml by crds/generate.ts. Do not edit.
`;

interface CustomResourceDefinition {
  readonly spec: {
    readonly group: string;
    readonly scope: ResourceIdentity['scope'];
    readonly names: { readonly kind: string };
    readonly versions: readonly [{ readonly name: string; readonly schema: { readonly openAPIV3Schema: CrdSchema } }];
  };
}

/** The generated files' texts by URL. */
export function generate(crdText: string): ReadonlyMap<URL, string> {
  const namespacedText = namespacedDefinition(crdText);
  const cluster = definitionOf(crdText);
  const namespaced = definitionOf(namespacedText);
  return new Map([
    [NAMESPACED, namespacedText],
    [TYPES, HEADER + interfacesOf(cluster.schema, cluster.identity)],
    [SCHEMAS, HEADER + schemasOf(cluster, namespaced)],
  ]);
}

interface Definition {
  readonly schema: CrdSchema;
  readonly identity: ResourceIdentity;
}

function definitionOf(crdText: string): Definition {
  const { spec }: CustomResourceDefinition = parse(crdText);
  const [version] = spec.versions;
  const identity = { apiVersion: `${spec.group}/${version.name}`, kind: spec.names.kind, scope: spec.scope };
  return { schema: version.schema.openAPIV3Schema, identity };
}

/** The second kind's schema as what it differs in from the first's. Throws where that is not all. */
function schemasOf(cluster: Definition, namespaced: Definition): string {
  const { kind, metadata } = namespacedDifferences(cluster, namespaced);
  return `
const CLUSTER = ${json(jsonSchemaOf(cluster.schema, cluster.identity))};

const { namespaceSelector: _, ...NAMESPACED_SPEC } = CLUSTER.properties.spec.properties;

/** JSON Schema of a whole policy document; unknown fields are faults. */
export const IMAGE_POLICY_SCHEMA: object = CLUSTER;

/** The same for a policy of a namespace. */
export const NAMESPACED_IMAGE_POLICY_SCHEMA: object = {
  ...CLUSTER,
  properties: {
    ...CLUSTER.properties,
    kind: ${json(kind)},
    metadata: ${json(metadata)},
    spec: { ...CLUSTER.properties.spec, properties: NAMESPACED_SPEC },
  },
};
`;
}

function namespacedDifferences(cluster: Definition, namespaced: Definition): Record<'kind' | 'metadata', JsonSchema> {
  const first = jsonSchemaOf(cluster.schema, cluster.identity);
  const second = jsonSchemaOf(namespaced.schema, namespaced.identity);
  const { kind = {}, metadata = {} } = second.properties ?? {};
  const { spec = {} } = first.properties ?? {};
  const { namespaceSelector: _, ...properties } = spec.properties ?? {};
  const derived = { ...first, properties: { ...first.properties, kind, metadata, spec: { ...spec, properties } } };
  if (!isDeepStrictEqual(derived, second)) {
    throw new Error('the schemas of both kinds differ in more than kind, metadata and namespaceSelector');
  }
  return { kind, metadata };
}

function json(value: JsonSchema): string {
  return JSON.stringify(value, null, 2);
}

function main(check: boolean): void {
  let drifted = false;
  for (const [file, text] of generate(readFileSync(SOURCE, 'utf8'))) {
    if (!check) writeFileSync(file, text);
    else if (readFileSync(file, 'utf8') !== text) {
      drifted = true;
      console.error(`${file.pathname} differs from what the definition of ImagePolicy gives: run npm run generate`);
    }
  }
  process.exitCode = drifted ? 1 : 0;
}

if (import.meta.main) main(process.argv.includes('--check'));
