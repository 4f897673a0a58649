// SPDX-License-Identifier: Apache-2.0
// What stays in memory of each image that was decided about: on V8's heap, and in buffers outside of it, after a
// collection. By `.sig` and by bundle. In a process of its own, for figures.ts.
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createBenchEngine } from '../requests/bench-engine.ts';
import { startMeasured } from '../load/measured-process.ts';

/** Until all code is there that decisions need. */
const WARM_UP = 500;
const IMAGES = 2000;

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

console.log(
  JSON.stringify({ heldPerImage: await measure('simple-signing'), heldPerBundleImage: await measure('bundle') }),
);

async function measure(format: string): Promise<number> {
  const program = path.join(import.meta.dirname, '../load/image-registry.ts');
  const registry = await startMeasured([program, format, String(WARM_UP + IMAGES)], /serving (\S+) (\S+)/);
  const [, host = '', key = ''] = registry.match;
  const engine = createBenchEngine({ host, policies: [{ keys: [{ pem: Buffer.from(key, 'base64').toString() }] }] });
  const verify = async (from: number, to: number) => {
    for (let index = from; index < to; index += 1) await engine.verify(`${host}/bench/app:${index}`);
  };
  await verify(0, WARM_UP);
  const before = await heldBytes();
  await verify(WARM_UP, WARM_UP + IMAGES);
  const bytes = ((await heldBytes()) - before) / IMAGES;
  await engine.close();
  await registry.stop();
  return Math.round(bytes);
}

/** Buffers are given back only when the collector's helpers have ended, in a later turn. */
async function heldBytes(): Promise<number> {
  if (typeof collect !== 'function') throw new Error('there is no collector to call');
  for (let round = 0; round < 4; round += 1) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
