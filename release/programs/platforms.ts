// SPDX-License-Identifier: Apache-2.0
import type { NodePackage, RuntimeLock } from '../inputs/runtime-lock.ts';

/** Operating system and architecture, as Go and krew name them. */
export const PLATFORMS = ['linux-amd64', 'linux-arm64', 'darwin-amd64', 'darwin-arm64', 'windows-amd64'] as const;
export type Platform = (typeof PLATFORMS)[number];

export function nodePackageOf({ node }: RuntimeLock, platform: Platform): NodePackage {
  const { amd64, arm64 } = node.packages;
  return { ...node.programs, 'linux-amd64': amd64, 'linux-arm64': arm64 }[platform];
}

/** kubectl finds its plugins by this name, on Windows with its suffix. */
export function programName(platform: Platform): string {
  return platform.startsWith('windows-') ? 'kubectl-cosignet.exe' : 'kubectl-cosignet';
}
