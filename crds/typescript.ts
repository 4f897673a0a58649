// SPDX-License-Identifier: Apache-2.0
import type { CrdSchema, ResourceIdentity } from './crd-schema.ts';

/** Names of the interfaces, by where they stand in the schema; `[]` is a list's item. */
const NAMES: Readonly<Record<string, string>> = {
  '': 'ImagePolicy',
  spec: 'ImagePolicySpec',
  'spec.namespaceSelector': 'LabelSelector',
  'spec.namespaceSelector.matchExpressions[]': 'LabelSelectorRequirement',
  'spec.keys[]': 'PolicyKey',
  'spec.keys[].secretRef': 'SecretReference',
  'spec.identities[]': 'PolicyIdentity',
  'spec.identities[].claims[]': 'PolicyClaim',
  'spec.certificates[]': 'PolicyCertificate',
  'spec.certificates[].secretRef': 'CertificateSecretReference',
  'spec.signedIdentity': 'SignedIdentity',
  'spec.signedIdentity.exactRepository': 'ExactRepository',
  'spec.signedIdentity.remapIdentity': 'RemapIdentity',
  'spec.attestations[]': 'PolicyAttestation',
  'spec.attestations[].conditions[]': 'PolicyCondition',
  status: 'ImagePolicyStatus',
  'status.keys[]': 'KeyStatus',
  'status.affected': 'AffectedStatus',
  'status.conditions[]': 'StatusCondition',
};

/** Metadata as far as the engine reads it. */
const METADATA = `
export interface ObjectMetadata {
  readonly name: string;
  readonly generation?: number;
  readonly [field: string]: unknown;
}
`;

/** One exported interface for each object of the schema, outermost first. */
export function interfacesOf(root: CrdSchema, identity: ResourceIdentity): string {
  const declared: string[] = [];
  declare(root, '');
  return METADATA + declared.join('');

  function declare(schema: CrdSchema, path: string): void {
    const slot = declared.push('') - 1;
    const required = new Set(path === '' ? ['apiVersion', 'kind', 'metadata', 'spec'] : schema.required);
    const fields = Object.entries(schema.properties ?? {}).map(([name, property]) => {
      const type = path === '' ? rootType(name, property) : typeOf(property, join(path, name));
      return `${comment(property, '  ')}  readonly ${name}${required.has(name) ? '' : '?'}: ${type};\n`;
    });
    declared[slot] = `\n${comment(schema, '')}export interface ${nameAt(path)} {\n${fields.join('')}}\n`;
  }

  function rootType(name: string, property: CrdSchema): string {
    if (name === 'apiVersion') return `'${identity.apiVersion}'`;
    if (name === 'kind') return `'${identity.kind}'`;
    return name === 'metadata' ? 'ObjectMetadata' : typeOf(property, name);
  }

  function typeOf(schema: CrdSchema, path: string): string {
    switch (schema.type) {
      case 'string':
        return schema.enum ? schema.enum.map((value) => `'${value}'`).join(' | ') : 'string';
      case 'integer':
        return 'number';
      case 'boolean':
        return 'boolean';
      case 'array':
        return arrayType(schema, path);
      case 'object':
        return objectType(schema, path);
      default:
        throw new Error(`${path}: types other than those of crd-schema.ts are not supported`);
    }
  }

  function arrayType(schema: CrdSchema, path: string): string {
    if (!schema.items) throw new Error(`${path}: a list needs items`);
    const item = typeOf(schema.items, `${path}[]`);
    return `readonly ${item.includes('|') ? `(${item})` : item}[]`;
  }

  function objectType(schema: CrdSchema, path: string): string {
    if (schema.additionalProperties)
      return `Readonly<Record<string, ${typeOf(schema.additionalProperties, `${path}{}`)}>>`;
    if (!schema.properties) return 'Readonly<Record<string, unknown>>';
    declare(schema, path);
    return nameAt(path);
  }
}

function nameAt(path: string): string {
  const name = NAMES[path];
  if (name === undefined) throw new Error(`crds/typescript.ts: give the object at ${path} a name`);
  return name;
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function comment(schema: CrdSchema, indent: string): string {
  return schema.description === undefined
    ? ''
    : `${indent}/** ${schema.description.trim().replaceAll('*/', '*\\/')} */\n`;
}
