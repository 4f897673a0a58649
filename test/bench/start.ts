// SPDX-License-Identifier: Apache-2.0
// From the start of the process to the first readiness, against a real API server with 1,000 ImagePolicies; beside the
// start of a bare Node, and with V8's compile cache. Prints a table and a line of JSON; ends with 1 above a second.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { startControlPlane } from '../control-plane/control-plane.ts';
import type { Api } from '../control-plane/api.ts';
import { PERMISSIONS } from '../../release/image.ts';
import { ROOT, TOOLS } from '../e2e/tools.ts';
import { startMeasured } from './measured-process.ts';
import { createSigner } from './signed-images.ts';
import { printTable } from './table.ts';

const POLICIES = 1000;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const GOAL_MILLISECONDS = 1000;
const DEFINITIONS = ['imagepolicies', 'namespacedimagepolicies'];
const PROGRAM = path.join(ROOT, 'dist/cosignet.js');

const dir = mkdtempSync(path.join(tmpdir(), 'cosignet-start-'));
const plane = await startControlPlane({ bin: TOOLS, dir: path.join(dir, 'plane') });
await fill(plane.api);

interface Start {
  readonly ready: number;
  readonly cpu: number;
}

const cache = { NODE_COMPILE_CACHE: path.join(dir, 'compile-cache') };
await start([], {}); // makes the certificates
await start([], cache); // fills the cache
const bare: number[] = [];
const plain: Start[] = [];
const permitted: Start[] = [];
const cached: Start[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  bare.push(await startBare());
  plain.push(await start([], {}));
  permitted.push(await start(PERMISSIONS, {}));
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
  ['what', 'ms', 'CPU ms', 'goal'],
  rows.map(({ what, milliseconds, cpu }, index) => [what, milliseconds, cpu, index === 0 ? '' : GOAL_MILLISECONDS]),
);
console.log(JSON.stringify({ benchmark: 'start', policies: POLICIES, rows }));
// The image starts with the permissions.
process.exitCode = (rows[2]?.milliseconds ?? NaN) <= GOAL_MILLISECONDS ? 0 : 1;

async function fill(api: Api): Promise<void> {
  for (const name of DEFINITIONS) {
    const definition: unknown = parse(readFileSync(path.join(ROOT, `crds/${name}.cosignet.dev.yaml`), 'utf8'));
    await api.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
  }
  await api.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'cosignet' } });
  for (const kind of ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']) {
    await api.post(`/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}s`, webhookOf(kind));
  }
  const policies = '/apis/cosignet.dev/v1/imagepolicies';
  await until(() => api.get(policies));
  const signers = Array.from({ length: 10 }, createSigner);
  for (let first = 0; first < POLICIES; first += 20) {
    const some = Array.from({ length: Math.min(20, POLICIES - first) }, (_, offset) => first + offset);
    await Promise.all(
      some.map((index) =>
        api.post(policies, {
          apiVersion: 'cosignet.dev/v1',
          kind: 'ImagePolicy',
          metadata: { name: `team-${index}` },
          spec: {
            images: [`registry.example.com/team-${index}/**`],
            keys: [{ pem: signers[index % signers.length]?.publicPem }],
          },
        }),
      ),
    );
  }
}

/** Nothing is sent to it: what the operator looks for before it is ready. */
function webhookOf(kind: string): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name: 'cosignet' },
    webhooks: [
      {
        name: 'bench.cosignet.dev',
        clientConfig: { service: { namespace: 'cosignet', name: 'cosignet', path: '/mutate' } },
        rules: [
          { apiGroups: ['bench.cosignet.dev'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['none'] },
        ],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  };
}

async function start(flags: readonly string[], environment: Readonly<Record<string, string>>): Promise<Start> {
  const began = performance.now();
  const serve = ['serve', '--namespace', 'cosignet', '--log-format', 'json', '--listen', '127.0.0.1:0'];
  const server = await startMeasured(
    [...flags, PROGRAM, ...serve, '--metrics-listen', '127.0.0.1:0'],
    /"message":"serving".*"metrics":"(http:[^"]+)"/,
    { KUBECONFIG: plane.kubeconfig, HOME: dir, ...environment },
  );
  await until(async () => {
    const answer = await fetch(`${server.match[1]}/readyz`);
    const reasons = await answer.text();
    if (!answer.ok) throw new Error(reasons);
  });
  const result = { ready: performance.now() - began, cpu: server.cpuMilliseconds() };
  await server.stop();
  return result;
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
