// SPDX-License-Identifier: Apache-2.0
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { contentOf, readTar, writeTar, type TarEntry } from '../formats/tar.ts';
import { fetchNode } from '../inputs/download.ts';
import { outputOf } from '../tools/process.ts';
import type { ProgramParts } from './program.ts';

/** What whoever passes a program on has to pass on with it. */
export type Licences = Readonly<Record<'LICENSE' | 'LICENSE.node' | 'LICENSE.packages', Buffer>>;

/** Node's is the same for each platform; the package for Windows leaves it out. */
export async function readLicences({ lock, bundle, cache }: ProgramParts, root: string): Promise<Licences> {
  const node = readTar(gunzipSync(await fetchNode(lock, lock.node.packages.amd64, cache)));
  return {
    LICENSE: await readFile(path.join(root, 'LICENSE')),
    'LICENSE.node': contentOf(node, 'package/LICENSE'),
    'LICENSE.packages': await readFile(`${bundle}.LEGAL.txt`),
  };
}

/**
 * Writes the program and the licences of what is in it as `file`, a gzipped tar, as krew takes them.
 * GNU gzip gives the same bytes on every processor, which Node's doesn't.
 */
export async function writeArchive(program: string, licences: Licences, file: string): Promise<void> {
  const entries = [
    entry(path.basename(program), await readFile(program), 0o755),
    ...Object.entries(licences).map(([name, content]) => entry(name, content, 0o644)),
  ];
  const tar = file.replace(/\.gz$/, '');
  await writeFile(tar, writeTar(entries));
  await rm(file, { force: true });
  await outputOf('gzip', ['--no-name', tar]);
}

function entry(name: string, content: Uint8Array, mode: number): TarEntry {
  return { path: name, type: 'file', mode, content };
}
