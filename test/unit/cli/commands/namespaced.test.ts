// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runCaptured } from '../captured-terminal.ts';

/** All images are allowed, and the team of the namespace shop denies all in its own. */
const POLICIES = `apiVersion: cosignet.dev/v1
kind: ImagePolicy
metadata: { name: all }
spec: { images: ['**'], action: Allow }
---
apiVersion: cosignet.dev/v1
kind: NamespacedImagePolicy
metadata: { name: all, namespace: shop }
spec: { images: ['**'], action: Deny }
`;
const LEFT_OUT = /^cosignet: NamespacedImagePolicies are left out: say by --namespace/;

describe('policies of a namespace on the command line', () => {
  let folder: string;
  const file = (name: string) => path.join(folder, name);

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    await writeFile(file('policies.yaml'), POLICIES);
    await writeFile(file('images'), 'nginx\n');
    await writeFile(file('off.yaml'), 'namespacedPolicies: false\n');
  });
  after(() => rm(folder, { recursive: true }));

  const run = (command: string, ...more: string[]) => {
    const images = command === 'scan' ? ['--images', file('images')] : ['nginx'];
    return runCaptured([command, '--policies', file('policies.yaml'), ...images, ...more]);
  };

  for (const command of ['verify', 'scan']) {
    test(`${command} asks them where it is told the namespace`, async () => {
      const { code, out, err } = await run(command, '-n', 'shop');
      assert.deepEqual([code, err], [1, '']);
      assert.match(out, /DeniedByPolicy[^]*shop\/all/);
      assert.equal((await run(command, '-n', 'other')).code, 0);
    });

    test(`${command} says that it leaves them out where it isn't`, async () => {
      const { code, err } = await run(command);
      assert.equal(code, 0);
      assert.match(err, LEFT_OUT);
    });

    test(`${command} doesn't follow them where the configuration does not, as the webhook`, async () => {
      const { code, out, err } = await run(command, '-n', 'shop', '--config', file('off.yaml'));
      assert.deepEqual([code, err], [0, '']);
      assert.match(out, /AllowedByPolicy/);
      assert.equal((await run(command, '--config', file('off.yaml'))).err, '');
    });
  }

  test('explain shows them, and not where the configuration leaves them out', async () => {
    assert.match((await run('explain', '-n', 'shop')).out, /in this namespace[^]*shop\/all: denies/);
    assert.match((await run('explain')).err, LEFT_OUT);
    assert.doesNotMatch((await run('explain', '-n', 'shop', '--config', file('off.yaml'))).out, /shop\/all/);
  });
});
