// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../../control-plane/process.ts';
import { makeAuthority } from '../../fakes/tls.ts';
import {
  admitted,
  answer,
  install,
  keyFlags,
  openInstallation,
  tryPod,
  type Installation,
} from '../workbench/installation.ts';
import { askReplica } from '../workbench/replica.ts';

/** As GKE's API server has it: Pods that are critical only where a quota says how many. */
const LIMITED = {
  name: 'ResourceQuota',
  configuration: {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'ResourceQuotaConfiguration',
    limitedResources: [
      {
        resource: 'pods',
        matchScopes: [
          {
            scopeName: 'PriorityClass',
            operator: 'In',
            values: ['system-node-critical', 'system-cluster-critical'],
          },
        ],
      },
    ],
  },
};

/** How an API server is told what to show to webhooks: both plugins read a kubeconfig whose users are named by host. */
function showing(kubeConfigFile: string): object[] {
  return ['MutatingAdmissionWebhook', 'ValidatingAdmissionWebhook'].map((name) => ({
    name,
    configuration: { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'WebhookAdmissionConfiguration', kubeConfigFile },
  }));
}

/** Its users: one for each port on which this machine may have the Service. */
function webhookKubeconfig({ key, cert }: { readonly key: string; readonly cert: string }): string {
  const user = { 'client-certificate-data': btoa(cert), 'client-key-data': btoa(key) };
  const users = [443, 8443].map((port) => ({ name: `cosignet.cosignet.svc:${port}`, user }));
  return JSON.stringify({ apiVersion: 'v1', kind: 'Config', users });
}

const PORTS = ['--set=ports.webhook=10250', '--set=ports.metrics=10251'];

/** One story, in order: an API server that limits critical Pods, holds namespaces to Pod Security, and shows who it is. */
describe('on an API server that is strict about Pods', () => {
  let here: Installation;
  const dir = mkdtempSync(path.join(tmpdir(), 'cosignet-'));
  const [authority, stranger] = [makeAuthority('webhook-clients'), makeAuthority('strangers')];
  before(async () => {
    const clients = path.join(dir, 'webhooks.kubeconfig');
    writeFileSync(clients, webhookKubeconfig(authority.certify('kube-apiserver-webhooks')));
    here = await openInstallation(dir, { admission: [LIMITED, ...showing(clients)] });
    await here.kubectl('create', 'namespace', 'cosignet');
    await podSecurity('restricted');
  });
  after(() => here.close());

  test('no replica starts without a quota for critical Pods', async () => {
    const flags = [...keyFlags(here.release), '--timeout=10s', '--set=criticalPodsQuota.create=Never'];
    const { code } = await here.make('install', ...flags);
    assert.notEqual(code, 0);
    await waitFor(
      'the refusal',
      async () => /insufficient quota to match these scopes/.test(await refusals()) || undefined,
    );
    assert.equal((await here.helm('uninstall', 'cosignet', '--namespace=cosignet')).code, 0);
  });

  test('replicas start with it, and as Pod Security demands', async () => {
    await install(here, '--set=criticalPodsQuota.create=Always');
    await admitted(here, here.images.signed);
    await waitFor('two Pods to be counted', async () => {
      assert.equal(await here.read('cosignet:resourcequota/cosignet', '.status.used.pods'), '2');
      return true;
    });
    assert.match(await here.refused(...tryPod(here.images.unsigned)), /denied the request/);
  });

  test('`helm test` is admitted there, too', async () => {
    const { code, stdout, stderr } = await here.helm('test', 'cosignet', '--namespace=cosignet', '--timeout=180s');
    assert.equal(code, 0, stdout + stderr);
  });

  test("the nodes' network is for namespaces that may have it; the others' replicas go on", async () => {
    const flags = ['--set=criticalPodsQuota.create=Always', '--set=hostNetwork=true', ...PORTS];
    const failed = await here.make('install', ...keyFlags(here.release), ...flags, '--timeout=10s');
    assert.notEqual(failed.code, 0);
    await waitFor('the refusal', async () => {
      return /violates PodSecurity "restricted:latest": .*host namespaces/.test(await refusals()) || undefined;
    });
    await here.kubectl(...tryPod(here.images.signed));
    await podSecurity('privileged');
    await install(here, ...flags);
    await admitted(here, here.images.signed);
    const pods = 'get pods --namespace=cosignet --selector=app.kubernetes.io/name=cosignet'.split(' ');
    const hosts = await here.kubectl(...pods, '--output=jsonpath={.items[*].spec.hostNetwork}');
    assert.match(hosts, /^true( true)+$/);
    // Held for each of them by the scheduler, which the API server tells by this.
    const [port] = (
      await here.kubectl(...pods, '--output=jsonpath={.items[*].spec.containers[0].ports[0].hostPort}')
    ).split(' ');
    assert.equal(port, '10250');
    assert.match(await here.refused(...tryPod(here.images.unsigned)), /denied the request/);
  });

  test('a Service of both families has an address of each, and is called', async () => {
    const address = await here.read('cosignet:service/cosignet', '.spec.clusterIP');
    assert.match(address, /^127\./);
    const flags = ['--set=criticalPodsQuota.create=Always', '--set=service.ipFamilyPolicy=RequireDualStack'];
    await install(here, ...flags);
    const both = await here.read('cosignet:service/cosignet', '.spec.clusterIPs[*]');
    assert.match(both, new RegExp(`^${address} fd00:127:`));
    await admitted(here, here.images.signed);
  });

  test('its client certificate is looked at where the configuration asks for one', async () => {
    const caFile = path.join(dir, 'clients.crt');
    writeFileSync(caFile, authority.pem);
    await install(
      here,
      '--set=criticalPodsQuota.create=Always',
      `--set=config.clientCertificates.caFile=${caFile}`,
      '--set=config.clientCertificates.names[0]=kube-apiserver-webhooks',
    );
    await admitted(here, here.images.signed);
    assert.match(await here.refused(...tryPod(here.images.unsigned)), /denied the request/);
    // Whoever knows the path and has no certificate.
    const pods = '--namespace=cosignet get pods --selector=app.kubernetes.io/name=cosignet --output=name'.split(' ');
    const newest = (await here.kubectl(...pods, '--sort-by=.metadata.creationTimestamp')).split('/').at(-1) ?? '';
    const asking = askReplica(here, newest, { image: here.images.signed });
    await assert.rejects(asking, /HTTP 401: a client certificate is needed/);
    // Another authority's is none: it is the API server's that was believed.
    writeFileSync(caFile, stranger.pem);
    await waitFor('the API server to be a stranger', async () => {
      const said = await answer(here, here.images.signed);
      if (said === '') return undefined;
      assert.match(said, /failed calling webhook/);
      return true;
    });
    writeFileSync(caFile, authority.pem);
    await admitted(here, here.images.signed);
  });

  async function podSecurity(level: string): Promise<void> {
    await here.kubectl('label', '--overwrite', 'namespace', 'cosignet', `pod-security.kubernetes.io/enforce=${level}`);
  }

  /** Why the Deployment gets no Pods. */
  async function refusals(): Promise<string> {
    const events = '--field-selector=reason=FailedCreate';
    return here.kubectl('--namespace=cosignet', 'get', 'events', events, '--output=jsonpath={.items[*].message}');
  }
});
