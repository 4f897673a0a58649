// SPDX-License-Identifier: Apache-2.0
// What is started in a cluster, before a fake API server. Nothing here is done by the clock: timers that repeat stand still.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { mock } from 'node:test';
import { parseConfiguration } from '../../../../core/config/configuration.ts';
import { silentLogger } from '../../../../core/observe.ts';
import { compilePolicy } from '../../../../core/policy/compile/compile.ts';
import { createPolicyStore } from '../../../../core/policy/store/store.ts';
import { reachedMessage } from '../../../../core/reach.ts';
import { anonymousKeychain } from '../../../../core/registry/credentials/keychains.ts';
import { issueByPlan, secretDataOf } from '../../../../operator/certificates/certificate-material.ts';
import { issueCertificateAuthority, issueServingCertificate } from '../../../../operator/certificates/issue.ts';
import type { ClusterOptions } from '../../../../operator/host/cluster-options.ts';
import { startCluster } from '../../../../operator/host/cluster.ts';
import type { Host } from '../../../../operator/host/host.ts';
import type { FollowKms } from '../../../../operator/kms/kms-keys.ts';
import { createMetrics, type Metrics } from '../../../../operator/telemetry/metrics.ts';
import { FakeApiServer, type FakeObject, type Seen } from '../../../fakes/api-server.ts';
import { compileContext, publicKeyPem } from '../../../fakes/engine.ts';
import { kubeconfigFor } from '../../../fakes/kubeconfig.ts';
import { eventually } from '../eventually.ts';

export const POLICIES = '/apis/cosignet.dev/v1/imagepolicies';
export const NAMESPACED = '/apis/cosignet.dev/v1/namespacedimagepolicies';
export const SECRETS = '/api/v1/namespaces/cosignet/secrets';
export const NAMESPACES = '/api/v1/namespaces';
export const PODS = '/api/v1/pods';
export const LEASES = '/apis/coordination.k8s.io/v1/namespaces/cosignet/leases';
export const CONFIGURATIONS = ['mutating', 'validating'].map(
  (kind) => `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations`,
);

const DNS_NAMES = ['cosignet.cosignet.svc'];
const ISSUER = { issueAuthority: issueCertificateAuthority, issueServing: issueServingCertificate };
const LIFE = 86_400_000;

const hook = (endpoint: string) => ({
  name: `${endpoint}.cosignet.dev`,
  rules: [{ resources: ['pods'] }],
  clientConfig: { service: { name: 'cosignet', namespace: 'cosignet', path: `/${endpoint}` } },
});

export const WANTED = { mutating: [hook('mutate')], validating: [hook('validate')], pathToken: true };

export const noKms: FollowKms = () => ({
  lookup: () => ({ unavailable: 'x' }),
  isPending: () => false,
  isSettled: () => true,
  reconfigured: () => undefined,
  stop: async () => undefined,
});

export interface StartedCluster {
  readonly server: FakeApiServer;
  readonly host: Host;
  readonly metrics: Metrics;
  /** How many policies were compiled, one again each time. */
  readonly compiled: () => number;
  stop(): Promise<void>;
}

/** A cluster with a release, a policy and a namespace, and as `prepare` changes it. */
export async function startedCluster(
  changes: Partial<ClusterOptions> = {},
  prepare: (server: FakeApiServer) => unknown = () => undefined,
): Promise<StartedCluster> {
  const server = await new FakeApiServer().start();
  putRelease(server);
  await prepare(server);
  const restored = await useKubeconfig(server);
  mock.timers.enable({ apis: ['setInterval'] });
  const metrics = createMetrics();
  let compiled = 0;
  const host = await startCluster({
    namespace: 'cosignet',
    name: 'cosignet',
    identity: 'pod',
    dnsNames: DNS_NAMES,
    issuer: ISSUER,
    certificateLife: LIFE,
    ownCertificate: undefined,
    wantedRegistration: WANTED,
    compile: (policy, means) => {
      compiled += 1;
      return compilePolicy(policy, compileContext({ trustRoots: new Set(), ...means }));
    },
    evaluator: { compile: async () => [], check: async () => ({ steps: 0 }), stop: async () => undefined },
    followKms: noKms,
    store: createPolicyStore(),
    configuration: { configuration: () => parseConfiguration(''), credentials: anonymousKeychain },
    metrics,
    log: silentLogger,
    clock: Date.now,
    ...changes,
  });
  await restored();
  return {
    server,
    host,
    metrics,
    compiled: () => compiled,
    async stop() {
      await host.stop();
      mock.timers.reset();
      await server.stop();
    },
  };
}

