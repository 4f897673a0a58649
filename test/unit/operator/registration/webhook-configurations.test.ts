// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, before, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { createKubeApi } from '../../../../operator/kubernetes/api-client.ts';
import { WebhookConfigurations } from '../../../../operator/registration/webhook-configurations.ts';
import { createWorkQueue, type WorkQueue } from '../../../../operator/kubernetes/work-queue.ts';
import { issueCertificateAuthority } from '../../../../operator/certificates/issue.ts';
import { FakeApiServer, type FakeHook } from '../../../fakes/api-server.ts';
import { eventually } from '../eventually.ts';

const MUTATING = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const VALIDATING = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const service = { name: 'cosignet', namespace: 'cosignet', path: '/mutate' };

const rules = [{ resources: ['pods'] }];

const [T1 = '', T2 = ''] = ['1', '2'].map((digit) => digit.repeat(64));

function hook(name: string, caBundle?: string, end = ''): FakeHook {
  const path = `/mutate${end}`;
  return { name, rules, clientConfig: { service: { ...service, path }, ...(caBundle && { caBundle }) } };
}

describe('WebhookConfigurations', () => {
  let server: FakeApiServer;
  let configurations: WebhookConfigurations;
  let queue: WorkQueue;
  let leads: boolean;
  let answers: boolean;
  let alone: boolean;
  let token: string | undefined;
  let notReached: string | undefined;
  let asked: string[];
  /** Milliseconds that passed unseen. */
  let later: number;
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
    answers = true;
    alone = true;
    token = T1;
    notReached = undefined;
    asked = [];
    later = 0;
    published = [first];
    restored = [];
    configurations = new WebhookConfigurations({
      api: createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) }),
      namespace: 'cosignet',
      name: 'cosignet',
      wanted: { mutating: [{ ...hook('mutate.cosignet.dev') }], validating: [{ ...hook('validate.cosignet.dev') }] },
      pathOf: (path, isPlain) => (isPlain && !alone ? path : token && `${path}/${token}`),
      canAnswer: () => answers,
      whyNotReached: async (endpoint) => {
        asked.push(endpoint);
        return notReached;
      },
      authorities: () => published,
      isLeader: () => leads,
      onChange: () => queue.add('look'),
      onRestored: ({ kind, name }) => restored.push(`${kind}/${name}`),
      log: silentLogger,
      monotonic: () => performance.now() + later,
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
    assert.deepEqual(hooksOf(MUTATING), [hook('mutate.cosignet.dev', btoa(first), `/${T1}`)]);
    assert.deepEqual(hooksOf(MUTATING, 'another'), [hook('theirs')]);
    await eventually(() => configurations.trusts(first));
    assert.equal(configurations.trusts(second), false);
  });

  test('takes out what is ours and not wanted any more, such as the audit of namespaces', async () => {
    await start();
    await eventually(() => configurations.trusts(first));
    put(VALIDATING, [hook('validate.cosignet.dev', btoa(first), `/${T1}`), hook('audit.cosignet.dev', btoa(first))]);
    await eventually(() => hooksOf(VALIDATING).length === 1);
    assert.deepEqual(hooksOf(VALIDATING), [hook('validate.cosignet.dev', btoa(first), `/${T1}`)]);
    put(VALIDATING, [hook('validate.cosignet.dev', btoa(first), `/${T1}`), hook('theirs.example.com', btoa(first))]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(hooksOf(VALIDATING).length, 2);
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
      headers: { 'content-type': 'application/apply-patch+yaml' },
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
    leads = false;
    await start();
    // Both are known, so that one reconciliation is about both.
    leads = true;
    queue.add('look');
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

  const bare = (path: string) => server.put(path, { metadata: { name: 'cosignet' } });
  const resources = (path: string) => JSON.stringify(hooksOf(path).map((one) => one.rules));
  const PODS = JSON.stringify([rules]);

  test('registers nothing but the question before API servers reach it, then both', async () => {
    notReached = 'no way through';
    bare(MUTATING);
    bare(VALIDATING);
    await start();
    await eventually(() => asked.length > 1);
    for (const path of [MUTATING, VALIDATING]) {
      assert.match(resources(path), /"leases"/);
      assert.doesNotMatch(resources(path), /pods/);
      assert.equal(hooksOf(path)[0]?.['failurePolicy'], 'Ignore');
    }
    assert.match(configurations.unarmed().join(), /not in force: no way through/);
    notReached = undefined;
    await eventually(() => configurations.unarmed().length === 0);
    assert.deepEqual([resources(MUTATING), resources(VALIDATING)], [PODS, PODS]);
    assert.ok(asked.includes('mutate') && asked.includes('validate'));
  });

  test('registers nothing but the question while this replica has nothing to decide by', async () => {
    answers = false;
    bare(MUTATING);
    bare(VALIDATING);
    await start();
    await eventually(() => configurations.trusts(first));
    assert.deepEqual(asked, []);
    assert.doesNotMatch(resources(MUTATING) + resources(VALIDATING), /pods/);
    answers = true;
    queue.add('look');
    await eventually(() => configurations.unarmed().length === 0);
  });

  test('what is in force stays in force, whether it can be reached or not', async () => {
    notReached = 'no way through';
    answers = false;
    await start();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual([resources(MUTATING), resources(VALIDATING)], [PODS, PODS]);
    answers = true;
    queue.add('look');
    await eventually(() => configurations.trusts(first));
    assert.deepEqual([resources(MUTATING), resources(VALIDATING)], [PODS, PODS]);
    assert.deepEqual(asked, []);
  });

  test('is not in force as this release has it until its own webhooks are, whoever wrote those that are', async () => {
    leads = false;
    put(MUTATING, [{ ...hook('mutate.cosignet.dev', btoa(first)), rules: [{ resources: ['deployments'] }] }]);
    await start();
    assert.deepEqual(configurations.unarmed(), []);
    assert.deepEqual(configurations.notInForce(), [
      'MutatingWebhookConfiguration cosignet is still as another release or somebody else wrote it',
    ]);
    leads = true;
    queue.add('look');
    await eventually(() => configurations.notInForce().length === 0);
    // What an enforcer of the cluster adds again and again keeps nobody from upgrading.
    leads = false;
    put(MUTATING, [{ ...hook('mutate.cosignet.dev', btoa(first)), rules: [{ resources: ['leases'] }, ...rules] }]);
    await eventually(() => resources(MUTATING).includes('leases'));
    await eventually(() => configurations.unarmed().length === 0);
    assert.deepEqual(configurations.notInForce(), []);
    // A path or an authority that changes later is the leader's affair.
    published = [second];
    assert.deepEqual(configurations.notInForce(), []);
  });

  test('asks only where it is not in force', async () => {
    bare(VALIDATING);
    await start();
    await eventually(() => configurations.unarmed().length === 0);
    assert.deepEqual([...new Set(asked)], ['validate']);
  });

  test('takes the field over from whoever applied it before, and from nobody who wrote a part', async () => {
    const fieldsV1 = { 'f:metadata': {}, 'f:webhooks': { 'k:{"name":"mutate.cosignet.dev"}': { 'f:rules': {} } } };
    const part = { 'f:webhooks': { 'k:{"name":"mutate.cosignet.dev"}': { 'f:clientConfig': {} } } };
    const managedFields = [
      { manager: 'injector', operation: 'Apply', fieldsV1: part },
      { manager: 'helm', operation: 'Apply', fieldsV1 },
    ];
    server.put(MUTATING, { metadata: { name: 'cosignet', managedFields }, webhooks: [hook('mutate.cosignet.dev')] });
    await start();
    await eventually(() => bundleOf(MUTATING) === btoa(first));
    await eventually(() => !JSON.stringify(server.get(MUTATING, 'cosignet')?.metadata).includes('f:rules'));
    assert.deepEqual(server.get(MUTATING, 'cosignet')?.metadata.managedFields, [
      managedFields[0],
      { manager: 'helm', operation: 'Apply', fieldsV1: { 'f:metadata': {} } },
    ]);
  });

  test('makes no configuration that is not there', async () => {
    server.remove(VALIDATING, 'cosignet');
    await start();
    await eventually(() => bundleOf(MUTATING) === btoa(first));
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(server.get(VALIDATING, 'cosignet'), undefined);
    assert.match(configurations.unarmed().join(), /ValidatingWebhookConfiguration cosignet is not there/);
  });

  const pathsOf = () => [MUTATING, VALIDATING].map((path) => hooksOf(path)[0]?.clientConfig.service?.['path']);

  test('writes nothing before it knows by what API servers prove themselves, and follows it', async () => {
    token = undefined;
    bare(MUTATING);
    bare(VALIDATING);
    await start();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual([hooksOf(MUTATING), hooksOf(VALIDATING)], [[], []]);
    for (const next of [T1, T2]) {
      token = next;
      queue.add('look');
      await eventually(() => configurations.calls(next, 0));
      assert.deepEqual(pathsOf(), [`/mutate/${next}`, `/mutate/${next}`]);
    }
    assert.equal(configurations.calls(T1, 0), false);
    assert.equal(configurations.calls(T2, 60_000), false);
    assert.equal(configurations.callsPlainly, false);
  });

  test('leaves a plain path of a former release, and lets it be called, while its replicas may be asked', async () => {
    alone = false;
    await start();
    await eventually(() => configurations.trusts(first));
    assert.deepEqual(pathsOf(), ['/mutate', '/mutate']);
    assert.equal(configurations.callsPlainly, true);
    alone = true;
    queue.add('look');
    await eventually(() => configurations.calls(T1, 0));
    // Other API servers may not know yet.
    assert.equal(configurations.callsPlainly, true);
    later = 61_000;
    assert.equal(configurations.callsPlainly, false);
  });
});
