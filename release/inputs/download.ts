// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { exists, outputOf } from '../tools/process.ts';
import { debFile, type Architecture, type NodePackage, type RuntimeLock } from './runtime-lock.ts';

export interface Source {
  /** Keeps what was fetched, so that the next build needs no network. */
  readonly cache: string;
  /** Debian mirror, without trailing `/`. */
  readonly mirror: string;
}

interface Pinned {
  readonly file: string;
  /** Algorithm and digest, as in `integrity` of package-lock.json. */
  readonly integrity: string;
}

/** A package of the lock with a Node binary: a gzipped tar. */
export async function fetchNode(
  { node }: RuntimeLock,
  { name, integrity }: NodePackage,
  cache: string,
): Promise<Buffer> {
  const file = `${name}-${node.version}.tgz`;
  return cached(cache, { file, integrity }, async (folder) => {
    await outputOf('npm', ['pack', `${name}@${node.version}`, '--silent', '--pack-destination', folder]);
    return readFile(path.join(folder, file));
  });
}

/** Each package of the lock file as .deb, in a folder; the path of each, in the lock's order. */
export async function fetchDebs(
  { debian }: RuntimeLock,
  architecture: Architecture,
  source: Source,
): Promise<readonly string[]> {
  let aptArguments: readonly string[] | undefined;
  const files: string[] = [];
  for (const wanted of debian.packages) {
    const file = debFile(wanted, architecture);
    const integrity = `sha256-${Buffer.from(wanted.sha256[architecture], 'hex').toString('base64')}`;
    await cached(source.cache, { file, integrity }, async (folder) => {
      if (!(await exists('apt-get'))) return get(`${source.mirror}/pool/${wanted.pool}/${encodeURIComponent(file)}`);
      aptArguments ??= await openApt(path.join(source.cache, `apt-${architecture}`), {
        architecture,
        line: `deb [trusted=yes] ${source.mirror} ${debian.suite} main`,
      });
      await outputOf('apt-get', [...aptArguments, 'download', `${wanted.name}=${wanted.version}`], folder);
      return readFile(path.join(folder, file));
    });
    files.push(path.join(source.cache, file));
  }
  return files;
}

/**
 * Reads from the cache, or fetches into it. Either is checked, so that nobody who can write to the cache, the registry
 * or the mirror can change what is released.
 */
async function cached(
  cache: string,
  { file, integrity }: Pinned,
  fetch: (folder: string) => Promise<Buffer>,
): Promise<Buffer> {
  const kept = path.join(cache, file);
  const present = await readFile(kept).catch(() => undefined);
  if (present !== undefined && matches(present, integrity)) return present;
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(path.join(cache, 'fetch-'));
  try {
    const content = await fetch(folder);
    if (!matches(content, integrity)) throw new Error(`${file} is not what release/runtime.lock.json names`);
    // Renamed into place: a build that is cut short leaves no half file.
    await writeFile(path.join(folder, 'checked'), content);
    await rename(path.join(folder, 'checked'), kept);
    return content;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function matches(content: Uint8Array, integrity: string): boolean {
  const algorithm = integrity.slice(0, integrity.indexOf('-'));
  return `${algorithm}-${createHash(algorithm).update(content).digest('base64')}` === integrity;
}

/**
 * An apt of our own, that leaves the machine's alone: it needs no root, and reads packages of any architecture. It may
 * trust the mirror, since each file is checked against the lock.
 */
async function openApt(
  folder: string,
  { architecture, line }: { readonly architecture: Architecture; readonly line: string },
): Promise<readonly string[]> {
  await mkdir(path.join(folder, 'lists/partial'), { recursive: true });
  await mkdir(path.join(folder, 'archives/partial'), { recursive: true });
  await writeFile(path.join(folder, 'sources.list'), `${line}\n`);
  const options = {
    'Dir::Etc::sourcelist': path.join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': path.join(folder, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': folder,
    'APT::Architecture': architecture,
    'APT::Architectures::': architecture,
    // Downloads happen as whoever runs this.
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
  };
  const args = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  await outputOf('apt-get', [...args, 'update', '--quiet']);
  return args;
}

/** Without apt, over plain HTTP if the mirror is: what comes is checked. */
async function get(url: string): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(120_000) });
  if (!response.ok) throw new Error(`${url}: HTTP status ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}
