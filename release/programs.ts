// SPDX-License-Identifier: Apache-2.0
/**
 * Builds single-file programs: FOLDER/PLATFORM/kubectl-cosignet.
 * Usage: node release/programs.ts [--out FOLDER] [PLATFORM ...]    default: dist/programs, every platform
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readRuntimeLock } from './inputs/runtime-lock.ts';
import { PLATFORMS, type Platform } from './programs/platforms.ts';
import { buildProgram, type ProgramParts } from './programs/program.ts';
import { outputOf } from './tools/process.ts';

const root = path.join(import.meta.dirname, '..');

/** Bundles the program into one file, `folder`/cosignet.js. */
export async function programParts(folder: string): Promise<ProgramParts> {
  await outputOf(process.execPath, [path.join(root, 'build.ts'), folder, '--single']);
  return {
    lock: readRuntimeLock(),
    bundle: path.join(folder, 'cosignet.js'),
    cache: path.join(root, '.cache/release'),
  };
}

function platformNamed(name: string): Platform {
  const found = PLATFORMS.find((one) => one === name);
  if (found === undefined) throw new Error(`${name} is none of ${PLATFORMS.join(', ')}`);
  return found;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: 'string' } } });
  const out = path.resolve(values.out ?? path.join(root, 'dist/programs'));
  const platforms = positionals.length === 0 ? PLATFORMS : positionals.map(platformNamed);
  const parts = await programParts(path.join(out, 'bundle'));
  for (const platform of platforms) {
    console.log(path.relative(process.cwd(), await buildProgram(platform, parts, path.join(out, platform))));
  }
}
