// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, before, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { createKubeApi } from '../../../../operator/kubernetes/api-client.ts';
import { WebhookConfigurations } from '../../../../operator/certificates/webhook-configuration.ts';
import { createWorkQueue, type WorkQueue } from '../../../../operator/kubernetes/work-queue.ts';
import { issueCertificateAuthority } from '../../../../operator/certificates/issue.ts';
import { FakeApiServer, type FakeHook } from '../../../fakes/api-server.ts';
import { eventually } from '../eventually.ts';

const MUTATING = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const VALIDATING = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const service = { name: 'cosignet', namespace: 'cosignet', path: '/mutate' };

function hook(name: string, caBundle?: string): FakeHook {
  return { name, clientConfig: { service, ...(caBundle && { caBundle }) } };
}

describe('WebhookConfigurations', () => {
  let server: FakeApiServer;
  let configurations: WebhookConfigurations;
  let queue: WorkQueue;
  let leads: boolean;
  let published: readonly string[];
  let restored: string[];
  let first: string;
  let second: string;

  before(async () => {
    const dates = { notBefore: Date.now() - 1000, notAfter: Date.now() + 3_600_000 };
    first = (await issueCertificateAuthority({ commonName: 'first', ...dates })).certificate;
    second = (await issueCertificateAuthority({ commonName: 'second', ...dates })).certificate;
  });
  beforeEach(async () => {
    server = await new FakeApiServer().start();
    leads = true;
    published = [first];
    restored = [];
    configurations = new WebhookConfigurations({
      api: createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) }),
      name: 'cosignet',
      authorities: () => published,
      isLeader: () => leads,
      onChange: () => queue.add('look'),
      onRestored: ({ kind, name }) => restored.push(`${kind}/${name}`),
      log: silentLogger,
      monotonic: () => performance.now(),
    });
    queue = createWorkQueue({
      name: 'webhook configurations',
      process: () => configurations.reconcile(),
      backoff: { first: 5, most: 50 },
      log: silentLogger,
    });
    put(MUTATING, [hook('mutate.cosignet.dev')]);
    put(VALIDATING, [hook('validate.cosignet.dev')]);
  });
  afterEach(async () => {
    await Promise.all(configurations.reflectors.map((reflector) => reflector.stop()));
    await queue.stop();
    await server.stop();
  });

  function put(path: string, webhooks: readonly FakeHook[], name = 'cosignet'): void {
    server.put(path, { metadata: { name }, webhooks });
  }
  async function start(): Promise<void> {
    for (const reflector of configurations.reflectors) reflector.start();
    await Promise.all(configurations.reflectors.map((reflector) => reflector.synced));
  }
  const hooksOf = (path: string, name = 'cosignet') => server.get(path, name)?.webhooks ?? [];
  const bundleOf = (path: string) => hooksOf(path)[0]?.clientConfig.caBundle;

  test('publishes the authorities in both, and touches nothing else', async () => {
    put(MUTATING, [hook('theirs')], 'another');
    await start();
    await eventually(() => bundleOf(MUTATING) === btoa(first) && bundleOf(VALIDATING) === btoa(first));
    assert.deepEqual(hooksOf(MUTATING), [hook('mutate.cosignet.dev', btoa(first))]);
    assert.deepEqual(hooksOf(MUTATING, 'another'), [hook('theirs')]);
    await eventually(() => configurations.trusts(first));
    assert.equal(configurations.trusts(second), false);
  });

  test('restores an edited bundle and one that was taken out', async () => {
    await start();
    await eventually(() => configurations.trusts(first));
    put(MUTATING, [hook('mutate.cosignet.dev', btoa(second))]);
    await eventually(() => bundleOf(MUTATING) === btoa(first));
    put(VALIDATING, [hook('validate.cosignet.dev')]);
    await eventually(() => bundleOf(VALIDATING) === btoa(first));
    await eventually(() => restored.length >= 2);
    assert.deepEqual(
      [...new Set(restored)],
      ['MutatingWebhookConfiguration/cosignet', 'ValidatingWebhookConfiguration/cosignet'],
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    const writes = server.seen.filter(({ method }) => method === 'PATCH').length;
    await configurations.reconcile();
    assert.equal(server.seen.filter(({ method }) => method === 'PATCH').length, writes, 'nothing more is written');
  });

  test('a follower writes nothing and knows whether it is trusted', async () => {
    leads = false;
    await start();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(server.seen.filter(({ method }) => method === 'PATCH').length, 0);
    assert.equal(configurations.trusts(first), false);
    put(MUTATING, [hook('mutate.cosignet.dev', btoa(second + first))]);
    put(VALIDATING, [hook('validate.cosignet.dev', btoa(first))]);
    await eventually(() => configurations.trusts(first));
    assert.equal(configurations.trusts(second), false);
  });

  test('a write that comes late, when another replica leads and has written, changes nothing', async () => {
    await start();
    await eventually(() => configurations.trusts(first));
    const late = server.seen.find(({ method, path }) => method === 'PATCH' && path.startsWith(MUTATING));
    assert.ok(late);
    leads = false;
    put(MUTATING, [hook('mutate.cosignet.dev', btoa(second + first))]);
    const answer = await fetch(`${server.url}${late.path}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify(late.body),
    });
    assert.equal(answer.ok, false);
    assert.equal(bundleOf(MUTATING), btoa(second + first));
  });

  test('whoever stops leading between the two configurations writes no second one', async () => {
    server.fault = ({ method }) => {
      if (method === 'PATCH') leads = false;
      return undefined;
    };
    await start();
    await eventually(() => bundleOf(MUTATING) === btoa(first));
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(bundleOf(VALIDATING), undefined);
  });

  test('is not trusted while a configuration is missing or garbage', async () => {
    leads = false;
    put(MUTATING, [hook('mutate.cosignet.dev', btoa(first))]);
    put(VALIDATING, [
      hook('validate.cosignet.dev', btoa(`-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`)),
    ]);
    await start();
    assert.equal(configurations.trusts(first), false);
    server.remove(VALIDATING, 'cosignet');
    await eventually(() => configurations.reflectors[1]?.list().length === 0);
    assert.equal(configurations.trusts(first), false);
  });

  test('a bundle counts as known everywhere only after a while', async () => {
    await start();
    await eventually(() => configurations.trusts(first));
    assert.equal(configurations.carry([first], 60_000), false);
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(configurations.carry([first], 50), true);
    published = [second, first];
    queue.add('look');
    await eventually(() => configurations.trusts(second));
    assert.equal(configurations.carry([first, second], 10_000), false);
    assert.deepEqual(restored, [], 'its own changes are no restorations');
  });
});
