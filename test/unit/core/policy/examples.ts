// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { claimsOf } from '../../../../core/image/claim.ts';
import type { CompileContext } from '../../../../core/policy/compile/compile-context.ts';
import type { ImagePolicy, ImagePolicySpec } from '../../../../core/policy/documents/image-policy.gen.ts';
import type { CompiledPolicy } from '../../../../core/policy/types.ts';

export function newPem(): string {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return publicKey.export({ format: 'pem', type: 'spki' });
}

export const PEM = newPem();

const notExpected = () => assert.fail('a test with attestations needs a context that compiles them');

export const EMPTY_CONTEXT: CompileContext = {
  secret: () => undefined,
  trustRoots: new Set(['public-good']),
  prepareDemand: notExpected,
};

export function policy(spec: Partial<ImagePolicySpec> = {}, name = 'example'): ImagePolicy {
  const defaults = { images: ['ghcr.io/acme/*'], keys: [{ pem: PEM }] };
  return {
    apiVersion: 'cosignet.dev/v1',
    kind: 'ImagePolicy',
    metadata: { name, generation: 3 },
    spec: { ...defaults, ...spec },
  };
}

/** A compiled policy as far as matching looks at it. */
export function claiming(
  name: string,
  images: readonly string[],
  namespaceSelector?: CompiledPolicy['namespaceSelector'],
): CompiledPolicy {
  const compiled: CompiledPolicy = {
    name,
    generation: 1,
    patterns: images.flatMap(claimsOf),
    action: 'Verify',
    mode: 'Enforce',
    signers: [],
    threshold: 1,
    required: [],
    annotations: {},
    transparencyLog: 'Ignore',
    platforms: 'Index',
    attestations: [],
    problems: [],
  };
  return namespaceSelector === undefined ? compiled : { ...compiled, namespaceSelector };
}
