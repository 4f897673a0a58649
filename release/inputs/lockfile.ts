// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';

/** The part of package-lock.json (lockfileVersion 3) that is used here. */
export interface LockFile {
  readonly name: string;
  readonly version: string;
  readonly lockfileVersion: number;
  /** By folder: `node_modules/a`, `node_modules/a/node_modules/b`; the project itself is ''. */
  readonly packages: Readonly<Record<string, LockEntry>>;
}

export interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  /** `sha512-` and base64. */
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** One installed copy of a package. */
export interface Package extends LockEntry {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
}

const FOLDER = 'node_modules/';

export function readLockFile(): LockFile {
  const lock: LockFile = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));
  return lock;
}

/** Every copy, sorted by name and version; links of workspaces have no version, and there are none. */
export function packagesOf({ packages }: LockFile): readonly Package[] {
  return Object.entries(packages)
    .filter(([folder]) => folder !== '')
    .map(([folder, entry]) => Object.assign({ folder, name: nameOf(folder), version: '' }, entry))
    .toSorted((a, b) => compare(a.name, b.name) || compare(a.version, b.version));
}

/** What is installed with `--omit=dev`. */
export function productionPackages(lock: LockFile): readonly Package[] {
  return packagesOf(lock).filter(({ dev, devOptional }) => dev !== true && devOptional !== true);
}

/** Those that package.json names itself. */
export function directDependencies({ packages }: LockFile): readonly string[] {
  return Object.keys(packages['']?.dependencies ?? {});
}

/** The copy that `name` is, required from a folder: the nearest one upwards, as Node looks it up. */
export function resolve({ packages }: LockFile, from: string, name: string): string | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf(FOLDER) - 1))) {
    const folder = at === '' ? `${FOLDER}${name}` : `${at}/${FOLDER}${name}`;
    if (packages[folder] !== undefined) return folder;
    if (at === '') return undefined;
  }
}

function nameOf(folder: string): string {
  return folder.slice(folder.lastIndexOf(FOLDER) + FOLDER.length);
}

/** By code units: the same order in every locale. */
export function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
