// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CoreV1Api } from '@kubernetes/client-node';
import { kubeApiOf, SharedKubeConfig } from '../../../../operator/kubernetes/kube-config.ts';
import {
  issueCertificateAuthority,
  issueServingCertificate,
  type CertifiedKey,
} from '../../../../operator/certificates/issue.ts';

async function certify(): Promise<{ authority: CertifiedKey; serving: CertifiedKey }> {
  const dates = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
  const authority = await issueCertificateAuthority({ commonName: `authority ${Math.random()}`, ...dates });
  const names = { commonName: 'api', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
  return { authority, serving: await issueServingCertificate({ authority, ...names, ...dates }) };
}

describe('SharedKubeConfig', () => {
  let folder: string;
  let server: Server;
  let port: number;
  let connections = 0;
  let authorizations: (string | undefined)[] = [];
  let config: SharedKubeConfig;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kube-'));
    const { authority, serving } = await certify();
    await writeFile(path.join(folder, 'ca.crt'), authority.certificate);
    server = createServer({ cert: serving.certificate, key: serving.privateKey }, (request, response) => {
      if (request.url === '/hang') return;
      authorizations.push(request.headers.authorization);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ kind: 'NamespaceList', apiVersion: 'v1', metadata: {}, items: [] }));
    });
    server.on('secureConnection', () => (connections += 1));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    port = address.port;
    config = new SharedKubeConfig();
    config.loadFromClusterAndUser(
      { name: 'c', server: `https://127.0.0.1:${port}`, caFile: path.join(folder, 'ca.crt'), skipTLSVerify: false },
      { name: 'u', token: 'secret' },
    );
  });
  after(async () => {
    await config.close();
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });

  test('fifty calls share few connections, by our client and by the library', async () => {
    const api = kubeApiOf(config);
    await Promise.all(Array.from({ length: 50 }, () => api.call({ path: '/api/v1/namespaces' })));
    const generated = config.makeApiClient(CoreV1Api);
    await Promise.all(Array.from({ length: 50 }, () => generated.listNamespace()));
    assert.ok(connections <= 4, `${connections} connections`);
    assert.ok(authorizations.every((header) => header === 'Bearer secret'));
  });

  test('reads that hang leave the lease and all other calls their connections', async () => {
    const api = kubeApiOf(config);
    const stopping = new AbortController();
    const { signal } = stopping;
    const secrets = Array.from({ length: 32 }, () => api.call({ path: '/hang', lane: 'secrets', signal }));
    const settled = Promise.allSettled(secrets);
    await api.call({ path: '/apis/coordination.k8s.io/v1/leases', lane: 'lease', timeout: 5000 });
    await api.call({ path: '/api/v1/namespaces', timeout: 5000 });
    stopping.abort();
    await settled;
  });

  test('Secrets of policies that hang leave those of Pods their connections', async () => {
    const api = kubeApiOf(config);
    const stopping = new AbortController();
    const { signal } = stopping;
    const ofPolicies = Array.from({ length: 32 }, () => api.call({ path: '/hang', lane: 'policySecrets', signal }));
    const settled = Promise.allSettled(ofPolicies);
    await api.call({ path: '/api/v1/namespaces', lane: 'secrets', timeout: 5000 });
    stopping.abort();
    await settled;
  });

  test('trusts a new authority as soon as its file changes, and no longer the old one', async () => {
    const next = await certify();
    const api = kubeApiOf(config);
    server.setSecureContext({ cert: next.serving.certificate, key: next.serving.privateKey });
    server.closeAllConnections();
    await assert.rejects(api.call({ path: '/api/v1/namespaces' }));
    await writeFile(path.join(folder, 'ca.crt'), next.authority.certificate);
    await api.call({ path: '/api/v1/namespaces' });
  });

  test('says so where no cluster is configured', () => {
    const none = new SharedKubeConfig();
    none.loadFromClusterAndUser(
      { name: 'cluster', server: 'http://localhost:8080', skipTLSVerify: false },
      { name: 'u' },
    );
    assert.throws(() => kubeApiOf(none), /no cluster is configured/);
    assert.throws(() => kubeApiOf(new SharedKubeConfig()), /no cluster is configured/);
  });

  test('tells of a proxy that it would ignore', async () => {
    const proxied = new SharedKubeConfig();
    const cluster = { name: 'c', server: 'https://127.0.0.1:1', proxyUrl: 'http://127.0.0.1:2', skipTLSVerify: false };
    proxied.loadFromClusterAndUser(cluster, { name: 'u' });
    await assert.rejects(proxied.authorization(), /proxy-url/);
  });
});
