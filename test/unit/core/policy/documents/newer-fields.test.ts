// SPDX-License-Identifier: Apache-2.0
// What a newer version added to a policy is a demand that this one doesn't know: it must never just be left out.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compilePolicy } from '../../../../../core/policy/compile/compile.ts';
import type { ImagePolicySpec } from '../../../../../core/policy/documents/image-policy.gen.ts';
import { createAuthority } from '../../../../fakes/sigstore/authorities.ts';
import { compileContext } from '../../../../fakes/engine.ts';
import { certificatePem } from '../../../../fakes/sigstore/own-pki.ts';
import { PEM } from '../examples.ts';

const secretRef = { name: 'keys', key: 'cosign.pub' };
const FULL: ImagePolicySpec = {
  images: ['ghcr.io/acme/*'],
  keys: [{ name: 'a', pem: PEM }, { secretRef }],
  identities: [{ issuer: 'i', subject: 's', claims: [{ name: 'buildTrigger', value: 'push' }] }],
  certificates: [{ caPem: certificatePem(createAuthority().root), subject: 's' }],
  threshold: 0,
  attestations: [{ name: 'a', predicateType: 't', conditions: [{ expression: 'true' }] }],
};
const context = compileContext({ secret: () => ({ pem: PEM }) });

type Step = string | number;

/** Where something could be added: each object of the spec. */
function objectsIn(value: unknown, path: readonly Step[] = []): readonly (readonly Step[])[] {
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.entries(value).flatMap(([key, one]) =>
    objectsIn(one, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return Array.isArray(value) ? below : [path, ...below];
}

function withField(spec: object, path: readonly Step[]): object {
  const copy: object = structuredClone(spec);
  const at = path.reduce<object>((object, step) => Reflect.get(object, step), copy);
  Reflect.set(at, 'newer', true);
  return copy;
}

for (const kind of ['ImagePolicy', 'NamespacedImagePolicy']) {
  const compile = (spec: object) => {
    const metadata = kind === 'ImagePolicy' ? { name: 'a' } : { name: 'a', namespace: 'team' };
    return compilePolicy({ apiVersion: 'cosignet.dev/v1', kind, metadata, spec }, context);
  };

  describe(`a newer ${kind}`, () => {
    test('would be Ready but for what is newer', () => {
      assert.deepEqual(compile(FULL).problems, []);
    });

    for (const path of objectsIn(FULL)) {
      const where = ['spec', ...path].map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
      const field = `${where.slice(1)}.newer`;
      test(`is not Ready with ${field}, and keeps its images`, () => {
        const { patterns, problems } = compile(withField(FULL, path));
        assert.deepEqual(problems, [{ reason: 'InvalidSpec', path: field, message: 'unknown field' }]);
        assert.deepEqual(
          patterns.map(({ canonical }) => canonical),
          ['ghcr.io/acme/*'],
        );
      });
    }
  });
}
