// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { adviceOn } from '../../../../../core/policy/compile/advice.ts';
import { publicKeyPem } from '../../../../fakes/engine.ts';

const KEYS = [{ pem: publicKeyPem('release') }];

const busy = () => Promise.reject(new Error('busy'));

async function advice(spec: object, compileDemand = async () => [] as { field: string; message: string }[]) {
  const policy = { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name: 'p' }, spec };
  const context = { secret: () => undefined, trustRoots: new Set<string>(), compileDemand };
  return (await adviceOn(policy, context)).map(({ path, message }) => `${path}: ${message}`);
}

describe('advice on a policy', () => {
  test('is none where it is sound', async () => {
    assert.deepEqual(await advice({ images: ['ghcr.io/acme/**', 'nginx', 'node.js'], keys: KEYS }), []);
  });

  test('is all that keeps it from being Ready', async () => {
    const [tag, key] = await advice({ images: ['nginx:1'], keys: [{ pem: 'no' }] });
    assert.match(tag ?? '', /^spec\.images\[0\]: .*tag/);
    assert.match(key ?? '', /^spec\.keys\[0\]\.pem: /);
  });

  test('is how a key is named that cosign finds elsewhere', async () => {
    assert.deepEqual(await advice({ images: ['nginx'], keys: [{ kms: 'k8s://prod/release' }] }), [
      'spec.keys[0].kms: "k8s://prod/release" names a Secret: in place of kms write secretRef: {name: release, key: cosign.pub}',
    ]);
  });

  test('is what its expressions are at fault for, each asked for once', async () => {
    const asked: unknown[] = [];
    const attestations = [{ name: 'a', predicateType: 't', conditions: [{ expression: 'predicate.(', message: 'm' }] }];
    const found = await advice({ images: ['nginx'], keys: KEYS, attestations }, async (...texts: unknown[]) => {
      asked.push(texts);
      return [{ field: 'conditions[0].expression', message: 'no' }];
    });
    assert.deepEqual(found, ['spec.attestations[0].conditions[0].expression: no']);
    assert.equal(asked.length, 1);
  });

  test('leaves out what can not be told now', async () => {
    const attestations = [{ name: 'a', predicateType: 't', conditions: [{ expression: 'predicate.(', message: 'm' }] }];
    assert.deepEqual(await advice({ images: ['nginx'], keys: KEYS, attestations }, busy), []);
  });

  test('is of patterns that are hardly meant', async () => {
    const found = await advice({ images: ['ghcr.io', '*', '*/*', 'registry.example.com'], keys: KEYS });
    assert.deepEqual(found, [
      'spec.images[0]: "ghcr.io" is the image docker.io/library/ghcr.io; did you mean "ghcr.io/**"?',
      'spec.images[1]: "*" covers docker.io/library/* only; for every image write "**"',
      'spec.images[2]: "*/*" covers docker.io/*/* only; for every image write "**"',
      'spec.images[3]: "registry.example.com" is the image docker.io/library/registry.example.com; did you mean "registry.example.com/**"?',
    ]);
  });
});
