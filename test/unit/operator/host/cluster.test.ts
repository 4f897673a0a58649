// SPDX-License-Identifier: Apache-2.0
// What is started in a cluster hears of what concerns it. Nothing here is done by the clock.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { parseConfiguration } from '../../../../core/config/configuration.ts';
import { silentLogger } from '../../../../core/observe.ts';
import { createPolicyStore } from '../../../../core/policy/store/store.ts';
import { compilePolicy } from '../../../../core/policy/compile/compile.ts';
import { anonymousKeychain } from '../../../../core/registry/credentials/keychains.ts';
import { issueCertificateAuthority, issueServingCertificate } from '../../../../operator/certificates/issue.ts';
import { startCluster } from '../../../../operator/host/cluster.ts';
import type { Decide } from '../../../../core/verdict/types.ts';
import type { Host } from '../../../../operator/host/host.ts';
import { createMetrics, type Metrics } from '../../../../operator/telemetry/metrics.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { kubeconfigFor } from '../../../fakes/kubeconfig.ts';
import { compileContext, publicKeyPem } from '../../../fakes/engine.ts';
import { parseExposition } from '../../../checks/exposition.ts';
import { verdict } from '../../cli/scan/reports.ts';
import { eventually } from '../eventually.ts';

const POLICIES = '/apis/cosignet.dev/v1/imagepolicies';
const SECRETS = '/api/v1/namespaces/cosignet/secrets';
const NAMESPACES = '/api/v1/namespaces';
const PODS = '/api/v1/pods';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/cosignet/leases';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/cosignet/deployments';
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1';

const hook = (endpoint: string) => ({
  name: `${endpoint}.cosignet.dev`,
  rules: [{ resources: ['pods'] }],
  clientConfig: { service: { name: 'cosignet', namespace: 'cosignet', path: `/${endpoint}` } },
});

