// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { digestOf, hexOf } from '../../../core/image/digest.ts';

const FUZZ = path.resolve(import.meta.dirname, '..');
/** Committed inputs, by target. */
export const SEEDS = path.join(FUZZ, 'corpus');
/** Committed inputs that once broke an invariant, by target. */
export const REGRESSIONS = path.join(FUZZ, 'regressions');
const CACHE = path.resolve(FUZZ, '../../.cache/fuzz');
/** Inputs that earlier runs found to reach more. */
export const FOUND = path.join(CACHE, 'corpus');
export const CRASHES = path.join(CACHE, 'crashes');

/** The inputs of a target in a folder, in the order of their names; none where there is no folder. */
export function readInputs(
  folder: string,
  target: string,
): readonly { readonly file: string; readonly input: Buffer }[] {
  const directory = path.join(folder, target);
  return namesIn(directory).map((name) => {
    const file = path.join(directory, name);
    return { file, input: readFileSync(file) };
  });
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Named by its hash, so that one input is one file. */
export function saveInput(folder: string, target: string, input: Buffer): string {
  const directory = path.join(folder, target);
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, hexOf(digestOf(input)).slice(0, 16));
  writeFileSync(file, input);
  return file;
}
