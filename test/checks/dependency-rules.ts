// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';

/** Which rooms each room may import; packages are listed apart. Specific files come before their folder. */
const ROOMS: readonly (readonly [where: string, may: readonly string[]])[] = [
  ['core/', ['core/']],
  ['crds/', ['crds/', 'core/']],
  ['webhook/', ['webhook/', 'core/']],
  ['operator/main.ts', ['operator/', 'webhook/', 'core/']],
  ['operator/', ['operator/', 'core/']],
  ['cli/commands/serve.ts', ['cli/', 'operator/main.ts', 'core/']],
  ['cli/scan/cluster.ts', ['cli/', 'operator/', 'core/']],
  ['cli/', ['cli/', 'core/', 'package.json']],
];

/** Packages that belong to some rooms only. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@kubernetes/client-node': ['operator/'],
  '@dot-i/k8s-operator': ['operator/'],
  'node-forge': ['operator/certificates/'],
  winston: ['cli/output/logger.ts'],
  commander: ['cli/'],
  '@prometheus-io/client': ['operator/'],
  'node:http': ['webhook/', 'operator/'],
  'node:https': ['webhook/', 'operator/'],
  'node:http2': [],
};

/** What is wrong with an import, or undefined. `file` is relative to the root. */
export function importFault(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return roomFault(file, path.posix.join(path.posix.dirname(file), specifier));
  const rooms = PACKAGES[specifier] ?? PACKAGES[packageOf(specifier)];
  if (rooms === undefined || rooms.some((room) => file.startsWith(room))) return undefined;
  return `${file} imports ${specifier}, which belongs to ${rooms.join(', ') || 'no room'}`;
}

function roomFault(file: string, target: string): string | undefined {
  const may = ROOMS.find(([where]) => file.startsWith(where))?.[1];
  if (may === undefined || may.some((room) => target.startsWith(room))) return undefined;
  return `${file} imports ${target}; from there only ${may.join(', ')}`;
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

const IMPORTS = /(?:^|[^.\w])(?:from|import)\s*\(?\s*'([^'\n]+)'/gm;

/** Every module that a source names: static, dynamic and type imports, and re-exports. */
export function importsOf(source: string): readonly string[] {
  return [...source.matchAll(IMPORTS)].flatMap(([, specifier]) => specifier ?? []);
}

/** Folders that, by way of others, import themselves: of what is in a circle nothing can be understood alone. */
export function circularFolders(files: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const next = new Map<string, Set<string>>();
  for (const [file, imports] of files) {
    const folder = path.posix.dirname(file);
    const found = next.get(folder) ?? new Set();
    next.set(folder, found);
    for (const name of imports) {
      const target = path.posix.join(folder, path.posix.dirname(name));
      if (name.startsWith('.') && target !== folder) found.add(target);
    }
  }
  const reaches = (folder: string): ReadonlySet<string> => {
    const seen = new Set(next.get(folder));
    for (const one of seen) for (const further of next.get(one) ?? []) seen.add(further);
    return seen;
  };
  return [...next.keys()].filter((folder) => reaches(folder).has(folder));
}
