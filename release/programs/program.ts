// SPDX-License-Identifier: Apache-2.0
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { contentOf, readTar } from '../formats/tar.ts';
import { fetchNode } from '../inputs/download.ts';
import type { RuntimeLock } from '../inputs/runtime-lock.ts';
import { outputOf } from '../tools/process.ts';
import { nodePackageOf, programName, type Platform } from './platforms.ts';

export interface ProgramParts {
  readonly lock: RuntimeLock;
  /** The bundle as one file: `node build.ts FOLDER --single`. */
  readonly bundle: string;
  /** Keeps what was fetched. */
  readonly cache: string;
}

/**
 * Writes a program that needs neither Node nor npm: the platform's Node with the bundle in it (Node's single executable
 * application). It can be made for any platform on any other.
 *
 * @returns its file, in `folder`
 * @throws {Error} where another Node runs this than the programs hold: what it puts into them must fit
 */
export async function buildProgram(platform: Platform, parts: ProgramParts, folder: string): Promise<string> {
  const { lock, bundle, cache } = parts;
  if (process.versions.node !== lock.node.version) {
    throw new Error(`Node ${lock.node.version} is needed to build programs, and this is ${process.versions.node}`);
  }
  const name = programName(platform);
  const files = readTar(gunzipSync(await fetchNode(lock, nodePackageOf(lock, platform), cache)));
  const node = contentOf(files, name.endsWith('.exe') ? 'package/bin/node.exe' : 'package/bin/node');
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(path.join(folder, 'build-'));
  try {
    const at = (file: string) => path.join(work, file);
    await copyFile(bundle, at('cosignet.js'));
    await writeFile(at('node'), node, { mode: 0o755 });
    await writeFile(at('sea.json'), JSON.stringify(seaConfig(name)));
    // Run where its files are: the names that it is given become part of the program.
    await outputOf(process.execPath, ['--build-sea', 'sea.json'], work);
    await chmod(at(name), 0o755);
    await rename(at(name), path.join(folder, name));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return path.join(folder, name);
}

function seaConfig(output: string): object {
  return {
    main: 'cosignet.js',
    mainFormat: 'module',
    executable: 'node',
    output,
    disableExperimentalSEAWarning: true,
    // Both hold for one processor only, and programs for others are made here.
    useCodeCache: false,
    useSnapshot: false,
    // NODE_OPTIONS is meant for other programs, and could load code into this one.
    execArgvExtension: 'none',
  };
}

/** Whether a program, whoever signed it since, holds this bundle. */
export async function holdsBundle(program: string, { bundle }: ProgramParts): Promise<boolean> {
  return (await readFile(program)).includes(await readFile(bundle));
}
