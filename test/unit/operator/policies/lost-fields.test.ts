// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import type { AnyImagePolicy } from '../../../../core/policy/documents/kinds.ts';
import { compilePolicy } from '../../../../core/policy/compile/compile.ts';
import { createPolicyStore } from '../../../../core/policy/store/store.ts';
import { CompiledPolicies } from '../../../../operator/policies/compiled-policies.ts';
import { lostBy } from '../../../../operator/policies/lost-fields.ts';
import { compileContext, publicKeyPem } from '../../../fakes/engine.ts';

const compile = (policy: AnyImagePolicy) => compilePolicy(policy, compileContext());

/** As it is, less a field. */
function older(kind: string): object {
  const definition = parse(readFileSync(`crds/${kind}.cosignet.dev.yaml`, 'utf8'));
  delete definition.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.threshold;
  return definition;
}

test('what policies would lose is told of their own kind alone, with their names', () => {
  const book = new CompiledPolicies({ compile, store: createPolicyStore() });
  const spec = { images: ['**'], keys: [{ pem: publicKeyPem('release') }] };
  const common = { apiVersion: 'cosignet.dev/v1' as const, spec: { ...spec, threshold: 1 } };
  book.set({ ...common, kind: 'ImagePolicy', metadata: { name: 'wide' } });
  book.set({ ...common, kind: 'ImagePolicy', metadata: { name: 'plain' }, spec });
  book.set({ ...common, kind: 'NamespacedImagePolicy', metadata: { name: 'own', namespace: 'team' } });
  assert.deepEqual(lostBy(older('imagepolicies'), book), ['ImagePolicy wide: spec.threshold']);
  assert.deepEqual(lostBy(older('namespacedimagepolicies'), book), ['NamespacedImagePolicy team/own: spec.threshold']);
  assert.deepEqual(lostBy({}, book), []);
});
