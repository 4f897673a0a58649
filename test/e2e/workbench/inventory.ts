// SPDX-License-Identifier: Apache-2.0
import type { Workbench } from './workbench.ts';

/** Not anybody's to remove: they expire, or follow other objects in their own time. */
const PASSING = new Set(['events', 'events.events.k8s.io', 'componentstatuses', 'endpointslices.discovery.k8s.io']);

/** Every object of the cluster as `kind namespace/name`, in order. */
export async function inventory({ kubectl }: Workbench): Promise<readonly string[]> {
  const kinds = await kubectl(['api-resources', '--verbs=list', '--output=name', '--cached=false']);
  const names = kinds.stdout.split('\n').filter((name) => name !== '' && !PASSING.has(name));
  const line = '{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\\n"}{end}';
  const { code, stdout, stderr } = await kubectl([
    'get',
    names.join(),
    '--all-namespaces',
    `--output=jsonpath=${line}`,
  ]);
  if (code !== 0) throw new Error(stderr);
  return stdout.trimEnd().split('\n').toSorted();
}
