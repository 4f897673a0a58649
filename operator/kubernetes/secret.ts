// SPDX-License-Identifier: Apache-2.0
import { apiPath, type KubeApi, type KubeObject } from './api-client.ts';

export interface Secret extends KubeObject {
  readonly type?: string;
  /** Values are base64. */
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * Creates a Secret, or changes these entries of the one that was read: with its version, so that two leaders in a row can't
 * mix what they write. `data`: values are base64.
 */
// oxlint-disable-next-line max-params -- what is written where, in place of what
export async function writeSecret(
  api: KubeApi,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  before: Secret | undefined,
  data: Readonly<Record<string, string>>,
): Promise<void> {
  const collection = apiPath('/api/v1/namespaces', namespace, 'secrets');
  if (!before) {
    const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque', data };
    await api.call({ method: 'POST', path: collection, body });
    return;
  }
  const metadata = { resourceVersion: before.metadata.resourceVersion };
  await api.call({
    method: 'PATCH',
    path: apiPath(collection, name),
    contentType: 'application/merge-patch+json',
    body: { metadata, data },
  });
}
