// SPDX-License-Identifier: Apache-2.0
// Reviews over HTTPS keep-alive, 16 in flight: Cosignet warm and cold beside a bare HTTPS server of the same Node,
// in turns within one run, so that the ratios hold on a noisy machine.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { NODE_FLAGS } from '../../release/image.ts';
import { issueCertificateAuthority, issueServingCertificate } from '../../webhook/tls/issue.ts';
import { LOCAL_NAMES } from '../../webhook/tls/names.ts';
import { startMeasured } from './measured-process.ts';
import type { MeasuredProcess } from './measured-process.ts';
import { printTable } from './table.ts';

const HOUR = 3_600_000;
const IN_FLIGHT = 16;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const REVIEWS_PER_ROUND = Number(process.env['BENCH_REVIEWS'] ?? 4000);
const COLD_PER_ROUND = REVIEWS_PER_ROUND / 4;

interface Sample {
  readonly reviewsPerSecond: number;
  readonly cpuMilliseconds: number;
}

const folder = await mkdtemp(path.join(tmpdir(), 'cosignet-bench-'));
const file = (name: string) => path.join(folder, name);
const root = path.resolve(import.meta.dirname, '../..');
const ca = await issueCertificates();
const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT, ca });

const bare = await startMeasured(
  [path.join(root, 'test/bench/bare-server.ts'), file('tls.crt'), file('tls.key')],
  /serving (\S+)/,
);
const results: Record<string, unknown>[] = [];
for (const format of ['simple-signing', 'bundle'] as const) {
  results.push(await measure(format));
}
await bare.stop();
agent.destroy();
await rm(folder, { recursive: true, force: true });

printTable(
  [
    'format',
    'warm/bare reviews/s',
    'warm/bare CPU',
    'warm CPU ms',
    'cold CPU ms',
    'bare CPU ms',
    'warm reviews/s',
    'RSS MiB',
    'RSS bare',
    'start ms',
  ],
  results.map((row) => Object.values(row)),
);
console.log(JSON.stringify({ benchmark: 'load', results }));
// Warm reviews within 1.3 times the CPU of the bare server, and no more than 110 MiB resident.
const met = results.every(
  ({ cpuRatio, residentMebibytes }) => Number(cpuRatio) <= 1.3 && Number(residentMebibytes) <= 110,
);
process.exitCode = met ? 0 : 1;

async function measure(format: 'simple-signing' | 'bundle'): Promise<Record<string, unknown>> {
  const images = COLD_PER_ROUND * ROUNDS + 1;
  const registry = await startMeasured(
    [path.join(root, 'test/bench/image-registry.ts'), format, String(images)],
    /serving (\S+) (\S+)/,
  );
  const [, host = '', key = ''] = registry.match;
  const cosignet = await startCosignet(host, Buffer.from(key, 'base64').toString());
  const url = `${cosignet.match[1]}/mutate?timeout=10s`;
  let next = 0;
  const coldImage = () => `${host}/bench/app:${(next += 1)}`;
  const warmImage = () => `${host}/bench/app:0`;
  await load(url, warmImage, REVIEWS_PER_ROUND, cosignet); // the compiler warms up
  await load(bareUrl(), warmImage, REVIEWS_PER_ROUND, bare);

  const samples: { warm: Sample; cold: Sample; bare: Sample }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    samples.push({
      bare: await load(bareUrl(), warmImage, REVIEWS_PER_ROUND, bare),
      warm: await load(url, warmImage, REVIEWS_PER_ROUND, cosignet),
      cold: await load(url, coldImage, COLD_PER_ROUND, cosignet),
    });
  }
  const row = {
    format,
    speedRatio: median(samples.map((s) => s.warm.reviewsPerSecond / s.bare.reviewsPerSecond)),
    cpuRatio: median(samples.map((s) => s.warm.cpuMilliseconds / s.bare.cpuMilliseconds)),
    warmCpu: median(samples.map((s) => s.warm.cpuMilliseconds)),
    coldCpu: median(samples.map((s) => s.cold.cpuMilliseconds)),
    bareCpu: median(samples.map((s) => s.bare.cpuMilliseconds)),
    warmPerSecond: Math.round(median(samples.map((s) => s.warm.reviewsPerSecond))),
    residentMebibytes: cosignet.residentMebibytes(),
    bareResidentMebibytes: bare.residentMebibytes(),
    startMilliseconds: Math.round(cosignet.startMilliseconds),
  };
  await cosignet.stop();
  await registry.stop();
  return row;
}