/** The process finds this server, as it would its cluster's, until what is returned is called. */
export async function useKubeconfig(server: FakeApiServer): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cluster-'));
  const kubeconfig = path.join(folder, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigFor(server));
  const before = process.env['KUBECONFIG'];
  process.env['KUBECONFIG'] = kubeconfig;
  return async () => {
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
    await rm(folder, { recursive: true });
  };
}

export function putRelease(server: FakeApiServer): void {
  for (const name of ['cosignet-tls', 'cosignet-path'])
    server.put(SECRETS, { metadata: { name, namespace: 'cosignet' } });
  for (const collection of CONFIGURATIONS) server.put(collection, { metadata: { name: 'cosignet' }, webhooks: [] });
  server.put(LEASES, { metadata: { name: 'cosignet', namespace: 'cosignet' } });
  server.put(NAMESPACES, { metadata: { name: 'shop', labels: { team: 'a' } } });
  server.put(POLICIES, {
    metadata: { name: 'prod', generation: 1, uid: 'uid-of-prod' },
    spec: { images: ['docker.io/acme/*'], keys: [{ pem: publicKeyPem('release') }] },
  });
}

/** 64 hexadecimal digits, all of them this one. */
export const tokenOf = (digit: string) => digit.repeat(64);

/** The Secret of path tokens, as the leader writes it. */
export function pathSecret(active: string, next: string): FakeObject {
  const data = { active: btoa(tokenOf(active)), next: btoa(tokenOf(next)), rotatedAt: btoa(String(Date.now())) };
  return { metadata: { name: 'cosignet-path', namespace: 'cosignet' }, data };
}

/**
 * Waits until what keeps the registration has looked once more, from beginning to end: one turn of it ends before the
 * next begins. Where replicas are called by the token of `a`.
 */
export async function registrationLooks({ server, host }: StartedCluster): Promise<void> {
  for (const digit of ['c', 'd']) {
    server.put(SECRETS, pathSecret('a', digit));
    await eventually(() => host.callerBy(tokenOf(digit)) === 'known');
  }
}

/** The Secret of certificates, as the leader writes it. */
export async function certificateSecret(): Promise<FakeObject> {
  const wish = { dnsNames: DNS_NAMES, life: LIFE, now: Date.now() };
  const material = await issueByPlan('Create', undefined, wish, ISSUER);
  return { metadata: { name: 'cosignet-tls', namespace: 'cosignet' }, data: { ...secretDataOf(material) } };
}

/** The API server tries a change to see whether it reaches the webhook. */
export const isReachQuestion = ({ method, query }: Seen) => method === 'PATCH' && query.get('dryRun') === 'All';

/** As an API server answers that has asked the webhook, and was refused by it. */
export function reached(seen: Seen) {
  if (!isReachQuestion(seen)) return undefined;
  const annotation = /"(?:mutate|validate) [^"]+"/.exec(JSON.stringify(seen.body))?.[0] ?? '""';
  return { status: 403, message: reachedMessage(String(JSON.parse(annotation))) };
}

/** Notes of Events, each as the JSON of its request. */
export function notesOf({ seen }: FakeApiServer): readonly string[] {
  return seen.filter(({ path: at }) => at.includes('/events.k8s.io/')).map(({ body }) => JSON.stringify(body));
}
