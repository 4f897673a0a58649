// SPDX-License-Identifier: Apache-2.0
import type { V1ConfigMap, V1Container, V1Pod, V1Secret } from '@kubernetes/client-node';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Api } from './api.ts';

/** Where a container's mounts really are, longest mount path first. */
export type Mounts = readonly { readonly mountPath: string; readonly folder: string }[];

/** Writes a Pod's ConfigMaps and Secrets into files. Call it again to renew them, as the kubelet does. */
export async function writeVolumes(api: Api, pod: V1Pod, dir: string): Promise<void> {
  const core = `/api/v1/namespaces/${pod.metadata?.namespace}`;
  for (const volume of pod.spec?.volumes ?? []) {
    const folder = path.join(dir, volume.name);
    mkdirSync(folder, { recursive: true });
    if (volume.configMap) {
      const { data } = await api.get<V1ConfigMap>(`${core}/configmaps/${volume.configMap.name}`);
      for (const [name, text] of Object.entries(data ?? {})) replaceFile(path.join(folder, name), Buffer.from(text));
    }
    if (volume.secret) {
      const { secretName, items } = volume.secret;
      const { data = {} } = await api.get<V1Secret>(`${core}/secrets/${secretName}`);
      const wanted = items?.map(({ key, path: name }) => [name, data[key] ?? ''] as const) ?? Object.entries(data);
      for (const [name, text] of wanted) replaceFile(path.join(folder, name), Buffer.from(text, 'base64'));
    }
  }
}

function replaceFile(file: string, wanted: Buffer): void {
  try {
    if (readFileSync(file).equals(wanted)) return;
  } catch {
    // Not there yet.
  }
  writeFileSync(`${file}.new`, wanted);
  renameSync(`${file}.new`, file);
}

export function mountsOf(container: V1Container, dir: string): Mounts {
  return (container.volumeMounts ?? [])
    .map(({ mountPath, name }) => ({ mountPath, folder: path.join(dir, name) }))
    .toSorted((a, b) => b.mountPath.length - a.mountPath.length);
}

/** Rewrites what starts with a mount path into the real path. */
export function realPath(text: string, mounts: Mounts): string {
  const mount = mounts.find(({ mountPath }) => text === mountPath || text.startsWith(`${mountPath}/`));
  return mount === undefined ? text : mount.folder + text.slice(mount.mountPath.length);
}
