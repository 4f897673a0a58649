// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, '../../..');
/** What a cold review is measured beside: it took two thirds of the processor time of the peer of that day. */
const EARLIER = '6e34fa3632737b03b65b136df11b5b4071b122be';

/** The program of an earlier commit, built with the dependencies of now. */
export interface EarlierProgram {
  /** Its `cosignet.js`. */
  readonly program: string;
  remove(): Promise<void>;
}

/** Undefined where the repository doesn't reach back so far, as one that was cloned without its history. */
export async function buildEarlier(): Promise<EarlierProgram | undefined> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cosignet-earlier-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const archive = path.join(folder, 'sources.tar');
    await run('git', ['-C', ROOT, 'archive', '--output', archive, EARLIER]);
    await run('tar', ['-xf', archive, '-C', folder]);
    await symlink(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
    await run(process.execPath, ['build.ts'], { cwd: folder });
    return { program: path.join(folder, 'dist/cosignet.js'), remove };
  } catch (error) {
    console.log(`the program of ${EARLIER.slice(0, 7)} is not there to compare with: ${String(error)}`);
    await remove();
    return undefined;
  }
}
