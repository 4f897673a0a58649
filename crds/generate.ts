// SPDX-License-Identifier: Apache-2.0
// Makes from the definition of ImagePolicy that of NamespacedImagePolicy, core/policy/documents/image-policy.gen.ts (types) and
// core/policy/documents/schema.gen.ts (JSON Schemas of both).
// `node crds/generate.ts` writes them, `node crds/generate.ts --check` exits 1 where they differ.
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { jsonSchemaOf } from './json-schema.ts';
import { namespacedDefinition } from './namespaced.ts';
import { interfacesOf } from './typescript.ts';
import type { CrdSchema, ResourceIdentity } from './crd-schema.ts';

const SOURCE = new URL('imagepolicies.cosignet.dev.yaml', import.meta.url);
const NAMESPACED = new URL('namespacedimagepolicies.cosignet.dev.yaml', import.meta.url);
const TYPES = new URL('../core/policy/documents/image-policy.gen.ts', import.meta.url);
const VALIDATOR = new URL('../core/policy/documents/schema.gen.ts', import.meta.url);
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
    [
      VALIDATOR,
      `${HEADER}
/** JSON Schema of a whole policy document; unknown fields are faults. */
export const IMAGE_POLICY_SCHEMA: object = ${schemaText(cluster)};

/** The same for a policy of a namespace. */
export const NAMESPACED_IMAGE_POLICY_SCHEMA: object = ${schemaText(namespaced)};
`,
    ],
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

function schemaText({ schema, identity }: Definition): string {
  return JSON.stringify(jsonSchemaOf(schema, identity), null, 2);
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
