// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';

/** Names as OCI and Debian have them; npm's differ and are in the lock file. */
export const ARCHITECTURES = ['amd64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/**
 * What the image and the programs hold beside the bundle, each with the checksum that it must have. The lock file of npm can't pin the
 * Node binary: the package `node` fetches it in an install script.
 */
export interface RuntimeLock {
  readonly node: {
    readonly version: string;
    readonly license: string;
    /** For the image, and for programs on Linux. */
    readonly packages: Readonly<Record<Architecture, LinuxNode>>;
    /** For programs elsewhere. */
    readonly programs: Readonly<Record<'darwin-amd64' | 'darwin-arm64' | 'windows-amd64', NodePackage>>;
  };
  readonly debian: {
    /** `12`, as in /etc/os-release. */
    readonly release: string;
    readonly suite: string;
    readonly packages: readonly DebianPackage[];
  };
}

export interface NodePackage {
  readonly name: string;
  /** As in package-lock.json: `sha512-` and base64. */
  readonly integrity: string;
}

export interface LinuxNode extends NodePackage {
  /** Of the binary in it, hexadecimal. */
  readonly binarySha256: string;
}

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression of what of it is in the image. */
  readonly license: string;
  /** Folder below `pool/` of a mirror. */
  readonly pool: string;
  /** Of the .deb file, hexadecimal. */
  readonly sha256: Readonly<Record<Architecture, string>>;
}

export function readRuntimeLock(): RuntimeLock {
  const lock: RuntimeLock = JSON.parse(readFileSync(new URL('../runtime.lock.json', import.meta.url), 'utf8'));
  return lock;
}

/** The name that `apt-get download` gives a package: no epochs are in use here. */
export function debFile({ name, version }: DebianPackage, architecture: Architecture): string {
  return `${name}_${version}_${architecture}.deb`;
}
