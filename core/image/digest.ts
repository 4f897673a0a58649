// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';

/** `sha256:` and 64 lower-case hexadecimal digits: the only algorithm that cosign's signatures name. */
export type Digest = `sha256:${string}`;

const SHA256 = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && SHA256.test(text);
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${hash('sha256', bytes)}`;
}

/** The hexadecimal part, as used in cosign's tags. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