async function startCosignet(host: string, pem: string): Promise<MeasuredProcess> {
  const metadata = { name: 'bench' };
  const spec = { images: [`${host}/bench/*`], keys: [{ pem }] };
  await writeFile(
    file('policy.yaml'),
    stringify({ apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata, spec }),
  );
  // No tag goes stale within a run: what is measured is the warm path, not the clock.
  await writeFile(file('config.yaml'), stringify({ registries: [{ host, insecure: true }], cache: { tags: 3600 } }));
  const options = {
    policies: file('policy.yaml'),
    config: file('config.yaml'),
    listen: '127.0.0.1:0',
    'metrics-listen': '127.0.0.1:0',
    'tls-cert': file('tls.crt'),
    'tls-key': file('tls.key'),
    'log-format': 'json',
    // One line a decision, as in production; it is read and thrown away.
    'log-level': 'info',
  };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  // As the image starts it.
  return startMeasured(
    [...NODE_FLAGS, path.join(root, 'dist/cosignet.js'), 'serve', ...flags],
    /"webhook":"(https:[^"]+)"/,
  );
}

function bareUrl(): string {
  return bare.match[1] ?? '';
}

/** Posts `count` reviews with IN_FLIGHT under way. */
async function load(url: string, image: () => string, count: number, server: MeasuredProcess): Promise<Sample> {
  const cpu = server.cpuMilliseconds();
  const began = performance.now();
  let left = count;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      await post(url, reviewOf(image()));
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  const seconds = (performance.now() - began) / 1000;
  return { reviewsPerSecond: count / seconds, cpuMilliseconds: (server.cpuMilliseconds() - cpu) / count };
}

function post(url: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', agent, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => (text.includes('"allowed":true') ? resolve() : reject(new Error(text))));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** About the size of what the API server sends for a small Pod. */
function reviewOf(image: string): string {
  const metadata = {
    name: 'app-5d59d67564-4xk2p',
    namespace: 'default',
    labels: { app: 'app', 'pod-template-hash': '5d59d67564' },
    managedFields: [
      {
        manager: 'kube-controller-manager',
        operation: 'Update',
        apiVersion: 'v1',
        fieldsV1: { 'f:metadata': {}, 'f:spec': {} },
      },
    ],
  };
  const container = {
    name: 'app',
    image,
    env: Array.from({ length: 12 }, (_, index) => ({ name: `SETTING_${index}`, value: `value of setting ${index}` })),
    resources: { requests: { cpu: '100m', memory: '128Mi' } },
    volumeMounts: [
      { name: 'kube-api-access', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
    ],
  };
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: randomUUID(),
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      name: metadata.name,
      namespace: 'default',
      operation: 'CREATE',
      userInfo: {
        username: 'system:serviceaccount:kube-system:replicaset-controller',
        groups: ['system:authenticated'],
      },
      object: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata,
        spec: { containers: [container], serviceAccountName: 'default' },
      },
      oldObject: null,
      dryRun: false,
    },
  });
}

async function issueCertificates(): Promise<string> {
  const validity = { notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR };
  const authority = await issueCertificateAuthority({ ...validity, commonName: 'benchmark authority' });
  const pair = await issueServingCertificate({ ...validity, authority, commonName: 'localhost', ...LOCAL_NAMES });
  await writeFile(file('tls.crt'), pair.certificate);
  await writeFile(file('tls.key'), pair.privateKey, { mode: 0o600 });
  return authority.certificate;
}

function median(values: readonly number[]): number {
  const ordered = values.toSorted((a, b) => a - b);
  return Number((ordered[Math.floor(ordered.length / 2)] ?? NaN).toFixed(3));
}
