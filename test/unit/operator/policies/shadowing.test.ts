// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compilePolicy } from '../../../../core/policy/compile/compile.ts';
import type { ImagePolicySpec } from '../../../../core/policy/documents/image-policy.gen.ts';
import type { CompiledPolicy } from '../../../../core/policy/types.ts';
import { compileContext } from '../../../fakes/engine.ts';
import { shadowersOf } from '../../../../operator/policies/shadowing.ts';

function compiled(name: string, images: string[], more: Partial<ImagePolicySpec> = {}): CompiledPolicy {
  return compilePolicy(
    {
      apiVersion: 'cosignet.dev/v1',
      kind: 'ImagePolicy',
      metadata: { name },
      spec: { images, action: 'Deny', ...more },
    },
    compileContext(),
  );
}

describe('shadowersOf', () => {
  const hub = compiled('hub', ['docker.io/**']);

  test('names the policy whose more specific pattern takes every image', () => {
    const other = compiled('other', ['docker.io/*/**']);
    assert.deepEqual(shadowersOf(hub, [hub, other], 0), ['other']);
    assert.deepEqual(shadowersOf(other, [hub, other], 0), []);
  });

  test('tells of no shadow where some image is left', () => {
    for (const image of ['docker.io/acme/**', 'docker.io/*/*', 'docker.io/*/*/**', 'ghcr.io/*/**', 'docker.io/**']) {
      assert.deepEqual(shadowersOf(hub, [hub, compiled('other', [image])], 0), [], image);
    }
    const both = compiled('both', ['docker.io/**', 'ghcr.io/**']);
    assert.deepEqual(shadowersOf(both, [both, compiled('other', ['docker.io/*/**'])], 0), []);
  });

  test('a policy for some namespaces leaves the others', () => {
    const some = compiled('some', ['docker.io/*/**'], { namespaceSelector: { matchLabels: { team: 'a' } } });
    assert.deepEqual(shadowersOf(hub, [hub, some], 0), []);
  });
});
