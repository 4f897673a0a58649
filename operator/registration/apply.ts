// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from '../../core/json.ts';
import type { KubeApi, KubeObject } from '../kubernetes/api-client.ts';

const FIELD_MANAGER = 'cosignet';

interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly fieldsV1?: unknown;
}

interface Applied extends KubeObject {
  readonly metadata: KubeObject['metadata'] & { readonly managedFields?: readonly ManagedFields[] };
}

/**
 * Server-side apply, by force: what the object names is ours. With `uid` in its metadata nothing that was deleted
 * meanwhile is made anew, and with `resourceVersion` a request that comes late undoes nothing.
 */
export function apply(api: KubeApi, path: string, object: object): Promise<Applied> {
  return api.call({
    method: 'PATCH',
    path,
    query: { fieldManager: FIELD_MANAGER, force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body: object,
  });
}

/**
 * Whoever applied the whole field before, as an installer of former releases did, would remove it by applying the object
 * without it: takes the field off their list. Who wrote only a part of it keeps that.
 */
export async function takeOver(api: KubeApi, path: string, { applied, field, whole }: Taken): Promise<void> {
  const { managedFields = [], resourceVersion } = applied.metadata;
  const operations = managedFields.flatMap(({ manager, operation, fieldsV1 }, index) => {
    const owned = isJsonObject(fieldsV1) ? fieldsV1[`f:${field}`] : undefined;
    const isTheirs = operation === 'Apply' && manager !== FIELD_MANAGER && owned !== undefined;
    if (!isTheirs || !JSON.stringify(owned).includes(`"f:${whole}"`)) return [];
    return [{ op: 'remove', path: `/metadata/managedFields/${index}/fieldsV1/f:${field}` }];
  });
  if (operations.length === 0) return;
  await api.call({
    method: 'PATCH',
    path,
    contentType: 'application/json-patch+json',
    // Positions are those of this version.
    body: [{ op: 'test', path: '/metadata/resourceVersion', value: resourceVersion }, ...operations],
  });
}

export interface Taken {
  readonly applied: Applied;
  /** At the top of the object. */
  readonly field: string;
  /** A field inside of it that only they own who own it all. */
  readonly whole: string;
}
