// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../../control-plane/process.ts';
import {
  admitted,
  denied,
  install,
  openInstallation,
  tryPod,
  type Image,
  type Installation,
} from '../workbench/installation.ts';

const KIND = 'namespacedimagepolicies.cosignet.dev';

/** One story, in order: the namespaces shop and other, and what the team of the first one adds there. */
describe('policies of a namespace', () => {
  let here: Installation;

  before(async () => {
    here = await openInstallation();
    await here.kubectl('create', 'namespace', 'other');
    await install(here);
  });
  after(() => here.close());

  async function apply(name: string, spec: object, ...flags: readonly string[]): Promise<void> {
    const { code, stderr } = await here.apply(namespaced(name, spec), ...flags);
    assert.equal(code, 0, stderr);
  }

  async function reason(name: string, wanted: string): Promise<void> {
    const path = '.status.conditions[?(@.type=="Ready")].reason';
    await waitFor(`${name} to be ${wanted}`, async () => {
      const found = await here.read(`${KIND}/${name}`, path);
      if (found !== wanted) throw new Error(`it is ${found}`);
      return true;
    });
  }

  async function remove(name: string): Promise<void> {
    await here.kubectl('delete', KIND, name);
    await admitted(here, here.images.signed);
  }

  test('make Cosignet read no key of a KMS: the API server refuses them', async () => {
    const { code, stderr } = await here.apply(
      namespaced('held', { images: ['**'], keys: [{ kms: 'hashivault://a' }] }),
    );
    assert.notEqual(code, 0);
    assert.match(stderr, /spec\.keys\[0\].*kms is for ImagePolicies only: give the public key as pem or secretRef/);
  });

  test('add a signer in their own namespace, and ask nothing elsewhere', async () => {
    await apply('reviewed', { images: ['**'], keys: [{ name: 'other', pem: here.other.publicKey }] });
    await reason('reviewed', 'Compiled');
    await denied(here, here.images.signed, /Policy "shop\/reviewed" requires/);
    await here.kubectl('--namespace=other', ...tryPod(here.images.signed));
  });

  test('are satisfied together with those of the cluster', async () => {
    const both = await here.bench.registry.push('shop/both:1.0');
    await here.bench.registry.sign(both, here.release, { format: 'simple-signing' });
    await here.refused(...tryPod(both));
    await here.bench.registry.sign(both, here.other, { format: 'simple-signing' });
    await admitted(here, both);
    // The team's signature alone is not enough.
    assert.match(await here.refused(...tryPod(here.images.forged)), /Policy "default" requires/);
    await remove('reviewed');
  });

  test('never weaken: what they allow, or only warn of, stays denied by those of the cluster', async () => {
    const { unsigned, signed } = here.images;
    const keys = [{ name: 'other', pem: here.other.publicKey }];
    for (const spec of [
      { action: 'Allow', images: [repository(unsigned)] },
      { mode: 'Audit', images: [repository(unsigned)], keys },
      { mode: 'Warn', images: [unsigned.tag.replace(/:[^:]*$/, `@${unsigned.digest}`)], keys },
    ]) {
      await apply('weaker', spec);
      await reason('weaker', 'Compiled');
      assert.match(await here.refused(...tryPod(unsigned)), /Policy "default" requires/);
      await here.kubectl(...tryPod(signed));
      await here.kubectl('delete', KIND, 'weaker');
    }
  });

  test('deny by themselves, with the mode that they have', async () => {
    await apply('stop', { action: 'Deny', images: [repository(here.images.signed)] });
    await reason('stop', 'Compiled');
    await denied(here, here.images.signed, /Policy "shop\/stop" blocks/);
    await apply('stop', { action: 'Deny', mode: 'Warn', images: [repository(here.images.signed)] });
    await waitFor('a warning', async () => {
      const { code, stderr } = await here.bench.kubectl(tryPod(here.images.signed));
      return (code === 0 && stderr.includes('shop/stop')) || undefined;
    });
    await remove('stop');
  });

  test('take keys from Secrets of their own namespace only', async () => {
    const { kubectl, release } = here;
    const file = `--from-file=cosign.pub=${release.publicFile}`;
    await kubectl('--namespace=cosignet', 'create', 'secret', 'generic', 'team', file);
    const keys = [{ secretRef: { name: 'team', key: 'cosign.pub' } }];
    await apply('secret', { images: [repository(here.images.signed)], keys });
    await reason('secret', 'SecretNotFound');
    const message = await denied(here, here.images.signed, /"shop\/secret"/);
    assert.ok(message.includes(`kubectl describe ${KIND} --namespace shop secret`), message);
    await kubectl('--namespace=shop', 'create', 'secret', 'generic', 'team', file);
    await waitForReady('secret');
    await admitted(here, here.images.signed);
    await remove('secret');
  });

  // Secrets are read again every half minute.
  async function waitForReady(name: string): Promise<void> {
    await here.kubectl('wait', `${KIND}/${name}`, '--for=condition=Ready', '--timeout=90s');
  }

  test('are refused by the API server with a selector, and listed by their short name', async () => {
    const spec = { images: ['**'], namespaceSelector: {}, keys: [{ pem: here.other.publicKey }] };
    const { code, stderr } = await here.apply(namespaced('selecting', spec));
    assert.notEqual(code, 0);
    assert.match(stderr, /namespaceSelector/);
    await apply('listed', { images: ['example.com/**'], keys: [{ name: 'k', pem: here.other.publicKey }] });
    await reason('listed', 'Compiled');
    const [header, row] = (await here.kubectl('get', 'nsigpol')).split('\n');
    assert.match(header ?? '', /^NAME\s+IMAGES\s+ACTION\s+MODE\s+KEYS\s+READY/);
    assert.match(row ?? '', /^listed\s/);
  });

  test('can only add: where nobody of the cluster speaks, what they are satisfied with stays denied', async () => {
    await here.kubectl('delete', 'imagepolicies.cosignet.dev', 'default');
    await apply('listed', { images: ['**'], keys: [{ name: 'k', pem: here.other.publicKey }] });
    await waitFor('nobody to speak', async () => {
      const { stderr } = await here.bench.kubectl(tryPod(here.images.forged));
      return (
        stderr.includes(`No policy allows ${here.images.forged.tag} in this cluster. Use an approved image`) ||
        undefined
      );
    });
  });
});

function repository({ tag }: Image): string {
  return tag.replace(/:[^:]*$/, '');
}

function namespaced(name: string, spec: object): object {
  const metadata = { name, namespace: 'shop' };
  return { apiVersion: 'cosignet.dev/v1', kind: 'NamespacedImagePolicy', metadata, spec };
}
