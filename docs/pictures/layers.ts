// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { importsOf } from '../../test/checks/dependency-rules.ts';
import { projectFiles, read } from '../../test/checks/sources.ts';

/** The folders of core as their imports have it: each imports only those of later rows. Fails where they go in a circle. */
export function layersOfCore(): readonly (readonly string[])[] {
  const imports = importsOfCore();
  const heights = new Map<string, number>();
  const heightOf = (folder: string, above: readonly string[]): number => {
    if (above.includes(folder)) throw new Error([...above, folder].join(' imports '));
    const below = [...(imports.get(folder) ?? [])].map((one) => heightOf(one, [...above, folder]));
    return below.length === 0 ? 0 : Math.max(...below) + 1;
  };
  for (const folder of imports.keys()) heights.set(folder, heightOf(folder, []));
  const rows = Map.groupBy(heights.keys(), (folder) => heights.get(folder) ?? 0);
  return [...rows.entries()].toSorted(([a], [b]) => b - a).map(([, names]) => names.toSorted());
}

/** Of each folder of core the others that its files import. */
function importsOfCore(): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const file of projectFiles().filter((name) => /^core\/.+\/.*\.ts$/.test(name))) {
    const folder = folderOf(file);
    const others = found.get(folder) ?? new Set();
    found.set(folder, others);
    for (const name of importsOf(read(file))) {
      const target = path.posix.join(path.posix.dirname(file), name);
      if (name.startsWith('.') && /^core\/.+\//.test(target) && folderOf(target) !== folder)
        others.add(folderOf(target));
    }
  }
  return found;
}

/** `registry` of `core/registry/client/client.ts`. */
function folderOf(file: string): string {
  return file.split('/')[1] ?? '';
}
