// SPDX-License-Identifier: Apache-2.0

/** As far as it is read: Swagger 2, as kube-apiserver serves it at /openapi/v2. */
export interface OpenApi {
  readonly definitions: Readonly<Record<string, Schema>>;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly 'x-kubernetes-group-version-kind'?: readonly {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }[];
}

export interface SchemaField {
  readonly apiVersion: string;
  readonly kind: string;
  /** Dotted, lists as `[]`. */
  readonly path: string;
}

/** What a user writes into `status` is dropped, and a List is no object that is admitted. */
const LEFT_OUT = new Set(['status', 'metadata']);

/** Every field, of every kind that the API server serves, that names an image to run. */
export function imageFieldsOf({ definitions }: OpenApi): SchemaField[] {
  const fields: SchemaField[] = [];
  for (const definition of Object.values(definitions)) {
    for (const { group, version, kind } of definition['x-kubernetes-group-version-kind'] ?? []) {
      if (kind.endsWith('List') || definition.properties?.['metadata'] === undefined) continue;
      const apiVersion = group === '' ? version : `${group}/${version}`;
      const paths = pathsIn(definition, '', new Set());
      fields.push(...paths.map((path) => ({ apiVersion, kind, path })));
    }
  }
  return fields;

  function pathsIn(schema: Schema, path: string, above: ReadonlySet<Schema>): string[] {
    if (above.has(schema)) return [];
    const inner = new Set([...above, schema]);
    return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
      if (path === '' && LEFT_OUT.has(name)) return [];
      const list = property.type === 'array';
      const target = resolved(list ? (property.items ?? {}) : property);
      const here = `${path}${path === '' ? '' : '.'}${name}${list ? '[]' : ''}`;
      return isImage(name, target, path) ? [here] : pathsIn(target, here, inner);
    });
  }

  function resolved(schema: Schema): Schema {
    const name = schema.$ref?.replace('#/definitions/', '');
    return name === undefined ? schema : (definitions[name] ?? {});
  }
}

/** `image` of containers, and `reference` of image volumes. Those of Ceph and other block devices are no containers. */
function isImage(name: string, schema: Schema, parent: string): boolean {
  if (schema.type !== 'string') return false;
  if (parent.endsWith('rbd')) return false;
  return name === 'image' || (name === 'reference' && parent.endsWith('.image'));
}
