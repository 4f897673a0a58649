// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ConfigurationError } from '../../../core/config/faults.ts';
import { silentLogger, type LogFields } from '../../../core/observe.ts';
import { serve, type ServeOptions } from '../../../operator/main.ts';
import { PolicyFilesError } from '../../../operator/policies/policy-files.ts';
import { parseExposition } from '../../checks/exposition.ts';
import { putKeylessImage } from '../../fakes/sigstore/keyless-image.ts';
import { ISSUER, SUBJECT } from '../../fakes/sigstore/keyless.ts';
import { FakeReceiver } from '../../fakes/receiver.ts';
import { RegistryContent } from '../../fakes/registry/registry-content.ts';
import { startFakeRegistry } from '../../fakes/registry/registry.ts';
import { createSigstore } from '../../fakes/sigstore/sigstore.ts';
import { FakeTufRepository } from '../../fakes/sigstore/tuf-repository.ts';
import { podReview } from '../webhook/reviews.ts';
import { eventually } from './eventually.ts';

const POLICY = `apiVersion: cosignet.dev/v1
kind: ImagePolicy
metadata: {name: hub}
spec: {images: ["docker.io/**"], action: Deny}
`;

function review(image: string): string {
  return JSON.stringify(podReview([image]));
}

function post(
  url: string,
  body: string,
  more: Record<string, string> = {},
): Promise<{ allowed: boolean; message: string }> {
  return new Promise((resolve, reject) => {
    // The certificate is self-made; what it protects is this loopback.
    const options = {
      method: 'POST',
      rejectUnauthorized: false,
      headers: { 'content-type': 'application/json', ...more },
    };
    const sent = request(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        if (response.statusCode !== 200) return reject(new Error(`${response.statusCode}: ${text}`));
        const { response: answer } = JSON.parse(text);
        resolve({ allowed: answer.allowed, message: answer.status?.message ?? '' });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('serve, from files', () => {
  let folder: string;
  let stop: AbortController;
  let lines: Map<string, LogFields>;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'serve-'));
    stop = new AbortController();
    lines = new Map();
  });
  afterEach(() => rm(folder, { recursive: true }));

  function start(more: Partial<ServeOptions> = {}): Promise<number> {
    return serve(
      {
        policies: [folder],
        listen: { host: '127.0.0.1', port: 0 },
        metricsListen: { host: '127.0.0.1', port: 0 },
        namespace: 'cosignet',
        name: 'cosignet',
        identity: 'test',
        tufCache: path.join(folder, 'tuf'),
        log: { ...silentLogger, info: (message, fields) => lines.set(message, fields ?? {}) },
        ...more,
      },
      stop.signal,
    );
  }
  const address = (name: 'webhook' | 'metrics') => String(lines.get('serving')?.[name]);

  test('decides reviews, follows the policies, and counts', async () => {
    await writeFile(path.join(folder, 'hub.yaml'), POLICY);
    const done = start();
    await eventually(() => lines.has('serving'));
    assert.equal((await fetch(`${address('metrics')}/readyz`)).status, 200);
    const refused = await post(`${address('webhook')}/mutate?timeout=5s`, review('nginx'));
    assert.equal(refused.allowed, false);
    assert.match(refused.message, /hub/);
    await writeFile(path.join(folder, 'hub.yaml'), POLICY.replace('Deny', 'Allow'));
    await eventually(() => lines.has('policies reloaded'));
    assert.equal((await post(`${address('webhook')}/validate?timeout=5s`, review('nginx'))).allowed, true);
    lines.delete('policies reloaded');
    await writeFile(path.join(folder, 'hub.yaml'), POLICY.replace('Deny', 'Deny, mode: Audit'));
    await eventually(() => lines.has('policies reloaded'));
    assert.equal((await post(`${address('webhook')}/validate?timeout=5s`, review('nginx'))).allowed, true);
    const metrics = await (await fetch(`${address('metrics')}/metrics`)).text();
    assert.match(metrics, /cosignet_verdicts_total\{code="AllowedByPolicy",outcome="allowed",mode="Enforce"\} 1/);
    assert.match(metrics, /^cosignet_policy_store_policies 1$/m);
    assert.match(metrics, /^controller_runtime_webhook_latency_seconds_count\{webhook="\/mutate"\} 1$/m);
    assert.match(metrics, /^cosignet_policy_refusals_total\{policy="hub"\} 1$/m);
    assert.match(metrics, /^cosignet_policy_would_refuse_total\{policy="hub",mode="Audit"\} 1$/m);
    const requests = parseExposition(metrics).find(({ name }) => name === 'controller_runtime_webhook_requests_total');
    assert.deepEqual(
      requests?.samples.map(({ labels, value }) => [labels['webhook'], labels['code'], value]),
      [
        ['/mutate', '200', 1],
        ['/validate', '200', 2],
      ],
    );
    stop.abort();
    assert.equal(await done, 0);
  });

  test('counts requests that get no further by their status, too', async () => {
    await writeFile(path.join(folder, 'hub.yaml'), POLICY);
    const done = start();
    await eventually(() => lines.has('serving'));
    await assert.rejects(post(`${address('webhook')}/mutate`, 'no JSON'));
    await assert.rejects(post(`${address('webhook')}/elsewhere`, review('nginx')));
    // Nobody was told of a path with a token, so whoever knows one made it up.
    await assert.rejects(post(`${address('webhook')}/mutate/${'a'.repeat(64)}`, review('nginx')), /403/);
    const metrics = await (await fetch(`${address('metrics')}/metrics`)).text();
    const requests = parseExposition(metrics).find(({ name }) => name === 'controller_runtime_webhook_requests_total');
    assert.deepEqual(
      requests?.samples.map(({ labels, value }) => [labels['webhook'], labels['code'], value]),
      [['/mutate', '400', 1]],
    );
    stop.abort();
    assert.equal(await done, 0);
  });

  test('on shutdown readiness fails first, and reviews are answered until the end of the grace', async () => {
    await writeFile(path.join(folder, 'hub.yaml'), POLICY);
    const done = start({ graceMilliseconds: 2000 });
    await eventually(() => lines.has('serving'));
    stop.abort();
    assert.equal((await fetch(`${address('metrics')}/readyz`)).status, 503);
    assert.equal((await post(`${address('webhook')}/mutate?timeout=5s`, review('nginx'))).allowed, false);
    assert.equal(await done, 0);
    await assert.rejects(post(`${address('webhook')}/mutate?timeout=5s`, review('nginx')));
    await assert.rejects(fetch(`${address('metrics')}/readyz`));
  });

  test('tells of what it refuses to whom the configuration names', async () => {
    await writeFile(path.join(folder, 'hub.yaml'), POLICY);
    const receiver = await new FakeReceiver().start();
    const configPath = path.join(folder, 'configuration');
    await writeFile(configPath, `notifications: [{name: ops, url: "${receiver.url}/hook", insecure: true}]`);
    const done = start({ configPath });
    await eventually(() => lines.has('serving'));
    await post(`${address('webhook')}/mutate?timeout=5s`, review('nginx'));
    await eventually(() => receiver.received.length === 1);
    assert.match(receiver.received[0]?.text ?? '', /"kind":"Pod".*"code":"DeniedByPolicy"/);
    const metrics = await (await fetch(`${address('metrics')}/metrics`)).text();
    assert.match(metrics, /cosignet_notifications_total\{name="ops",result="sent"\} 1/);
    stop.abort();
    assert.equal(await done, 0);
    await receiver.stop();
  });

  test('traces reviews where a collector is named, in the trace of the API server', async () => {
    await writeFile(path.join(folder, 'hub.yaml'), POLICY);
    const collector = await new FakeReceiver().start();
    const done = start({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
    await eventually(() => lines.has('serving'));
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await post(`${address('webhook')}/mutate?timeout=5s`, review('nginx'), { traceparent });
    stop.abort();
    assert.equal(await done, 0);
    const { text = '' } = collector.received[0] ?? {};
    assert.match(text, /"traceId":"4bf92f3577b34da6a3ce929d0e0e4736".*"stringValue":"DeniedByPolicy"/);
    await collector.stop();
  });

  test('follows trust roots in TUF repositories, and decides by them without a restart', async () => {
    const sigstore = createSigstore();
    const content = new RegistryContent();
    putKeylessImage(content, 'demo/keyless:1.0', sigstore);
    const registry = await startFakeRegistry({ content, referrersApi: true });
    const repository = await new FakeTufRepository().start();
    repository.publishRoot();
    repository.publish(JSON.stringify(sigstore.trustedRoot));
    await writeFile(path.join(folder, 'root'), repository.rootText());
    const tuf = { url: repository.url, rootFile: 'root', refreshSeconds: 10, insecure: true };
    const trustRoots = [{ name: 'ours', tuf }];
    const configPath = path.join(folder, 'configuration');
    await writeFile(
      configPath,
      JSON.stringify({ trustRoots, registries: [{ host: registry.host, insecure: true }], cache: { rejected: 0 } }),
    );
    const identities = [{ name: 'ci', issuer: ISSUER, subject: SUBJECT, trustRoot: 'ours' }];
    const kind = { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name: 'keyless' } };
    await writeFile(path.join(folder, 'p.yaml'), JSON.stringify({ ...kind, spec: { images: ['**'], identities } }));
    const held: ServerResponse[] = [];
    repository.answers.set('/timestamp.json', (_, response) => void held.push(response));

    const done = start({ configPath });
    await eventually(() => lines.has('serving'));
    const ask = () => post(`${address('webhook')}/mutate?timeout=5s`, review(`${registry.host}/demo/keyless:1.0`));
    const early = await ask();
    assert.equal(early.allowed, false);
    assert.match(early.message, /trust root "ours" can't be used/);
    await eventually(() => held.length === 1);
    held[0]?.end(repository.files.get('/timestamp.json'));
    await eventually(() => lines.has('a trust root was read'));
    assert.equal((await ask()).allowed, true);
    const metrics = await (await fetch(`${address('metrics')}/metrics`)).text();
    assert.match(metrics, /cosignet_trust_root_refreshes_total\{name="ours",result="success"\} 1/);
    assert.match(metrics, /cosignet_trust_root_refreshed_timestamp_seconds\{name="ours"\} 1[0-9]{9}/);
    stop.abort();
    assert.equal(await done, 0);
    await Promise.all([registry.close(), repository.stop()]);
  });

  test('does not start with what it can not enforce, and leaves nothing open', async () => {
    await writeFile(path.join(folder, 'hub.yaml'), 'kind: [');
    await assert.rejects(start(), PolicyFilesError);
    await writeFile(path.join(folder, 'hub.yaml'), POLICY);
    const configPath = path.join(folder, 'configuration');
    await writeFile(configPath, 'unmatchedImages: Perhaps');
    await assert.rejects(start({ configPath }), ConfigurationError);
  });
});
