// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { issueCertificateAuthority, issueServingCertificate } from '../../operator/certificates/issue.ts';
import { LOCAL_NAMES } from '../../operator/certificates/server-names.ts';
import { freePort } from '../control-plane/ports.ts';
import { loadLayout, RegistryContent } from '../fakes/registry/registry-content.ts';
import { startFakeRegistry } from '../fakes/registry/registry.ts';

const root = path.resolve(import.meta.dirname, '../..');
const vectors = path.join(root, 'test/vectors/cosign');
const HOUR = 3600_000;
/** Milliseconds until what does not come counts as a failure: a busy machine may take its time. */
export const PATIENCE = 5 * 60_000;

export interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly message?: string };
  readonly patch?: string;
  readonly warnings?: readonly string[];
}

/** A registry with images that the real cosign signed, and `cosignet serve` beside it, as processes are in a cluster. */
export interface Stage extends AsyncDisposable {
  /** `host:port` of the registry. */
  readonly registry: string;
  /** The version of cosign that made the signatures. */
  readonly cosign: string;
  readonly publicKey: (name: string) => Promise<string>;
  readonly applyPolicy: (policy: { readonly metadata: { readonly name: string } }) => Promise<void>;
  readonly post: (path: string, review: unknown) => Promise<AdmissionResponse>;
}

export async function setStage(
  firstPolicy: (stage: Pick<Stage, 'registry' | 'publicKey'>) => Promise<object>,
): Promise<Stage> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cosignet-demo-'));
  const content = new RegistryContent();
  await loadLayout(content, path.join(vectors, 'layout'));
  const registry = await startFakeRegistry({ content });
  const publicKey = (name: string) => readFile(path.join(vectors, 'keys', `${name}.pub`), 'utf8');
  const policies = path.join(folder, 'policies');
  await mkdir(policies);
  const write = (name: string, policy: object) => writeFile(path.join(policies, `${name}.yaml`), stringify(policy));
  await write('first', await firstPolicy({ registry: registry.host, publicKey }));
  await writeFile(
    path.join(folder, 'config.yaml'),
    stringify({ registries: [{ host: registry.host, insecure: true }] }),
  );

  const tls = await issueLocalCertificate(folder);
  const [webhook, metrics] = [await freePort(), await freePort()];
  const server = startServer(folder, webhook, metrics);
  const dispose = async () => {
    await stop(server);
    await registry.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(`http://127.0.0.1:${metrics}/readyz`, server);
  } catch (error) {
    await dispose();
    throw error;
  }
  const made: { cosign: string } = JSON.parse(await readFile(path.join(vectors, 'made.json'), 'utf8'));
  return {
    registry: registry.host,
    cosign: made.cosign,
    publicKey,
    applyPolicy: (policy) => write(policy.metadata.name, policy),
    post: (where, review) => postReview(webhook, where, tls, review),
    [Symbol.asyncDispose]: dispose,
  };
}

/** Writes the server's pair into the folder; returns the authority that a client must trust. */
async function issueLocalCertificate(folder: string): Promise<string> {
  const validity = { notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR };
  const authority = await issueCertificateAuthority({ ...validity, commonName: 'demo authority' });
  const pair = await issueServingCertificate({ ...validity, authority, commonName: 'localhost', ...LOCAL_NAMES });
  await writeFile(path.join(folder, 'tls.crt'), pair.certificate);
  await writeFile(path.join(folder, 'tls.key'), pair.privateKey, { mode: 0o600 });
  return authority.certificate;
}

function startServer(folder: string, webhook: number, metrics: number): ChildProcess {
  const file = (name: string) => path.join(folder, name);
  const options = {
    policies: file('policies'),
    config: file('config.yaml'),
    listen: `127.0.0.1:${webhook}`,
    'metrics-listen': `127.0.0.1:${metrics}`,
    'tls-cert': file('tls.crt'),
    'tls-key': file('tls.key'),
    'log-format': 'text',
    'log-level': 'warn',
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  return spawn(process.execPath, [path.join(root, 'cli/main.ts'), 'serve', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

async function untilReady(url: string, server: ChildProcess): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(50)) {
    if (server.exitCode !== null) throw new Error(`cosignet serve ended with exit code ${server.exitCode}`);
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
  }
  throw new Error(`cosignet serve was not ready within ${PATIENCE / 1000} seconds`);
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  const forced = setTimeout(() => server.kill('SIGKILL'), 40_000);
  await ended;
  clearTimeout(forced);
}

/** As the API server sends it; the certificate is checked like there. */
async function postReview(port: number, where: string, ca: string, review: unknown): Promise<AdmissionResponse> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sent = request(
      { host: '127.0.0.1', port, path: `${where}?timeout=10s`, method: 'POST', ca, headers },
      resolve,
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(review));
  });
  const text = Buffer.concat(await Array.fromAsync<Buffer>(answer)).toString('utf8');
  if (answer.statusCode !== 200) throw new Error(`${where} answered ${answer.statusCode}: ${text.slice(0, 300)}`);
  const { response }: { response: AdmissionResponse } = JSON.parse(text);
  return response;
}
