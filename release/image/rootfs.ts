// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readElf } from '../formats/elf.ts';
import { outputOf } from '../tools/process.ts';
import type { RuntimeLock } from '../inputs/runtime-lock.ts';
import { contentOf, readTar, type TarEntry } from '../formats/tar.ts';

/** As the chart's securityContext has it. */
export const USER = 65_532;
export const NODE_PATH = '/usr/local/bin/node';
export const PROGRAM_PATH = '/app/cosignet.js';

export interface RuntimeParts {
  readonly lock: RuntimeLock;
  /** The npm package with the Node binary. */
  readonly node: Buffer;
  /** Paths of the .deb files, in the lock's order. */
  readonly debs: readonly string[];
}

/** Node, the shared libraries that it needs and no others, their licences, and the accounts. No shell. */
export async function runtimeFiles({ lock, node, debs }: RuntimeParts): Promise<readonly TarEntry[]> {
  const npm = readTar(gunzipSync(node));
  const packages = await Promise.all(debs.map(unpackDeb));
  const binary = contentOf(npm, 'package/bin/node');
  const libraries = neededLibraries(
    binary,
    packages.flatMap(({ entries }) => entries),
  );
  return withFolders([
    file(NODE_PATH, binary, 0o755),
    file('/usr/share/doc/node/LICENSE', contentOf(npm, 'package/LICENSE')),
    ...libraries,
    ...packages.flatMap(({ entries }) => entries.filter((entry) => entry.path.endsWith('/copyright'))),
    // Where scanners for known weaknesses look for Debian packages in images without dpkg.
    ...packages.map(({ control }, index) =>
      file(`/var/lib/dpkg/status.d/${lock.debian.packages[index]?.name}`, control),
    ),
    ...configuration(lock),
  ]);
}

/** The bundle, and nothing else that may lie in its folder. */
export async function programFiles(dist: string): Promise<readonly TarEntry[]> {
  const names = ['cosignet.js', ...(await readdir(path.join(dist, 'lib'))).map((name) => `lib/${name}`)];
  const beside = (await readdir(dist)).filter((name) => name.startsWith('cosignet.js.'));
  const files = [...names, ...beside].map(async (name) => file(`/app/${name}`, await readFile(path.join(dist, name))));
  return withFolders(await Promise.all(files));
}

function configuration({ debian }: RuntimeLock): readonly TarEntry[] {
  return [
    text('/etc/passwd', 'root:x:0:0:root:/:/sbin/nologin', `cosignet:x:${USER}:${USER}:cosignet:/:/sbin/nologin`),
    text('/etc/group', 'root:x:0:', `cosignet:x:${USER}:`),
    // Without it, glibc asks DNS before /etc/hosts, and hostAliases of a Pod come too late.
    text('/etc/nsswitch.conf', 'hosts: files dns'),
    text('/etc/os-release', 'PRETTY_NAME="Cosignet"', 'ID=debian', `VERSION_ID="${debian.release}"`),
  ];
}

function text(at: string, ...lines: readonly string[]): TarEntry {
  return file(at, Buffer.from(`${lines.join('\n')}\n`));
}

interface Deb {
  readonly entries: readonly TarEntry[];
  /** Name, version and description, as dpkg keeps it. */
  readonly control: Buffer;
}

async function unpackDeb(deb: string): Promise<Deb> {
  const [archive, control] = await Promise.all([
    outputOf('dpkg-deb', ['--fsys-tarfile', deb]),
    outputOf('dpkg-deb', ['--field', deb]),
  ]);
  return { entries: readTar(archive), control };
}

/** Every library that the program needs, and that those need in turn, as the loader will look for it. */
function neededLibraries(program: Buffer, available: readonly TarEntry[]): readonly TarEntry[] {
  const found = new Map<string, TarEntry>();
  const { interpreter = '', needed } = readElf(program);
  const loader = path.posix.basename(interpreter);
  const open = [loader, ...needed];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    const entry = libraryNamed(available, name);
    // The kernel takes the loader from the path that the program names; the loader finds the others.
    found.set(name, name === loader ? file(interpreter, entry.content, 0o755) : entry);
    open.push(...readElf(Buffer.from(entry.content)).needed);
  }
  return [...found.values()];
}

/** Under the name that is asked for, with what it may only be a link to. */
function libraryNamed(available: readonly TarEntry[], name: string): TarEntry {
  const entry = available.find(
    (one) => one.type !== 'folder' && LIBRARY_FOLDER.test(one.path) && basename(one) === name,
  );
  if (entry === undefined) throw new Error(`no package of release/runtime.lock.json has ${name}`);
  if (entry.type === 'file') return entry;
  const target = available.find(
    (one) => one.type === 'file' && LIBRARY_FOLDER.test(one.path) && basename(one) === entry.target,
  );
  if (target === undefined) throw new Error(`${entry.path} leads nowhere`);
  return { ...target, path: entry.path };
}

/** Where the loader looks without a cache: `lib` and `usr/lib` of the architecture. */
const LIBRARY_FOLDER = /^(?:usr\/)?lib\/[a-z0-9_]+-linux-gnu\/[^/]+$/;

function basename({ path: name }: TarEntry): string {
  return path.posix.basename(name);
}

function file(at: string, content: Uint8Array, mode = 0o644): TarEntry {
  return { path: at.replace(/^\//, ''), type: 'file', mode, content };
}

/** Adds the folders above each file; an image without them leaves their owner and mode to whoever unpacks it. */
function withFolders(files: readonly TarEntry[]): readonly TarEntry[] {
  const folders = new Set<string>();
  for (const { path: name } of files) {
    for (let at = path.posix.dirname(name); at !== '.'; at = path.posix.dirname(at)) folders.add(at);
  }
  const entries = [...folders].map((name): TarEntry => ({ path: name, type: 'folder', mode: 0o755, content: EMPTY }));
  return [...entries, ...files];
}

const EMPTY = new Uint8Array(0);
