// SPDX-License-Identifier: Apache-2.0
/**
 * Builds the container image as OCI image layout, without a daemon: dist/image/ and dist/cosignet-image.tar.
 * Usage: node release/image.ts [--bundle dist] [--out dist] [--repository registry/repository]
 *        after `make build`; prints the digest; with a repository dist/image.yaml has both as values of the chart
 * SOURCE_DATE_EPOCH (seconds) sets its date; without it, it has none. The same sources give the same digest.
 */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import packageFile from '../package.json' with { type: 'json' };
import { fetchDebs, fetchNode, type Source } from './inputs/download.ts';
import { debianMirror } from './inputs/mirror.ts';
import { layoutOf, layoutTar, writeLayout, type Layout } from './formats/layout.ts';
import { addImage, addIndex, addLayer, type Blobs, type Descriptor } from './formats/oci.ts';
import { NODE_PATH, PROGRAM_PATH, programFiles, runtimeFiles, USER } from './image/rootfs.ts';
import { ARCHITECTURES, readRuntimeLock, type Architecture, type RuntimeLock } from './inputs/runtime-lock.ts';

export interface ImageOptions {
  /** Folder with the bundle. */
  readonly dist: string;
  readonly source: Source;
  readonly architectures: readonly Architecture[];
  readonly created?: Date;
}

/**
 * What the process may do, whatever an attacker makes it do: read, speak and start threads, but neither write a file nor
 * start a program, WebAssembly's system interface or native code.
 */
const PERMISSIONS = [
  '--permission',
  '--allow-fs-read=*',
  '--allow-net',
  // What people write is evaluated in one, and ended with it.
  '--allow-worker',
  '--disable-warning=PERM0006',
  // Says that --allow-net is experimental, in the midst of the log.
  '--disable-warning=ExperimentalWarning',
] as const;

/**
 * MiB of each half. 8 hold 8 MiB more, for 2 to 10 % less processor time of a review; Node's own 16 hold 40 more than
 * those, for no less (docs/explanation/performance.md).
 */
export const FRUGAL = ['--max-semi-space-size=4'] as const;

/**
 * Bytes from which glibc gives memory back at once, and at the end of an arena. Left to itself it raises both with each large
 * block that is freed, and then keeps what the compiler's threads have done with. What TLS reads a record into is smaller.
 * An arena keeps and takes that much more than it needs.
 */
export const ENVIRONMENT = {
  PATH: '/usr/local/bin',
  NODE_ENV: 'production',
  MALLOC_MMAP_THRESHOLD_: '20480',
  MALLOC_TRIM_THRESHOLD_: '65536',
  MALLOC_TOP_PAD_: '16384',
} as const;

/** What comes before the program. */
export const NODE_FLAGS = [...PERMISSIONS, ...FRUGAL] as const;

export async function buildImage({ dist, source, architectures, created }: ImageOptions): Promise<Layout> {
  const lock = readRuntimeLock();
  const labels = imageLabels(lock);
  const blobs: Blobs = new Map();
  const program = addLayer(blobs, await programFiles(dist));
  const manifests: Descriptor[] = [];
  for (const architecture of architectures) {
    const node = await fetchNode(lock, lock.node.packages[architecture], source.cache);
    const debs = await fetchDebs(lock, architecture, source);
    // The program comes last: a new release shares the larger layer with the one before it.
    const runtime = addLayer(blobs, await runtimeFiles({ lock, node, debs }));
    manifests.push(addImage(blobs, imageConfig(architecture, labels, created), [runtime, program]));
  }
  const index = addIndex(blobs, manifests, labels);
  return layoutOf(blobs, index, packageFile.version);
}

function imageLabels({ node }: RuntimeLock): Readonly<Record<string, string>> {
  return {
    'org.opencontainers.image.title': packageFile.name,
    'org.opencontainers.image.description': packageFile.description,
    'org.opencontainers.image.version': packageFile.version,
    'org.opencontainers.image.licenses': packageFile.license,
    'dev.cosignet.node.version': node.version,
  };
}

function imageConfig(architecture: Architecture, labels: Readonly<Record<string, string>>, created: Date | undefined) {
  return {
    architecture,
    ...(created && { created: created.toISOString() }),
    config: {
      User: `${USER}:${USER}`,
      Entrypoint: [NODE_PATH, ...NODE_FLAGS, PROGRAM_PATH],
      Cmd: ['--help'],
      WorkingDir: '/',
      Env: Object.entries(ENVIRONMENT).map(([name, value]) => `${name}=${value}`),
      Labels: labels,
    },
  };
}

if (import.meta.main) {
  const root = path.join(import.meta.dirname, '..');
  const { values } = parseArgs({
    options: { bundle: { type: 'string' }, out: { type: 'string' }, repository: { type: 'string' } },
  });
  const out = values.out ?? path.join(root, 'dist');
  const epoch = process.env['SOURCE_DATE_EPOCH'];
  const layout = await buildImage({
    dist: values.bundle ?? path.join(root, 'dist'),
    source: { cache: path.join(root, '.cache/release'), mirror: debianMirror(process.env) },
    architectures: ARCHITECTURES,
    ...(epoch !== undefined && { created: new Date(Number(epoch) * 1000) }),
  });
  await writeLayout(layout, path.join(out, 'image'));
  await writeFile(path.join(out, 'cosignet-image.tar'), layoutTar(layout));
  // Of another image it would be wrong.
  await rm(path.join(out, 'image.yaml'), { force: true });
  if (values.repository !== undefined) {
    const image = { repository: values.repository, digest: layout.root.digest };
    await writeFile(path.join(out, 'image.yaml'), `${JSON.stringify({ image })}\n`);
  }
  const size = [...layout.files.values()].reduce((sum, content) => sum + content.length, 0);
  console.error(`image and cosignet-image.tar: ${ARCHITECTURES.join(', ')}, ${Math.round(size / 2 ** 20)} MiB`);
  console.log(layout.root.digest);
}
