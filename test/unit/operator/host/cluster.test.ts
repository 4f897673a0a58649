// SPDX-License-Identifier: Apache-2.0
// What is started in a cluster hears of what concerns it. Nothing here is done by the clock.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseConfiguration } from '../../../../core/config/configuration.ts';
import { anonymousKeychain } from '../../../../core/registry/credentials/keychains.ts';
import type { Decide } from '../../../../core/verdict/types.ts';
import type { Host } from '../../../../operator/host/host.ts';
import type { Metrics } from '../../../../operator/telemetry/metrics.ts';
import { parseExposition } from '../../../checks/exposition.ts';
import type { FakeApiServer } from '../../../fakes/api-server.ts';
import { verdict } from '../../cli/scan/reports.ts';
import { eventually } from '../eventually.ts';
import {
  LEASES,
  NAMESPACES,
  notesOf,
  pathSecret,
  PODS,
  POLICIES,
  SECRETS,
  startedCluster,
  tokenOf,
  type StartedCluster,
} from './started-cluster.ts';

const DEPLOYMENTS = '/apis/apps/v1/namespaces/cosignet/deployments';

describe('what is started in a cluster', () => {
  let here: StartedCluster;
  let server: FakeApiServer;
  let host: Host;
  let metrics: Metrics;

  beforeEach(async () => {
    here = await startedCluster();
    ({ server, host, metrics } = here);
    await eventually(() => host.readings.isLeader() === true && host.policies.snapshot().policies.size === 1);
  });
  afterEach(() => here.stop());

  const secret = (name: string) => server.get(SECRETS, name)?.data ?? {};
  const textOf = (name: string, key: string) => Buffer.from(secret(name)[key] ?? '', 'base64').toString();

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
    assert.equal(host.callerBy(tokenOf('a')), 'refused');
    server.put(SECRETS, pathSecret('a', 'b'));
    await eventually(() => host.callerBy(tokenOf('a')) === 'known');
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
    const before = here.compiled();
    host.reconfigured();
    assert.equal(here.compiled(), before + 1);
  });

  test('knows what policies would lose by another definition of their kind', () => {
    const spec = { names: { kind: 'ImagePolicy' }, versions: [{ name: 'v1', schema: { openAPIV3Schema: {} } }] };
    assert.deepEqual(host.lostBy({ spec }), ['ImagePolicy prod: spec']);
  });

  test('writes a denial into an Event of the policy that refused', async () => {
    const verdicts = [verdict({ outcome: 'denied', code: 'NoSignature', policies: ['prod'], refusedBy: ['prod'] })];
    host.denied({ namespace: 'shop', kind: 'Pod', name: 'app', message: 'no', verdicts });
    await eventually(() =>
      notesOf(server).some((note) => note.includes('"uid-of-prod"') && note.includes('NoSignature')),
    );
    // The same within a minute is not written again, and counted.
    host.denied({ namespace: 'shop', kind: 'Pod', name: 'app', message: 'no', verdicts });
    assert.match((await metrics.render()).text, /^cosignet_events_dropped_total [1-9]/m);
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

  test('leaves no watch open when it stops', async () => {
    await eventually(() => host.notReady().length === 0);
    assert.ok(server.watchers > 0);
    await host.stop();
    await eventually(() => server.watchers === 0);
  });

  test('looks at what runs, again for what is new, and tells of Pods that are too large', async () => {
    const asked: string[] = [];
    const pulls = new Set<string | undefined>();
    const swept: string[] = [];
    const decide: Decide = async ({ image, namespace, keychain }) => {
      pulls.add(keychain.id);
      asked.push(`${namespace.name} ${namespace.labels?.['team']} ${image}`);
      return verdict({ image, policies: [...host.policies.snapshot().policies.keys()] });
    };
    const containers = Array.from({ length: 65 }, (_, index) => ({
      name: `c-${index}`,
      image: `docker.io/acme/a:${index}`,
    }));
    const spec = { serviceAccountName: 'builder', imagePullSecrets: [{ name: 'pull' }], containers };
    server.put(PODS, { metadata: { name: 'app', namespace: 'shop' }, spec });
    const scan = host.scan(decide, () => swept.push('swept'));
    try {
      await eventually(() => asked.length === 64);
      assert.match(asked[0] ?? '', /^shop a docker.io\/acme\/a:/);
      await eventually(async () => /objects\{collection="pods"\} 1/.test((await metrics.render()).text));
      assert.deepEqual([...pulls], ['["shop","builder",["pull"]]']);
      assert.ok(swept.length > 0);
      const count = asked.length;
      const policy = server.get(POLICIES, 'prod');
      server.put(POLICIES, { ...policy, metadata: { name: 'more', generation: 1 } });
      const elsewhere = { ...policy?.spec, namespaceSelector: { matchLabels: { team: 'b' } } };
      server.put(POLICIES, { metadata: { name: 'elsewhere', generation: 1 }, spec: elsewhere });
      await eventually(() => asked.length > count);
      server.put(NAMESPACES, { metadata: { name: 'shop', labels: { team: 'b' } } });
      await eventually(() => asked.some((text) => text.startsWith('shop b ')));
    } finally {
      await scan?.stop();
    }
  });
});

test('nothing asks for what runs where nobody wants it looked at', async () => {
  const configuration = {
    configuration: () => parseConfiguration('backgroundScan: { enabled: false }'),
    credentials: anonymousKeychain,
  };
  const here = await startedCluster({ configuration });
  try {
    await eventually(() => here.host.policies.snapshot().policies.size === 1);
    assert.equal(
      here.host.scan(async () => verdict()),
      undefined,
    );
    assert.equal(here.host.overview?.().policies.length, 1);
    assert.ok(!here.server.seen.some(({ path }) => path === PODS));
  } finally {
    await here.stop();
  }
});
