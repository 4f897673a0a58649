// SPDX-License-Identifier: Apache-2.0
// From the start of the process to the first readiness, against a real API server with 1,000 ImagePolicies; beside the
// start of a bare Node, and with V8's compile cache. Prints a table and a line of JSON; ends with 1 where a goal is missed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { startControlPlane } from '../../control-plane/control-plane.ts';
import type { Api } from '../../control-plane/api.ts';
import { NODE_FLAGS } from '../../../release/image.ts';
import { ROOT, TOOLS } from '../../e2e/workbench/tools.ts';
import { reportGoals } from '../goals.ts';
import { startMeasured } from '../load/measured-process.ts';
import type { MeasuredProcess } from '../load/measured-process.ts';
import { createSigner } from '../load/signed-images.ts';
import { printTable } from '../table.ts';

const POLICIES = 1000;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const DEFINITIONS = ['imagepolicies', 'namespacedimagepolicies'];
const COLLECTION = '/apis/cosignet.dev/v1/imagepolicies';
const PROGRAM = path.join(ROOT, 'dist/cosignet.js');

/** Nothing is sent to it: what the operator registers before it is ready. */
const WEBHOOK = {
  name: 'bench.cosignet.dev',
  clientConfig: { service: { namespace: 'cosignet', name: 'cosignet', path: '/mutate' } },
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
};

const dir = mkdtempSync(path.join(tmpdir(), 'cosignet-start-'));
const plane = await startControlPlane({ bin: TOOLS, dir: path.join(dir, 'plane') });
const registration = path.join(dir, 'webhooks.json');
await fill(plane.api);

interface Start {
  readonly ready: number;
  readonly cpu: number;
}

const cache = { NODE_COMPILE_CACHE: path.join(dir, 'compile-cache') };
await start([], {}); // makes the certificates
await start([], cache); // fills the cache
const applied = await timeOfEdit();
const bare: number[] = [];
const plain: Start[] = [];
const permitted: Start[] = [];
const cached: Start[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  bare.push(await startBare());
  plain.push(await start([], {}));
  permitted.push(await start(NODE_FLAGS, {}));
  cached.push(await start([], cache));
}
await plane.stop();
rmSync(dir, { recursive: true, force: true });

const rows = [
  { what: 'a bare Node', milliseconds: median(bare), cpu: 0 },
  rowOf(`ready with ${POLICIES} policies`, plain),
  rowOf('the same, with the permissions of the image', permitted),
  rowOf("the same, with V8's compile cache", cached),
];
printTable(
  ['what', 'ms', 'CPU ms'],
  rows.map(({ what, milliseconds, cpu }) => [what, milliseconds, cpu]),
);
const goals = [
  // The image starts with the permissions.
  {
    what: `from the process to ready with ${POLICIES} policies`,
    measured: rows[2]?.milliseconds ?? NaN,
    goal: 600,
    unit: 'ms',
  },
  { what: 'an applied policy in force', measured: applied, goal: 1000, unit: 'ms' },
];
reportGoals('start', goals, { policies: POLICIES, rows });

async function fill(api: Api): Promise<void> {
  for (const name of DEFINITIONS) {
    const definition: unknown = parse(readFileSync(path.join(ROOT, `crds/${name}.cosignet.dev.yaml`), 'utf8'));
    await api.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
  }
  await api.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'cosignet' } });
  for (const kind of ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']) {
    const metadata = { name: 'cosignet' };
    const configuration = { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata };
    await api.post(`/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}s`, configuration);
  }
  writeFileSync(registration, JSON.stringify({ mutating: [WEBHOOK], validating: [WEBHOOK] }));
  await until(() => api.get(COLLECTION));
  const signers = Array.from({ length: 10 }, createSigner);
  for (let first = 0; first < POLICIES; first += 20) {
    const some = Array.from({ length: Math.min(20, POLICIES - first) }, (_, offset) => first + offset);
    await Promise.all(
      some.map((index) => api.post(COLLECTION, policyOf(`team-${index}`, signers[index % signers.length]?.publicPem))),
    );
  }
}

async function launch(
  flags: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<MeasuredProcess> {
  const serve = ['serve', '--namespace', 'cosignet', '--log-format', 'json', '--webhooks', registration];
  const server = await startMeasured(
    [...flags, PROGRAM, ...serve, '--listen', '127.0.0.1:0', '--metrics-listen', '127.0.0.1:0'],
    /"message":"serving".*"metrics":"(http:[^"]+)"/,
    { KUBECONFIG: plane.kubeconfig, HOME: dir, ...environment },
  );
  await until(async () => {
    const answer = await fetch(`${server.match[1]}/readyz`);
    const reasons = await answer.text();
    if (!answer.ok) throw new Error(reasons);
  });
  return server;
}

async function start(flags: readonly string[], environment: Readonly<Record<string, string>>): Promise<Start> {
  const began = performance.now();
  const server = await launch(flags, environment);
  const result = { ready: performance.now() - began, cpu: server.cpuMilliseconds() };
  await server.stop();
  return result;
}

/** Milliseconds from the request that creates a policy until it counts, by the process's own metrics. */
async function timeOfEdit(): Promise<number> {
  const server = await launch([], {});
  const began = performance.now();
  await plane.api.post(COLLECTION, policyOf('late', createSigner().publicPem));
  await until(async () => {
    const text = await (await fetch(`${server.match[1]}/metrics`)).text();
    if (!text.includes(`\ncosignet_policy_store_policies ${POLICIES + 1}\n`)) throw new Error('not yet in force');
  });
  const time = performance.now() - began;
  await server.stop();
  return time;
}

function policyOf(name: string, pem: string | undefined): object {
  const spec = { images: [`registry.example.com/${name}/**`], keys: [{ pem }] };
  return { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name }, spec };
}

async function startBare(): Promise<number> {
  const server = await startMeasured(['-e', 'console.log("up"); setTimeout(() => {}, 1e6)'], /up/);
  await server.stop();
  return server.startMilliseconds;
}

async function until(attempt: () => Promise<unknown>): Promise<void> {
  for (const end = Date.now() + 30_000; ; await sleep(5)) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

function rowOf(what: string, starts: readonly Start[]) {
  return { what, milliseconds: median(starts.map(({ ready }) => ready)), cpu: median(starts.map(({ cpu }) => cpu)) };
}

function median(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN);
}
