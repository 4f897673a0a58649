// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Installation } from './installation.ts';

/** The lines that the API server has written to the end: of a request it writes when that was answered already. */
export async function auditLines({ bench }: Installation): Promise<readonly string[]> {
  const log = await readFile(path.join(bench.dir, 'cluster/logs/audit.log'), 'utf8');
  return log.slice(0, log.lastIndexOf('\n')).split('\n');
}
