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
  ['cli/cluster/', ['cli/', 'operator/', 'core/']],
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

/** Files that, by way of others, import themselves: of what is in a circle nothing can be understood alone. */
export function circularFiles(files: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return inCircles(files, (file) => file);
}

/** The same of folders. */
export function circularFolders(files: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return inCircles(files, path.posix.dirname);
}

/** `nodeOf`: what a file counts as. What two files of one node have to do with each other is its own affair. */
function inCircles(files: ReadonlyMap<string, readonly string[]>, nodeOf: (file: string) => string): readonly string[] {
  const next = new Map<string, Set<string>>();
  for (const [file, imports] of files) {
    const node = nodeOf(file);
    const found = next.get(node) ?? new Set();
    next.set(node, found);
    for (const name of imports) {
      const target = nodeOf(path.posix.join(path.posix.dirname(file), name));
      if (name.startsWith('.') && target !== node) found.add(target);
    }
  }
  const reaches = (node: string): ReadonlySet<string> => {
    const seen = new Set(next.get(node));
    for (const one of seen) for (const further of next.get(one) ?? []) seen.add(further);
    return seen;
  };
  return [...next.keys()].filter((node) => reaches(node).has(node));
}

/** Folders with more files of their own than `most`: what is in them is then too much to have in mind. */
export function crowdedFolders(files: readonly string[], most: number): readonly string[] {
  const folders = Map.groupBy(files, (file) => path.posix.dirname(file));
  return [...folders].flatMap(([folder, { length }]) => (length > most ? `${folder}: ${length} files` : []));
}
