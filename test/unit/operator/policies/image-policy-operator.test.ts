// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { compilePolicy } from '../../../../core/policy/compile/compile.ts';
import type { ImagePolicySpec, ImagePolicyStatus } from '../../../../core/policy/documents/image-policy.gen.ts';
import { createPolicyStore, type PolicyStore } from '../../../../core/policy/store/store.ts';
import { createKubeApi } from '../../../../operator/kubernetes/api-client.ts';
import {
  ImagePolicyOperator,
  type ImagePolicyOperatorOptions,
} from '../../../../operator/policies/image-policy-operator.ts';
import { SharedKubeConfig } from '../../../../operator/kubernetes/kube-config.ts';
import { CompiledPolicies } from '../../../../operator/policies/compiled-policies.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { compileContext } from '../../../fakes/engine.ts';
import { eventually } from '../eventually.ts';

const POLICIES = '/apis/cosignet.dev/v1/imagepolicies';
const SECRETS = '/api/v1/namespaces/cosignet/secrets';

function publicKey(): string {
  const { publicKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return key.export({ type: 'spki', format: 'pem' });
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 80));

interface Replica {
  readonly operator: ImagePolicyOperator;
  readonly store: PolicyStore;
  readonly ready: string[];
  leads: boolean;
}

describe('ImagePolicyOperator', () => {
  let server: FakeApiServer;
  let replicas: Replica[];
  let now: number;

  beforeEach(async () => {
    server = await new FakeApiServer().start();
    replicas = [];
    now = Date.UTC(2026, 5, 1);
  });
  afterEach(async () => {
    server.fault = () => undefined;
    await Promise.all(replicas.map(({ operator }) => operator.shutdown()));
    await server.stop();
  });

  async function start(
    leads: boolean,
    more: Partial<Pick<ImagePolicyOperatorOptions, 'affected' | 'namespacedPolicies' | 'isPending' | 'lastSeen'>> = {},
  ): Promise<Replica> {
    const store = createPolicyStore();
    const ready: string[] = [];
    const kubeConfig = new SharedKubeConfig();
    kubeConfig.loadFromClusterAndUser({ name: 'fake', server: server.url, skipTLSVerify: true }, { name: 'me' });
    const book = new CompiledPolicies({
      compile: (policy) =>
        compilePolicy(
          policy,
          compileContext({
            secret: (name, key) => {
              const value = operator.secret(name)?.data?.[key];
              return value === undefined ? undefined : { pem: atob(value) };
            },
            trustRoots: new Set(),
          }),
        ),
      store,
      onCompiled: (names) => operator.enqueueStatus(names),
    });
    const operator: ImagePolicyOperator = new ImagePolicyOperator({
      kubeConfig,
      api: createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) }),
      namespace: 'cosignet',
      book,
      isLeader: () => replica.leads,
      onSecret: () => undefined,
      namespacedPolicies: false,
      ...more,
      onReadyChanged: (policy, { status, reason }) => ready.push(`${policy.metadata.name} ${status} ${reason}`),
      log: silentLogger,
      clock: () => now,
      timings: { backoff: { first: 10, most: 50 } },
    });
    const replica: Replica = { operator, store, ready, leads };
    replicas.push(replica);
    await operator.start();
    return replica;
  }

  function put(name: string, spec: ImagePolicySpec, generation = 1): void {
    const before = server.get(POLICIES, name);
    server.put(POLICIES, { ...before, metadata: { ...before?.metadata, name, generation }, spec: { ...spec } });
  }
  const statusOf = (name: string): ImagePolicyStatus | undefined => server.get(POLICIES, name)?.status;
  const readyOf = (name: string) => statusOf(name)?.conditions?.find(({ type }) => type === 'Ready');
  const lastSeen = (name: string) => statusOf(name)?.keys?.[0]?.lastSeen;
  const endings = (name: string) =>
    statusOf(name)
      ?.conditions?.filter(({ type }) => type.startsWith('Expir'))
      .map(({ type, status }) => `${type} ${status}`)
      .join();
  const patches = () => server.seen.filter(({ method }) => method === 'PATCH').length;

  test('is synced without the kind of policies of namespaces, and never without that of the cluster', async () => {
    let missing = 'namespacedimagepolicies';
    server.fault = ({ path }) => (path.includes(`/${missing}`) ? { status: 404 } : undefined);
    const started = start(true, { namespacedPolicies: true });
    await eventually(() => replicas[0]?.operator.isSynced === true);
    assert.ok((await started).operator.policiesHeardAt > 0);
    missing = 'imagepolicies';
    const other = start(true, { namespacedPolicies: true });
    await settle();
    assert.equal(replicas[1]?.operator.isSynced, false);
    assert.equal(replicas[1]?.operator.policiesHeardAt, 0);
    missing = 'nothing';
    await other;
  });

  test('the status waits while what the policy refers to is being read', async () => {
    put('prod', { images: ['docker.io/acme/*'], keys: [{ secretRef: { name: 'team', key: 'cosign.pub' } }] });
    let pending = true;
    const { operator, store, ready } = await start(true, { isPending: () => pending });
    await settle();
    assert.deepEqual([readyOf('prod'), ready], [undefined, []]);
    assert.equal(store.snapshot().policies.get('prod')?.problems.length, 1);
    pending = false;
    operator.enqueueStatus();
    await eventually(() => ready.join() === 'prod False SecretNotFound');
  });

  test('puts policies in force and writes what became of them', async () => {
    put('prod', { images: ['docker.io/acme/*', 'ghcr.io/acme/**'], keys: [{ name: 'release', pem: publicKey() }] });
    const { store, ready } = await start(true);
    assert.deepEqual([...store.snapshot().policies.keys()], ['prod']);
    await eventually(() => readyOf('prod')?.status === 'True');
    const status = statusOf('prod');
    assert.equal(status?.observedGeneration, 1);
    assert.equal(status?.images, 'docker.io/acme/* +1');
    assert.equal(status?.keyCount, 1);
    assert.match(status?.keys?.[0]?.fingerprint ?? '', /^sha256:[0-9a-f]{64}$/);
    assert.equal(status?.keys?.[0]?.name, 'release');
    assert.equal(readyOf('prod')?.lastTransitionTime, '2026-06-01T00:00:00Z');
    await eventually(() => ready.join() === 'prod True Compiled');
  });

  test('writes once: its own writes come back and change nothing', async () => {
    put('prod', { images: ['docker.io/acme/*'], action: 'Deny' });
    const { operator } = await start(true);
    await eventually(() => readyOf('prod'));
    await settle();
    operator.enqueueStatus();
    await settle();
    assert.equal(patches(), 1);
  });

  test('a policy that can not be used is in force, not Ready, and says why', async () => {
    put('broken', { images: ['docker.io/acme/*'], keys: [{ pem: 'garbage' }] });
    const { store } = await start(true);
    assert.equal(store.snapshot().policies.get('broken')?.problems.length, 1);
    assert.equal(store.snapshot().policies.get('broken')?.patterns.length, 1);
    await eventually(() => readyOf('broken')?.status === 'False');
    assert.equal(readyOf('broken')?.reason, 'InvalidKey');
  });

  test('a Secret that comes, changes and goes is followed within the second', async () => {
    put('prod', { images: ['docker.io/acme/*'], keys: [{ secretRef: { name: 'pub', key: 'cosign.pub' } }] });
    const { store, ready } = await start(true);
    const fingerprint = () => {
      const signer = store.snapshot().policies.get('prod')?.signers[0];
      return signer?.kind === 'key' ? signer.fingerprint : undefined;
    };
    await eventually(() => readyOf('prod')?.reason === 'SecretNotFound');
    const put2 = (pem: string) =>
      server.put(SECRETS, { metadata: { name: 'pub', namespace: 'cosignet' }, data: { 'cosign.pub': btoa(pem) } });
    put2(publicKey());
    await eventually(() => readyOf('prod')?.status === 'True');
    const first = fingerprint();
    put2(publicKey());
    await eventually(() => fingerprint() !== first);
    server.remove(SECRETS, 'pub');
    await eventually(() => readyOf('prod')?.reason === 'SecretNotFound');
    assert.equal(fingerprint(), undefined);
    await eventually(() => ready.length === 3);
    assert.deepEqual(ready, ['prod False SecretNotFound', 'prod True Compiled', 'prod False SecretNotFound']);
  });

  test('a namespace whose status the API server does not take keeps nobody else waiting', async () => {
    const key = { pem: publicKey() };
    const putIn = (namespace: string, name: string) =>
      server.put('/apis/cosignet.dev/v1/namespacedimagepolicies', {
        metadata: { name, namespace, generation: 1 },
        spec: { images: ['docker.io/acme/*'], keys: [key] },
      });
    for (let index = 0; index < 8; index += 1) putIn('crowded', `p${index}`);
    putIn('quiet', 'only');
    put('prod', { images: ['docker.io/acme/*'], keys: [key] });
    server.fault = ({ path, method }) => (method === 'PATCH' && path.includes('/crowded/') ? 'hang' : undefined);
    await start(true, { namespacedPolicies: true });
    await eventually(() => readyOf('prod')?.status === 'True');
    const writtenIn = (namespace: string) =>
      server.seen.filter(({ method, path }) => method === 'PATCH' && path.includes(`/${namespace}/`)).length;
    await eventually(() => writtenIn('quiet') === 1);
    assert.equal(writtenIn('crowded'), 1);
    // What hangs ends with its connection.
    await server.stop();
  });

  test('keeps the time of a condition that did not change, and tells the new generation', async () => {
    put('prod', { images: ['docker.io/acme/*'], action: 'Deny' });
    await start(true);
    await eventually(() => readyOf('prod'));
    now += 60_000;
    put('prod', { images: ['docker.io/acme/*', 'docker.io/more/*'], action: 'Deny' }, 2);
    await eventually(() => statusOf('prod')?.observedGeneration === 2);
    assert.equal(readyOf('prod')?.lastTransitionTime, '2026-06-01T00:00:00Z');
    assert.equal(readyOf('prod')?.observedGeneration, 2);
    put('prod', { images: ['docker.io/acme/*:tag'], action: 'Deny' }, 3);
    await eventually(() => readyOf('prod')?.status === 'False');
    assert.equal(readyOf('prod')?.lastTransitionTime, '2026-06-01T00:01:00Z');
  });

  test('a follower is as good at deciding and writes nothing; as new leader it writes what is stale', async () => {
    put('prod', { images: ['docker.io/acme/*'], action: 'Deny' });
    const replica = await start(false);
    put('late', { images: ['docker.io/late/*'], action: 'Deny' });
    await eventually(() => replica.store.snapshot().policies.size === 2);
    await settle();
    assert.equal(patches(), 0);
    replica.leads = true;
    replica.operator.enqueueStatus();
    await eventually(() => readyOf('prod') && readyOf('late'));
  });

  test('tells in the status when an exception is about to end, and that it has, with one write each', async () => {
    put('waiver', { images: ['docker.io/acme/*'], action: 'Allow', expiresAt: '2026-06-15T00:00:00Z' });
    const { operator } = await start(true);
    await eventually(() => endings('waiver') === 'Expiring True,Expired False');
    now = Date.UTC(2026, 5, 15) - 1;
    operator.enqueueStatus();
    await settle();
    assert.equal(patches(), 1);
    now += 1;
    operator.enqueueStatus();
    await eventually(() => endings('waiver') === 'Expiring False,Expired True');
    assert.equal(patches(), 2);
    put('waiver', { images: ['docker.io/acme/*'], action: 'Allow' }, 2);
    await eventually(() => endings('waiver') === '');
  });

  test('writes when keys counted, on any replica, within the hour once', async () => {
    const keys = [{ name: 'release', pem: publicKey() }];
    put('prod', { images: ['docker.io/acme/*'], keys });
    let seen: number | undefined;
    const both = [await start(true, { lastSeen: () => undefined }), await start(false, { lastSeen: () => seen })];
    await eventually(() => readyOf('prod'));
    assert.equal(lastSeen('prod'), undefined);
    const see = (at: number) => {
      seen = at;
      for (const { operator } of both) operator.enqueueSeen('prod');
    };
    await eventually(() => (see(now), lastSeen('prod') === '2026-06-01T00:00:00Z'));
    await settle();
    const before = patches();
    see(now + 3_599_999);
    await settle();
    assert.equal(patches(), before);
    await eventually(() => (see(now + 3_600_000), lastSeen('prod') === '2026-06-01T01:00:00Z'));
    // The leader's next write keeps it.
    put('prod', { images: ['docker.io/acme/*', 'docker.io/b/*'], keys }, 2);
    await eventually(() => statusOf('prod')?.observedGeneration === 2);
    assert.equal(lastSeen('prod'), '2026-06-01T01:00:00Z');
    assert.equal(readyOf('prod')?.status, 'True');
  });

  test('retries status writes through conflicts and errors until they are right', async () => {
    put('prod', { images: ['docker.io/acme/*'], action: 'Deny' });
    let left = 3;
    server.fault = ({ method }) => (method === 'PATCH' && left-- > 0 ? { status: left === 1 ? 409 : 500 } : undefined);
    const { store } = await start(true);
    assert.equal(store.snapshot().policies.size, 1, 'in force whatever becomes of the status');
    await eventually(() => readyOf('prod')?.status === 'True');
  });

  test("keeps other controllers' conditions and fields", async () => {
    const foreign = {
      type: 'Reviewed',
      status: 'True',
      reason: 'ByHand',
      message: '',
      lastTransitionTime: 'x',
    } as const;
    server.put(POLICIES, {
      metadata: { name: 'prod', generation: 1 },
      spec: { images: ['docker.io/acme/*'], action: 'Deny' },
      status: { affected: { wouldDeny: 3, sample: [] }, conditions: [foreign] },
    });
    await start(true, { affected: () => undefined });
    await eventually(() => readyOf('prod'));
    assert.deepEqual(statusOf('prod')?.affected, { wouldDeny: 3, sample: [] });
    assert.ok(statusOf('prod')?.conditions?.some(({ type }) => type === 'Reviewed'));
  });

  test('writes what a scan found, once, and whoever finds the same later leaves the time as it is', async () => {
    put('prod', { images: ['docker.io/acme/*'], action: 'Deny' });
    const affected = { wouldDeny: 2, undecided: 0, sample: ['a/b: c: NoSignature'], observedGeneration: 1 };
    const first = await start(true, { affected: () => ({ ...affected, observedAt: '2026-06-01T00:00:00Z' }) });
    await eventually(() => statusOf('prod')?.affected?.wouldDeny === 2);
    first.leads = false;
    await start(true, { affected: () => ({ ...affected, observedAt: '2026-06-01T01:00:00Z' }) });
    await settle();
    assert.equal(patches(), 1);
    assert.equal(statusOf('prod')?.affected?.observedAt, '2026-06-01T00:00:00Z');
  });

  test('where scans are switched off their old numbers are removed', async () => {
    server.put(POLICIES, {
      metadata: { name: 'prod', generation: 1 },
      spec: { images: ['docker.io/acme/*'], action: 'Deny' },
      status: { affected: { wouldDeny: 3, sample: [] } },
    });
    await start(true);
    await eventually(() => readyOf('prod'));
    assert.equal(statusOf('prod')?.affected, undefined);
  });

  test('a deleted policy is out of force at once, also when it went while nobody looked', async () => {
    put('a', { images: ['docker.io/a/*'], action: 'Deny' });
    put('b', { images: ['docker.io/b/*'], action: 'Deny' });
    const { store } = await start(true);
    await eventually(() => server.watchers === 2);
    server.remove(POLICIES, 'a');
    await eventually(() => !store.snapshot().policies.has('a'));
    server.fault = () => 'reset';
    server.resetWatches();
    server.remove(POLICIES, 'b');
    server.fault = () => undefined;
    await eventually(() => store.snapshot().policies.size === 0);
  });

  test('what the API server should never have let in is taken for what it claims, without a crash', async () => {
    const odd: unknown[] = [
      null,
      {},
      { images: 'docker.io/a/*' },
      { images: [1] },
      { images: ['docker.io/b/*'], keys: 7 },
    ];
    for (const [index, spec] of odd.entries()) {
      server.put(POLICIES, { metadata: { name: `odd-${index}` }, ...JSON.parse(JSON.stringify({ spec })) });
    }
    put('good', { images: ['docker.io/good/*'], action: 'Allow' });
    const { store } = await start(true);
    await eventually(() => readyOf('good')?.status === 'True');
    const policies = store.snapshot().policies;
    assert.equal(policies.get('good')?.problems.length, 0);
    for (const name of ['odd-2', 'odd-4']) {
      assert.equal(policies.get(name)?.patterns.length, 1, `${name} claims its images`);
      assert.notEqual(policies.get(name)?.problems.length, 0, `${name} is not Ready`);
    }
  });

  test('a list of a thousand policies is in force in one step', async () => {
    for (let index = 0; index < 1000; index += 1)
      put(`p-${index}`, { images: [`docker.io/p${index}/*`], action: 'Deny' });
    const { store } = await start(false);
    assert.equal(store.snapshot().policies.size, 1000);
    assert.equal(store.version(), 1);
  });
});
