// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NODE_FLAGS } from '../../../release/image.ts';
import { NODE_PATH, PROGRAM_PATH } from '../../../release/image/rootfs.ts';
import { json, render, template } from '../workbench/rendering.ts';
import { output } from '../workbench/tools.ts';

interface PodSpec {
  readonly volumes: readonly unknown[];
  readonly initContainers: readonly unknown[];
  readonly containers: readonly Container[];
}

interface Container extends Readonly<Record<'args' | 'env' | 'ports' | 'volumeMounts', readonly unknown[]>> {
  readonly command?: readonly string[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
}

/** Seconds. */
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

async function kinds(...flags: string[]): Promise<readonly string[]> {
  const objects = await render(...flags);
  return objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`).toSorted();
}

/** What a flag adds and takes away, of what there is by default. */
async function change(...flags: string[]): Promise<readonly [readonly string[], readonly string[]]> {
  const [usual, changed] = [await kinds(), await kinds(...flags)];
  return [changed.filter((one) => !usual.includes(one)), usual.filter((one) => !changed.includes(one))];
}

async function ourPod(...flags: string[]): Promise<{ readonly pod: PodSpec; readonly container: Container }> {
  const deployment = (await render(...flags)).find(({ kind }) => kind === 'Deployment');
  const { template: made }: { template: { spec: PodSpec } } = Object(deployment?.spec);
  const [container] = made.spec.containers;
  assert.ok(container);
  return { pod: made.spec, container };
}

const HELPERS = ['--set=config.credentialHelpers.binDir=/bin', '--set=config.credentialHelpers.hosts.a=b'];

async function deploymentText(...flags: string[]): Promise<string> {
  const deployment = (await render(...flags)).find(({ kind }) => kind === 'Deployment');
  return JSON.stringify(deployment?.spec);
}

/** How many objects name the kind of policies of namespaces. */
async function mentions(...flags: string[]): Promise<number> {
  const objects = await render(...flags);
  return objects.filter((object) => JSON.stringify(object).includes('namespacedimagepolicies')).length;
}

/** What helm shows after an installation. */
async function notes(...flags: string[]): Promise<string> {
  const [, ...rest] = template(...flags);
  const text = await output(['helm', 'install', ...rest.slice(1), '--dry-run=client']);
  return text.slice(text.indexOf('NOTES:'));
}

const threadPool = (value: string) => JSON.stringify({ name: 'UV_THREADPOOL_SIZE', value });

test('a node that starves a replica does not restart it: an answer may take seconds, for a minute', async () => {
  const { startupProbe, livenessProbe } = (await ourPod()).container;
  for (const { httpGet, periodSeconds, timeoutSeconds, failureThreshold } of [startupProbe, livenessProbe]) {
    assert.deepEqual(httpGet, { path: '/healthz', port: 'probes' });
    assert.ok(periodSeconds * failureThreshold >= 60 && timeoutSeconds >= 5);
  }
});

describe('what can be switched', () => {
  test('the dashboard: off by default; its port is told to who forwards to it, and to no Service or peer', async () => {
    assert.doesNotMatch(JSON.stringify((await ourPod()).container), /dashboard/);
    const flags = ['--set=dashboard.enabled=true', '--set=dashboard.port=9099'];
    assert.deepEqual(await change(...flags), [[], []]);
    const { container } = await ourPod(...flags);
    const at = container.args.indexOf('--dashboard-port');
    assert.equal(container.args[at + 1], '9099');
    const named = JSON.stringify(container.ports);
    assert.match(named, /\{"name":"dashboard","containerPort":9099\}/);
    for (const field of ['podIP', 'hostIP']) {
      assert.ok(JSON.stringify(container.env).includes(`{"fieldRef":{"fieldPath":"status.${field}"}}`), field);
    }
    const others = (await render(...flags)).filter(({ kind }) => kind !== 'Deployment');
    assert.doesNotMatch(JSON.stringify(others.filter(({ kind }) => kind !== 'ConfigMap')), /9099/);
  });

  for (const [flag, added, removed] of [
    ['webhook.pathToken=false', [], ['Secret/cosignet-path']],
    ['podDisruptionBudget.enabled=false', [], ['PodDisruptionBudget/cosignet']],
    ['replicas=1', [], ['PodDisruptionBudget/cosignet']],
    ['namespacedPolicies.enabled=false', [], ['CustomResourceDefinition/namespacedimagepolicies.cosignet.dev']],
    ['networkPolicy.enabled=false', [], ['NetworkPolicy/cosignet']],
    ['serviceMonitor.enabled=true', ['ServiceMonitor/cosignet'], []],
    ['prometheusRule.enabled=true', ['PrometheusRule/cosignet'], []],
    ['grafanaDashboard.enabled=true', ['ConfigMap/cosignet-dashboard'], []],
    ['digestRequired.enabled=true', ['ValidatingAdmissionPolicy/cosignet-digest-required'], []],
    [
      'certificates.provider=cert-manager',
      ['Certificate/cosignet', 'Certificate/cosignet-ca', 'Issuer/cosignet', 'Issuer/cosignet-root'],
      ['Secret/cosignet-tls'],
    ],
  ] as const) {
    test(`${flag} adds ${added.length} and removes ${removed.length} objects`, async () => {
      assert.deepEqual(await change(`--set=${flag}`), [added, removed]);
    });
  }

  test('a given issuer of cert-manager makes an authority of our own unneeded', async () => {
    const flags = ['--set=certificates.provider=cert-manager', '--set=certificates.issuerRef.name=corporate'];
    assert.deepEqual((await change(...flags))[0], ['Certificate/cosignet']);
    const certificate = (await render(...flags, '--set=certificates.issuerRef.kind=ClusterIssuer')).find(
      ({ kind }) => kind === 'Certificate',
    );
    const spec: { issuerRef?: unknown; renewBefore?: unknown; duration?: unknown } = { ...Object(certificate?.spec) };
    assert.deepEqual(spec.issuerRef, { group: 'cert-manager.io', kind: 'ClusterIssuer', name: 'corporate' });
    assert.deepEqual([spec.duration, spec.renewBefore], ['7776000s', '2592000s']);
  });

  test('policies of namespaces are followed unless they are switched off, also by values from before there were any', async () => {
    const off = await render('--set=namespacedPolicies.enabled=false');
    assert.equal(await mentions('--set=namespacedPolicies.enabled=false'), 0);
    assert.match(
      off.find(({ data }) => data?.['config.yaml'])?.data?.['config.yaml'] ?? '',
      /namespacedPolicies: false/,
    );
    // The definition, the ClusterRole and what is registered. As `helm upgrade --reuse-values` leaves it:
    assert.deepEqual([await mentions(), await mentions('--set=namespacedPolicies=null')], [3, 3]);
  });

  test('where cert-manager writes Secret and caBundle, the operator may not', async () => {
    const objects = await render('--set=certificates.provider=cert-manager');
    const writing = objects
      .flatMap((object) => object.rules ?? [])
      .filter(({ verbs }) => verbs?.some((verb) => ['create', 'update', 'patch'].includes(verb)))
      .flatMap(({ resources }) => resources);
    assert.deepEqual(writing.toSorted(), [
      'events',
      'imagepolicies/status',
      'leases',
      'leases',
      // `webhooks` without caBundle, which cainjector writes.
      'mutatingwebhookconfigurations',
      'namespacedimagepolicies/status',
      // Of the path token.
      'secrets',
      'secrets',
      'validatingwebhookconfigurations',
    ]);
    for (const { kind, metadata } of objects.filter(({ kind: one }) => one.endsWith('WebhookConfiguration'))) {
      assert.deepEqual(metadata.annotations, { 'cert-manager.io/inject-ca-from': 'cosignet/cosignet' }, kind);
    }
  });

  test('a variable that is given wins over the one that the chart sets', async () => {
    assert.ok((await deploymentText()).includes(threadPool('16')));
    const given = await deploymentText(json('extraEnv', [{ name: 'UV_THREADPOOL_SIZE', value: '4' }]));
    assert.ok(given.includes(threadPool('4')) && !given.includes(threadPool('16')));
  });

  test('what is extra gets where a Pod has it', async () => {
    const { pod, container } = await ourPod(
      json('extraArgs', ['--extra']),
      json('extraEnv', [{ name: 'EXTRA', value: 'e' }]),
      json('extraVolumes', [{ name: 'extra', emptyDir: {} }]),
      json('extraVolumeMounts', [{ name: 'extra', mountPath: '/extra' }]),
      json('initContainers', [{ name: 'first', image: 'first:1' }]),
    );
    assert.equal(container.args.at(-1), '--extra');
    assert.deepEqual(container.env.at(-1), { name: 'EXTRA', value: 'e' });
    assert.deepEqual(container.volumeMounts.at(-1), { name: 'extra', mountPath: '/extra' });
    assert.deepEqual(pod.volumes.at(-1), { name: 'extra', emptyDir: {} });
    assert.deepEqual(pod.initContainers, [{ name: 'first', image: 'first:1' }]);
  });

  test('a trust root in a TUF repository gives the process one folder to write to, and nothing else does', async () => {
    const inFile = { name: 'a', file: '/a.json' };
    const followed = { name: 'b', tuf: { url: 'https://tuf.example.com', rootFile: '/root.json' } };
    const usual = await ourPod(json('config.trustRoots', [inFile]));
    assert.deepEqual([usual.container.command, usual.pod.volumes.length], [undefined, 1]);
    assert.ok(!JSON.stringify(usual).includes('tuf'));
    const { pod, container } = await ourPod(json('config.trustRoots', [inFile, followed]));
    const where = '/var/cache/cosignet';
    assert.deepEqual(container.command, [NODE_PATH, ...NODE_FLAGS, `--allow-fs-write=${where}`, PROGRAM_PATH]);
    assert.deepEqual(container.args.slice(-2), ['--tuf-cache', where]);
    assert.deepEqual(container.volumeMounts.at(-1), { name: 'tuf', mountPath: where });
    assert.deepEqual(pod.volumes.at(-1), { name: 'tuf', emptyDir: { sizeLimit: '128Mi' } });
    const { command } = (await ourPod(json('config.trustRoots', [followed]), ...HELPERS)).container;
    const programs = ['--allow-child-process', '--disable-warning=PERM0002'];
    assert.deepEqual(command?.slice(-4), [...programs, `--allow-fs-write=${where}`, PROGRAM_PATH]);
  });

  test('programs that know keys of a KMS may be started where they are listed, and none otherwise', async () => {
    const vault = await ourPod('--set=config.kms.vault.address=https://vault.example.com');
    assert.equal(vault.container.command, undefined);
    const { container } = await ourPod(
      json('config.kms', { plugins: { folder: '/opt/kms-plugins', names: ['my-hsm'] } }),
    );
    const programs = ['--allow-child-process', '--disable-warning=PERM0002'];
    assert.deepEqual(container.command, [NODE_PATH, ...NODE_FLAGS, ...programs, PROGRAM_PATH]);
  });

  test('the notes tell what to do next, and of what is unsafe', async () => {
    const plain = await notes();
    for (const part of ['- kube-system', 'Write one first', 'helm test cosignet --namespace cosignet']) {
      assert.ok(plain.includes(part), plain);
    }
    assert.doesNotMatch(plain, /Ignore|Audit|one replica/);
    assert.match(await notes('--set=webhook.failurePolicy=Ignore'), /not checked: webhook.failurePolicy is Ignore/);
    assert.match(await notes('--set=config.enforcement=Audit'), /Nothing is denied/);
    assert.match(await notes('--set=replicas=1'), /With one replica/);
    assert.match(
      await notes('--set=digestRequired.enabled=true', '--set=config.pinDigests=None'),
      /Images without a digest are refused/,
    );
  });
});
