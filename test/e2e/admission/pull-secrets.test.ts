// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../../control-plane/process.ts';
import { install, openInstallation, policy, tryPod, type Installation } from '../workbench/installation.ts';
import { startPrivateRegistry, type PrivateRegistry } from './private-registry.ts';
import { requireTools } from '../workbench/tools.ts';

requireTools('registry');

describe('images in a private registry', () => {
  let here: Installation;
  let registry: PrivateRegistry;
  let image: string;

  before(async () => {
    here = await openInstallation();
    registry = await startPrivateRegistry(path.join(here.bench.dir, 'private'));
    image = await registry.publish('shop/secret:1.0', here.release);
    await install(here, `--set=config.registries[1].host=${registry.host}`, '--set=config.registries[1].insecure=true');
    const login = [`--docker-username=${registry.user}`, `--docker-password=${registry.password}`];
    await here.kubectl('create', 'secret', 'docker-registry', 'login', `--docker-server=${registry.host}`, ...login);
  });
  after(async () => {
    await registry.stop();
    await here.close();
  });

  test('are denied to a Pod without credentials, and the message says what is missing', async () => {
    const message = await here.refused(...tryPod(image));
    assert.match(message, /denied the request/);
    assert.match(message, /image pull secret/);
    assert.ok(!message.includes(registry.password));
  });

  test('are read with the pull secret that the Pod names', async () => {
    const spec = JSON.stringify({ spec: { imagePullSecrets: [{ name: 'login' }] } });
    await here.kubectl(...tryPod(image), `--overrides=${spec}`);
  });

  test('are read with the pull secrets of the service account', async () => {
    // At once with its Secret: an API server may know it for a while as it was first.
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'puller' } };
    const made = await here.apply({ ...account, imagePullSecrets: [{ name: 'login' }] });
    assert.equal(made.code, 0, made.stderr);
    const spec = JSON.stringify({ spec: { serviceAccountName: 'puller' } });
    await here.kubectl(...tryPod(image), `--overrides=${spec}`);
  });

  test("of a policy open its repository of signatures: the operator's for the cluster, a namespace's own for its policies", async () => {
    const [repository = '', digest = ''] = (await here.bench.registry.push('elsewhere/app:1.0')).trim().split('@');
    const elsewhere = `${repository}@${digest}`;
    const signatureRepository = await registry.keepSignature(elsewhere, here.release);
    const spec = {
      images: [`${here.bench.registry.host}/elsewhere/*`],
      keys: [{ name: 'release', pem: here.release.publicKey }],
      signatureRepository,
    };
    const apply = async (object: object) => {
      const { code, stderr } = await here.apply(object);
      assert.equal(code, 0, stderr);
    };
    const namespaced = {
      apiVersion: 'cosignet.dev/v1',
      kind: 'NamespacedImagePolicy',
      metadata: { name: 'elsewhere' },
    };
    const says = (wanted: RegExp | undefined) =>
      waitFor(`the answer ${String(wanted)}`, async () => {
        const { code, stderr } = await here.bench.kubectl(tryPod(elsewhere));
        if (wanted === undefined ? code !== 0 : code === 0 || !wanted.test(stderr)) throw new Error(stderr);
        return true;
      });
    await apply(policy('elsewhere', spec));
    await says(/Policy|Cosignet may not read/);
    await apply(policy('elsewhere', { ...spec, signatureSecret: 'signatures' }));
    await says(/Policy "elsewhere" is broken.*no Secret signatures/);
    const login = [`--docker-username=${registry.user}`, `--docker-password=${registry.password}`];
    const create = ['create', 'secret', 'docker-registry', 'signatures', `--docker-server=${registry.host}`, ...login];
    await here.kubectl('--namespace=cosignet', ...create);
    await says(undefined);
    // The cluster's Secret is none of the namespace's.
    await apply({ ...namespaced, spec: { ...spec, signatureSecret: 'signatures' } });
    await says(/Policy "shop\/elsewhere" is broken.*no Secret signatures/);
    await apply({ ...namespaced, spec: { ...spec, signatureSecret: 'login' } });
    await says(undefined);
  });
});
