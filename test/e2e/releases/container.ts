// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { zstdDecompressSync } from 'node:zlib';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string };
}

export interface ImageConfig {
  readonly architecture: string;
  readonly config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly Env: readonly string[];
  };
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

/** An image layout, read as a runtime reads it: no blob is taken that isn't what its descriptor says. */
export interface LayoutImage {
  readonly digest: string;
  readonly config: ImageConfig;
  /** Uncompressed. */
  readonly layers: readonly Buffer[];
}

/** The images of each architecture in a layout folder. */
export function readLayout(folder: string): readonly LayoutImage[] {
  const blob = ({ digest, size }: Descriptor): Buffer => {
    const content = readFileSync(path.join(folder, 'blobs', digest.replace(':', '/')));
    if (content.length !== size || sha256(content) !== digest) throw new Error(`the layout's ${digest} is another`);
    return content;
  };
  const text = (descriptor: Descriptor): string => blob(descriptor).toString();
  const [entry] = indexOf(folder).manifests;
  if (entry === undefined) throw new Error('the layout is empty');
  const index: Index = JSON.parse(text(entry));
  return index.manifests.map((descriptor) => {
    const manifest: Manifest = JSON.parse(text(descriptor));
    const config: ImageConfig = JSON.parse(text(manifest.config));
    const layers = manifest.layers.map((layer) => zstdDecompressSync(blob(layer)));
    if (!layers.every((layer, at) => sha256(layer) === config.rootfs.diff_ids[at])) throw new Error('another layer');
    return { digest: descriptor.digest, config, layers };
  });
}

interface Index {
  readonly manifests: readonly Descriptor[];
}

interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** `index.json`: its one entry is what a registry gets. */
export function indexOf(folder: string): Index {
  return JSON.parse(readFileSync(path.join(folder, 'index.json'), 'utf8'));
}

function sha256(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** Lays an image's layers over each other with the system's own tar. */
export function unpack({ layers }: LayoutImage, root: string): void {
  mkdirSync(root, { recursive: true });
  for (const layer of layers) execFileSync('tar', ['-x', '-p', '-C', root], { input: layer });
}

/**
 * The command that runs a program of an unpacked image as a container runtime would: in its file system, read-only, as
 * its user, with its environment and no other. Only the network is this machine's. Whoever isn't root enters through
 * user namespaces. Each step replaces the one before it, so that signals reach the program.
 */
export function inContainer(
  { config }: ImageConfig,
  root: string,
  program: readonly string[],
): readonly [string, ...string[]] {
  const [uid = '', gid = ''] = config.User.split(':');
  const isRoot = process.getuid?.() === 0;
  const enter = isRoot
    ? `"$(command -v chroot)" --userspec=${uid}:${gid} "$root"`
    : `"$(command -v unshare)" --user --map-user=${uid} --map-group=${gid} --root="$root"`;
  const script = [
    'set -e; root=$1; shift',
    'mount --bind "$root" "$root"',
    'mount -o remount,bind,ro "$root"',
    `exec env -i ${config.Env.map((pair) => `'${pair}'`).join(' ')} ${enter} "$@"`,
  ];
  const privileges = isRoot ? [] : ['--user', '--map-root-user'];
  return ['unshare', ...privileges, '--mount', 'sh', '-c', script.join('\n'), 'sh', root, ...program];
}
