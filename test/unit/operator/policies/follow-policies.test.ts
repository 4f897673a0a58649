// SPDX-License-Identifier: Apache-2.0
// Policies, their Secrets and what they demand, put together: what changes in one has the others follow.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseKmsReference, type KmsReference } from '../../../../core/kms/reference.ts';
import type { KmsEntry } from '../../../../core/kms/types.ts';
import { silentLogger } from '../../../../core/observe.ts';
import { compilePolicy } from '../../../../core/policy/compile/compile.ts';
import type { PreparedFault } from '../../../../core/policy/evaluator/prepared.ts';
import { createPolicyStore } from '../../../../core/policy/store/store.ts';
import { createKubeApi } from '../../../../operator/kubernetes/api-client.ts';
import type { EventNote } from '../../../../operator/kubernetes/events.ts';
import { SharedKubeConfig } from '../../../../operator/kubernetes/kube-config.ts';
import {
  followClusterPolicies,
  policyReference,
  type ClusterPolicies,
} from '../../../../operator/policies/follow-policies.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { compileContext, publicKeyPem } from '../../../fakes/engine.ts';
import { eventually } from '../eventually.ts';

const POLICIES = '/apis/cosignet.dev/v1/imagepolicies';
const NAMESPACED = '/apis/cosignet.dev/v1/namespacedimagepolicies';
const SECRETS = '/api/v1/namespaces/cosignet/secrets';
const TEAM_SECRETS = '/api/v1/namespaces/team/secrets';

const fromSecret = { images: ['docker.io/acme/*'], keys: [{ name: 'k', secretRef: { name: 'key', key: 'pub' } }] };
const secret = (key: string, namespace = 'cosignet') => ({
  metadata: { name: 'key', namespace },
  data: { pub: btoa(publicKeyPem(key)) },
});

function problemsOf(store: ReturnType<typeof createPolicyStore>, name: string): readonly string[] | undefined {
  const policy = store.snapshot().policies.get(name);
  return policy?.problems.map(({ reason }) => reason);
}

