// SPDX-License-Identifier: Apache-2.0
import type { HashName } from '../../keys/algorithms.ts';
import { hashOf } from './signed-content.ts';

/** What a bundle is said to be about: the bytes, or one digest of them. */
export type Artifact = Uint8Array | ArtifactDigest;

export interface ArtifactDigest {
  readonly hash: HashName;
  readonly digest: Uint8Array;
}

const DIGEST = /^sha(?:256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})$/;
const HASHES: Readonly<Record<string, HashName>> = { sha256: 'sha256', sha384: 'sha384', sha512: 'sha512' };

/** `sha256:…`, `sha384:…` or `sha512:…`; undefined: another text. */
export function parseArtifactDigest(text: string): ArtifactDigest | undefined {
  if (!DIGEST.test(text)) return undefined;
  const [name = '', digest = ''] = text.split(':');
  const hash = HASHES[name];
  return hash && { hash, digest: Buffer.from(digest, 'hex') };
}

/** Undefined where only another digest is at hand. */
export function digestOfArtifact(artifact: Artifact, hash: HashName): Uint8Array | undefined {
  if (artifact instanceof Uint8Array) return hashOf(hash, artifact);
  return hash === artifact.hash ? artifact.digest : undefined;
}
