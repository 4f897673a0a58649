// SPDX-License-Identifier: Apache-2.0
// What can be counted and is the same on every machine: registry requests, bytes of the program, modules loaded before
// it is ready, bytes allocated and lines logged for a warm review, bytes that stay in memory of an image.
// `node test/bench/figures/figures.ts --write` renews figures.json, which test/e2e/admission/figures.test.ts holds them to.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { countRequests } from '../requests/count-requests.ts';
import { startMeasured } from '../load/measured-process.ts';

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, '../../..');
const FILE = path.join(import.meta.dirname, 'figures.json');

export interface Figures {
  /** "first, then learned" by "scene, registry, by tag or digest". */
  readonly requests: Readonly<Record<string, string>>;
  /** Of the JavaScript in dist/. */
  readonly programBytes: number;
  /** Files, and their bytes, that `serve` loads until it is ready. */
  readonly loadedModules: number;
  readonly loadedBytes: number;
  /** Of a warm review, within a second of the last about its image. */
  readonly bytesPerReview: number;
  /** The same, decided anew of what is known. */
  readonly bytesPerRenewedReview: number;
  /** The same, of a new image, read from its registry. */
  readonly bytesPerColdReview: number;
  readonly linesPerReview: number;
  readonly requestsPerWarmReview: number;
  /** What stays in memory of an image that was verified by `.sig`, and by a bundle. */
  readonly heldPerImage: number;
  readonly heldPerBundleImage: number;
}

/** How far above the committed figure is no regression yet, as a factor. What is not listed is exact. */
export const TOLERANCES = {
  programBytes: 1.03,
  loadedModules: 1.05,
  loadedBytes: 1.03,
  // A run differs from the next by up to 3 in 100.
  bytesPerReview: 1.1,
  bytesPerRenewedReview: 1.1,
  bytesPerColdReview: 1.1,
  heldPerImage: 1.05,
  heldPerBundleImage: 1.05,
} as const;

export async function committedFigures(): Promise<Figures> {
  return JSON.parse(await readFile(FILE, 'utf8'));
}

export async function measureFigures(): Promise<Figures> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cosignet-figures-'));
  try {
    const program = path.join(folder, 'dist');
    await run(process.execPath, [path.join(ROOT, 'build.ts'), program]);
    // esbuild's files know nothing of the package around them.
    await writeFile(path.join(folder, 'package.json'), '{"type":"module"}');
    const loaded = await loadedUntilReady(program, folder);
    return {
      requests: await requestFigures(),
      programBytes: await bytesOf(await scriptsIn(program)),
      loadedModules: loaded.length,
      loadedBytes: await bytesOf(loaded),
      ...(await reviewFigures()),
      ...(await heldFigures()),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function requestFigures(): Promise<Record<string, string>> {
  const rows = await countRequests({ cosign: false });
  return Object.fromEntries(
    rows.map(({ scene, registry, token, by, fresh, learned }) => [
      `${scene}; ${registry}${token ? ' with token' : ''}; by ${by}`,
      `${fresh}, then ${learned}`,
    ]),
  );
}

type ReviewFigures =
  'bytesPerReview' | 'bytesPerRenewedReview' | 'bytesPerColdReview' | 'linesPerReview' | 'requestsPerWarmReview';

async function reviewFigures(): Promise<Pick<Figures, ReviewFigures>> {
  const { stdout } = await run(process.execPath, [path.join(import.meta.dirname, 'allocations.ts')]);
  return JSON.parse(stdout);
}

async function heldFigures(): Promise<Pick<Figures, 'heldPerImage' | 'heldPerBundleImage'>> {
  const { stdout } = await run(process.execPath, [path.join(import.meta.dirname, 'held.ts')]);
  return JSON.parse(stdout);
}

async function scriptsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => name.endsWith('.js')).map((name) => path.join(folder, name));
}

async function bytesOf(files: readonly string[]): Promise<number> {
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function loadedUntilReady(program: string, folder: string): Promise<readonly string[]> {
  const log = path.join(folder, 'modules');
  const policies = path.join(folder, 'policies');
  await writeFile(`${policies}.yaml`, '');
  const flags = ['--policies', `${policies}.yaml`, '--listen', '127.0.0.1:0', '--metrics-listen', '127.0.0.1:0'];
  const server = await startMeasured(
    [
      '--import',
      path.join(import.meta.dirname, 'log-modules.ts'),
      path.join(program, 'cosignet.js'),
      'serve',
      ...flags,
    ],
    /serving/,
    { MODULE_LOG: log },
  );
  const urls = (await readFile(log, 'utf8')).trim().split('\n');
  await server.stop();
  return [...new Set(urls)].map((url) => fileURLToPath(url));
}

if (import.meta.main && process.argv[2] === '--write') {
  const config = await resolveConfig(FILE);
  await writeFile(FILE, await format(JSON.stringify(await measureFigures()), { ...config, parser: 'json' }));
}