describe('the policies of a cluster', () => {
  let server: FakeApiServer;
  let followed: ClusterPolicies;
  let store: ReturnType<typeof createPolicyStore>;
  let events: EventNote[];
  /** Ends the compiling of what policies demand. */
  let compile: (faults: readonly PreparedFault[]) => void;
  /** Lets what was asked of the team's Secret go to the API server. */
  let readTeam: () => void;
  let leads: boolean;
  let now: number;
  /** What is known of keys of a KMS. */
  let kms: Map<string, KmsEntry>;
  let kmsChanged: (reference: KmsReference) => void;
  let namedKms: () => readonly string[];

  beforeEach(async () => {
    server = await new FakeApiServer().start();
    store = createPolicyStore();
    events = [];
    leads = true;
    kms = new Map();
    now = Date.UTC(2026, 5, 1);
    const kubeConfig = new SharedKubeConfig();
    kubeConfig.loadFromClusterAndUser({ name: 'fake', server: server.url, skipTLSVerify: true }, { name: 'me' });
    const api = createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) });
    const reading = Promise.withResolvers<void>();
    readTeam = reading.resolve;
    const compiling = Promise.withResolvers<readonly PreparedFault[]>();
    compile = compiling.resolve;
    followed = followClusterPolicies({
      kubeConfig,
      api: {
        ...api,
        call: async (request) => {
          if (request.path === `${TEAM_SECRETS}/key`) await reading.promise;
          return api.call(request);
        },
      },
      events: { record: (note) => void events.push(note), stop: async () => undefined },
      namespace: 'cosignet',
      namespacedPolicies: true,
      compile: (policy, means) => compilePolicy(policy, compileContext({ trustRoots: new Set(), ...means })),
      evaluator: {
        compile: () => compiling.promise,
        check: async () => ({ steps: 0 }),
        stop: async () => undefined,
      },
      followKms: (policies) => {
        kmsChanged = policies.onChange;
        namedKms = () => [...policies.named()].map(({ text }) => text);
        return {
          lookup: ({ text }) => kms.get(text) ?? { unavailable: 'it was not read yet' },
          isPending: ({ text }) => !kms.has(text),
          isSettled: () => namedKms().every((text) => kms.has(text)),
          reconfigured: () => undefined,
          stop: async () => undefined,
        };
      },
      store,
      isLeader: () => leads,
      queueMetrics: { queueDepth: () => undefined, queueAdded: () => undefined, queueRetried: () => undefined },
      timings: { backoff: { first: 10, most: 50 } },
      log: silentLogger,
      clock: () => now,
    });
  });
  afterEach(async () => {
    readTeam();
    await followed.stop();
    await server.stop();
  });

  const reasons = (name: string) => problemsOf(store, name);

  test('are not Ready until the KMS that holds their keys was read, and follow it', async () => {
    const release = parseKmsReference('hashivault://release');
    const keys = [{ name: 'k', kms: release.text }];
    server.put(POLICIES, { metadata: { name: 'acme' }, spec: { images: ['docker.io/acme/*'], keys } });
    server.put(NAMESPACED, {
      metadata: { name: 'own', namespace: 'team' },
      spec: { images: ['**'], keys: [{ kms: 'hashivault://of-a-tenant' }] },
    });
    await followed.start();
    await eventually(() => reasons('acme')?.[0] === 'KeyUnavailable');
    assert.deepEqual(reasons('team/own'), ['InvalidSpec']);
    assert.deepEqual(namedKms(), [release.text], 'nothing is read for a namespace');
    assert.deepEqual(followed.notReady(), ['keys of a KMS were not read yet']);
    kms.set(release.text, { pems: [publicKeyPem('release'), publicKeyPem('other')] });
    kmsChanged(release);
    await eventually(() => reasons('acme')?.length === 0);
    assert.deepEqual(followed.notReady(), []);
    kms.set(release.text, { unavailable: 'it was last read too long ago' });
    kmsChanged(release);
    await eventually(() => reasons('acme')?.[0] === 'KeyUnavailable');
  });

  const problems = (name: string) =>
    store
      .snapshot()
      .policies.get(name)
      ?.problems.map(({ reason }) => reason)
      .join();
  const statusOf = (collection: string, name: string) => server.get(collection, name)?.status;
  const condition = (name: string, wanted: 'Expired' | 'Shadowed') =>
    statusOf(POLICIES, name)?.conditions?.find(({ type }) => type === wanted)?.status;
  const put = (name: string, spec: Record<string, unknown>) =>
    server.put(POLICIES, { metadata: { name, generation: 1 }, spec });
  const putInTeam = (name: string, spec: Record<string, unknown>) =>
    server.put(NAMESPACED, { metadata: { name, generation: 1, namespace: 'team' }, spec });

  test('are compiled anew when a Secret of the release changes, and listeners hear of both', async () => {
    put('prod', fromSecret);
    const [compiled, secrets]: [string[], string[]] = [[], []];
    followed.onCompiled((names) => compiled.push(...names));
    followed.onSecret((name) => secrets.push(name));
    await followed.start();
    assert.equal(problems('prod'), 'SecretNotFound');
    const before = compiled.length;
    server.put(SECRETS, secret('release'));
    await eventually(() => problems('prod') === '');
    assert.deepEqual(compiled.slice(before), ['prod']);
    assert.ok(secrets.includes('key'));
  });

  test('take the keys of a namespaced policy from its own namespace, and wait for them', async () => {
    server.put(SECRETS, secret('release'));
    server.put(TEAM_SECRETS, secret('other', 'team'));
    putInTeam('prod', fromSecret);
    put('prod', fromSecret);
    await followed.start();
    assert.equal(problems('prod'), '');
    assert.deepEqual(followed.notReady(), ['Secrets of namespaced policies were not read yet']);
    const written = () =>
      server.seen.some(({ method, path }) => method === 'PATCH' && path.includes('/namespaces/team/'));
    await eventually(() => statusOf(POLICIES, 'prod'));
    await sleep(100);
    assert.equal(written(), false, 'that a key is missing was told before it was known');
    readTeam();
    await eventually(() => problems('team/prod') === '');
    await eventually(written);
    assert.deepEqual(followed.notReady(), []);
    const fingerprints = ['prod', 'team/prod'].map((name) => {
      const signer = store.snapshot().policies.get(name)?.signers[0];
      return signer?.kind === 'key' ? signer.fingerprint : undefined;
    });
    assert.equal(new Set(fingerprints).size, 2);
  });

  test('are not ready, and say nothing of themselves, while what they demand is being compiled', async () => {
    const attestations = [{ name: 'x', predicateType: 'x', conditions: [{ expression: 'true' }] }];
    put('prod', { images: ['**'], keys: [{ pem: publicKeyPem('release') }], attestations });
    await followed.start();
    assert.equal(problems('prod'), 'Compiling');
    assert.deepEqual(followed.notReady(), ['conditions and schemas of policies are being compiled']);
    assert.equal(statusOf(POLICIES, 'prod'), undefined);
    assert.equal(events.length, 0);
    compile([]);
    await eventually(() => problems('prod') === '');
    await eventually(() => events.length > 0);
    assert.deepEqual(followed.notReady(), []);
    assert.deepEqual(
      events.map(({ type, reason, action, regarding }) => [type, reason, action, regarding.kind, regarding.name]),
      [['Normal', 'Compiled', 'Compile', 'ImagePolicy', 'prod']],
    );
  });

  test('warn in an Event of a policy that can not be used', async () => {
    put('broken', { images: ['docker.io/acme/*'], keys: [{ pem: 'garbage' }] });
    await followed.start();
    await eventually(() => events.length > 0);
    const [event] = events;
    assert.deepEqual([event?.type, event?.reason], ['Warning', 'InvalidKey']);
    assert.equal(event?.regarding.name, 'broken');
  });

  test('remember when a signer counted, until the policy is gone', async () => {
    put('prod', { images: ['**'], keys: [{ name: 'k', pem: publicKeyPem('release') }] });
    await followed.start();
    await eventually(() => statusOf(POLICIES, 'prod'));
    // Whoever does not lead writes what it counted, and nothing else.
    leads = false;
    followed.counted('nobody', ['k']);
    const lastSeen = () => statusOf(POLICIES, 'prod')?.keys?.[0]?.lastSeen;
    await eventually(() => {
      // It has to have seen the status that it adds to. Told once an hour.
      now += 3_600_000;
      followed.counted('prod', ['k']);
      return lastSeen() !== undefined;
    });
    leads = true;
    server.remove(POLICIES, 'prod');
    await eventually(() => store.snapshot().policies.size === 0);
    put('prod', { images: ['**'], keys: [{ name: 'k', pem: publicKeyPem('release') }] });
    await eventually(() => statusOf(POLICIES, 'prod')?.keyCount === 1);
    assert.equal(lastSeen(), undefined);
  });

  test('are looked at by the clock for what ends by itself, and for Secrets that nobody watches', async (context) => {
    context.mock.timers.enable({ apis: ['setInterval'] });
    putInTeam('prod', fromSecret);
    const exception = { images: ['docker.io/late/*'], action: 'Allow', expiresAt: '2026-06-02T00:00:00Z', reason: 'r' };
    put('exception', exception);
    readTeam();
    await followed.start();
    await eventually(() => problems('team/prod') === 'SecretNotFound');
    await eventually(() => statusOf(POLICIES, 'exception'));
    await sleep(100);
    assert.notEqual(condition('exception', 'Expired'), 'True');
    server.put(TEAM_SECRETS, secret('other', 'team'));
    now = Date.UTC(2026, 5, 3);
    context.mock.timers.tick(30_000);
    await eventually(() => condition('exception', 'Expired') === 'True');
    await eventually(() => problems('team/prod') === '');
  });

  test('are looked at again for the shadow that a later policy casts', async (context) => {
    // By the clock they are looked at anyway.
    context.mock.timers.enable({ apis: ['setInterval'] });
    put('wide', { images: ['docker.io/**'], action: 'Deny' });
    await followed.start();
    await eventually(() => statusOf(POLICIES, 'wide'));
    assert.notEqual(condition('wide', 'Shadowed'), 'True');
    // What comes back of its own writes would have it looked at, too.
    await sleep(100);
    put('narrow', { images: ['docker.io/*/**'], action: 'Deny' });
    await eventually(() => condition('wide', 'Shadowed') === 'True');
  });
});

test('a policy is named by its kind, and with its uid where that is known', () => {
  const apiVersion = 'cosignet.dev/v1';
  assert.deepEqual(policyReference('prod', 'u-1'), { apiVersion, kind: 'ImagePolicy', name: 'prod', uid: 'u-1' });
  assert.deepEqual(policyReference('team/prod', undefined), {
    apiVersion,
    kind: 'NamespacedImagePolicy',
    namespace: 'team',
    name: 'prod',
  });
});
