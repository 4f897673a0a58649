// SPDX-License-Identifier: Apache-2.0
/**
 * Pushes what release/release.ts wrote, with crane and its credentials. No key is needed any more.
 * Usage: node release/publish.ts [FOLDER]    default dist/release
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { outputOf } from './tools/process.ts';

export interface Push {
  /** Folder below `oci`. */
  readonly layout: string;
  readonly repository: string;
  /** `sha256:…` */
  readonly digest: string;
  readonly tag?: string;
}

/** Content first, by digest; then signatures; tags last, so that none ever names what isn't signed yet. */
export async function publish(folder: string): Promise<readonly string[]> {
  const pushes: readonly Push[] = JSON.parse(await readFile(path.join(folder, 'push.json'), 'utf8'));
  for (const { layout, repository, digest } of pushes) {
    await outputOf('crane', ['push', path.join(folder, 'oci', layout), `${repository}@${digest}`]);
  }
  const tagged = pushes.filter((one) => one.tag !== undefined);
  for (const { repository, digest, tag = '' } of tagged) {
    await outputOf('crane', ['tag', `${repository}@${digest}`, tag]);
  }
  return tagged.map(({ repository, digest, tag }) => `${repository}:${tag}@${digest}`);
}

if (import.meta.main) {
  const folder = process.argv[2] ?? path.join(import.meta.dirname, '../dist/release');
  for (const line of await publish(folder)) console.log(line);
}