describe('what is started in a cluster', () => {
  let server: FakeApiServer;
  let host: Host;
  let metrics: Metrics;
  let folder: string;
  let compiled: number;

  beforeEach(async () => {
    server = await new FakeApiServer().start();
    folder = await mkdtemp(path.join(tmpdir(), 'cluster-'));
    const kubeconfig = path.join(folder, 'kubeconfig');
    await writeFile(kubeconfig, kubeconfigFor(server));
    const before = process.env['KUBECONFIG'];
    process.env['KUBECONFIG'] = kubeconfig;
    for (const name of ['cosignet-tls', 'cosignet-path'])
      server.put(SECRETS, { metadata: { name, namespace: 'cosignet' } });
    for (const kind of ['mutating', 'validating'])
      server.put(`${CONFIGURATIONS}/${kind}webhookconfigurations`, { metadata: { name: 'cosignet' }, webhooks: [] });
    server.put(LEASES, { metadata: { name: 'cosignet', namespace: 'cosignet' } });
    server.put(NAMESPACES, { metadata: { name: 'shop', labels: { team: 'a' } } });
    server.put(POLICIES, {
      metadata: { name: 'prod', generation: 1, uid: 'uid-of-prod' },
      spec: { images: ['docker.io/acme/*'], keys: [{ pem: publicKeyPem('release') }] },
    });
    mock.timers.enable({ apis: ['setInterval'] });
    metrics = createMetrics();
    compiled = 0;
    host = await startCluster({
      namespace: 'cosignet',
      name: 'cosignet',
      identity: 'pod',
      dnsNames: ['cosignet.cosignet.svc'],
      issuer: { issueAuthority: issueCertificateAuthority, issueServing: issueServingCertificate },
      certificateLife: 86_400_000,
      ownCertificate: undefined,
      wantedRegistration: { mutating: [hook('mutate')], validating: [hook('validate')], pathToken: true },
      compile: (policy, means) => {
        compiled += 1;
        return compilePolicy(policy, compileContext({ trustRoots: new Set(), ...means }));
      },
      evaluator: { compile: async () => [], check: async () => ({ steps: 0 }), stop: async () => undefined },
      followKms: () => ({
        lookup: () => ({ unavailable: 'x' }),
        isPending: () => false,
        isSettled: () => true,
        reconfigured: () => undefined,
        stop: async () => undefined,
      }),
      store: createPolicyStore(),
      configuration: { configuration: () => parseConfiguration(''), credentials: anonymousKeychain },
      metrics,
      log: silentLogger,
      clock: Date.now,
    });
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
    await eventually(() => host.readings.isLeader() === true && host.policies.snapshot().policies.size === 1);
  });
  afterEach(async () => {
    await host.stop();
    mock.timers.reset();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const secret = (name: string) => server.get(SECRETS, name)?.data ?? {};
  const textOf = (name: string, key: string) => Buffer.from(secret(name)[key] ?? '', 'base64').toString();

  const notes = () =>
    server.seen.filter(({ path: at }) => at.includes('/events.k8s.io/')).map(({ body }) => JSON.stringify(body));
  const keys = () => server.get(POLICIES, 'prod')?.status?.keys;

  test('reads the policies, tells of itself, and says whether it may be relied on', async () => {
    assert.equal(host.readings.policies(), 1);
    assert.equal(host.readings.policiesNotReady(), 0);
    assert.ok((host.readings.storeAge() ?? -1) >= 0);
    assert.equal(host.policies.outdated(), undefined);
    await eventually(() => server.get(POLICIES, 'prod')?.status?.conditions?.some(({ status }) => status === 'True'));
    await eventually(() => host.notReady().length === 0);
    assert.equal(host.readings.armed(), false);
    assert.ok((host.readings.certificateExpiry() ?? 0) > 3600);
    const told: string[] = [];
    host.onCertificate(({ cert }) => told.push(cert));
    assert.equal(told[0], textOf('cosignet-tls', 'tls.crt'));
    const text = (await metrics.render()).text;
    const samples = parseExposition(text).find(({ name }) => name === 'cosignet_partly_read_objects')?.samples;
    const collections = (samples ?? []).map(({ labels, value }) => [labels['collection'], value]);
    assert.deepEqual(Object.fromEntries(collections), {
      imagepolicies: 0,
      namespacedimagepolicies: 0,
      namespaces: 0,
      secrets: 0,
    });
    const queues = [...text.matchAll(/workqueue_adds_total\{name="([^"]+)"/g)].map(([, name]) => name);
    assert.deepEqual(new Set(queues), new Set(['certificates', 'policy-status', 'registration']));
  });

  test('hears at once of its own Secrets', async () => {
    await eventually(() => host.notReady().length === 0);
    const [active, next] = ['a', 'b'].map((digit) => digit.repeat(64));
    assert.equal(host.callerBy(active), 'refused');
    const data = { active: btoa(active ?? ''), next: btoa(next ?? ''), rotatedAt: btoa(String(Date.now())) };
    server.put(SECRETS, { metadata: { name: 'cosignet-path', namespace: 'cosignet' }, data });
    await eventually(() => host.callerBy(active) === 'known');
    const before = textOf('cosignet-tls', 'tls.crt');
    server.remove(SECRETS, 'cosignet-tls');
    await eventually(() => textOf('cosignet-tls', 'tls.crt') !== '');
    assert.ok(before !== '');
  });

  test('knows Secrets and namespaces, and compiles anew by another configuration', async () => {
    server.put(SECRETS, { metadata: { name: 'chat', namespace: 'cosignet' }, data: { url: btoa('https://a.b') } });
    await eventually(() => host.secretText('chat', 'url') === 'https://a.b');
    assert.deepEqual(host.knownNamespace('shop')?.labels, { team: 'a' });
    assert.deepEqual((await host.namespaceContext('shop')).labels, { team: 'a' });
    const before = compiled;
    host.reconfigured();
    assert.equal(compiled, before + 1);
  });

  test('writes a denial into an Event of the policy that refused', async () => {
    const verdicts = [verdict({ outcome: 'denied', code: 'NoSignature', policies: ['prod'], refusedBy: ['prod'] })];
    host.denied({ namespace: 'shop', kind: 'Pod', name: 'app', message: 'no', verdicts });
    await eventually(() => notes().some((note) => note.includes('"uid-of-prod"') && note.includes('NoSignature')));
  });

  test('notes in the status which key counted', async () => {
    await eventually(() => keys()?.length === 1);
    host.counted('prod', [keys()?.[0]?.name ?? '']);
    await eventually(() => keys()?.[0]?.lastSeen !== undefined);
  });

  test('lets another lead, and then makes no lost Secret anew', async () => {
    await eventually(() => host.notReady().length === 0);
    const status = { observedGeneration: 1, replicas: 1, readyReplicas: 1, updatedReplicas: 1 };
    server.put(DEPLOYMENTS, {
      metadata: { name: 'cosignet', generation: 1 },
      status,
    });
    await host.handOver();
    assert.equal(host.readings.isLeader(), false);
    assert.equal(Reflect.get(server.get(LEASES, 'cosignet')?.spec ?? {}, 'holderIdentity'), '');
    server.remove(SECRETS, 'cosignet-path');
    server.put(SECRETS, { metadata: { name: 'after', namespace: 'cosignet' }, data: { it: btoa('was seen') } });
    await eventually(() => host.secretText('after', 'it') !== undefined);
    await host.stop();
    assert.equal(server.get(SECRETS, 'cosignet-path'), undefined);
  });

  test('looks at what runs, again for what is new, and tells of Pods that are too large', async () => {
    const asked: string[] = [];
    const decide: Decide = async ({ image, namespace }) => {
      asked.push(`${namespace.name} ${namespace.labels?.['team']} ${image}`);
      return verdict({ image, policies: [...host.policies.snapshot().policies.keys()] });
    };
    const containers = Array.from({ length: 65 }, (_, index) => ({
      name: `c-${index}`,
      image: `docker.io/acme/a:${index}`,
    }));
    server.put(PODS, { metadata: { name: 'app', namespace: 'shop' }, spec: { containers } });
    const scan = host.scan(decide);
    try {
      await eventually(() => asked.length === 64);
      assert.match(asked[0] ?? '', /^shop a docker.io\/acme\/a:/);
      await eventually(async () => /objects\{collection="pods"\} 1/.test((await metrics.render()).text));
      const count = asked.length;
      const policy = server.get(POLICIES, 'prod');
      server.put(POLICIES, { ...policy, metadata: { name: 'more', generation: 1 } });
      await eventually(() => asked.length > count);
    } finally {
      await scan?.stop();
    }
  });
});
