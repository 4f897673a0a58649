// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Writes a file in one step, as a kubelet does: whoever follows it never finds half of it. */
export async function replaceFile(file: string, text: string, { mode = 0o644 } = {}): Promise<void> {
  const beside = await mkdtemp(path.join(tmpdir(), 'cosignet-new-'));
  const whole = path.join(beside, 'file');
  await writeFile(whole, text, { mode });
  await rename(whole, file);
  await rm(beside, { recursive: true });
}
