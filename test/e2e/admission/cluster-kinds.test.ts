// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { codeBlocks, section } from '../../checks/markdown.ts';
import { parseConfiguration } from '../../../core/config/configuration.ts';
import { json, refusal, registration, render, type Rendered } from '../workbench/rendering.ts';
import { ROOT } from '../workbench/tools.ts';

const PAGE = readFileSync(path.join(ROOT, 'docs/how-to/install-by-kind-of-cluster.md'), 'utf8');

/** The values of a section of the page, as flags of helm: one list a block. */
function valuesOf(heading: string): string[][] {
  const blocks = codeBlocks(section(PAGE, heading) ?? '', ['yaml']);
  assert.notEqual(blocks.length, 0, heading);
  return blocks.map((block) => Object.entries(parse(block)).map(([name, value]) => json(name, value)));
}

const NAMESPACES: Readonly<Record<'network' | 'storage' | 'autoscaling' | 'gitops', readonly string[]>> = parse(
  readFileSync(path.join(ROOT, 'helm/files/namespaces.yaml'), 'utf8'),
);

/** A webhook's namespaces: operator and names. */
function namespacesOf({ namespaceSelector }: { readonly namespaceSelector: unknown }): unknown[] {
  const { matchExpressions }: { matchExpressions: { operator: string; values: string[] }[] } =
    Object(namespaceSelector);
  return matchExpressions.flatMap(({ operator, values }) => [operator, values]);
}

interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly dnsPolicy: string;
  readonly priorityClassName?: string;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly [
    { readonly args: readonly string[]; readonly ports: readonly { name: string; containerPort: number }[] },
  ];
}

function podOf(objects: readonly Rendered[]): PodSpec {
  const { template }: { template: { spec: PodSpec } } = Object(deploymentOf(objects).spec);
  return template.spec;
}

async function quota(...flags: string[]): Promise<unknown> {
  return specOf(await render(...flags), 'ResourceQuota');
}

async function families(...flags: string[]): Promise<unknown[]> {
  const { ipFamilyPolicy, ipFamilies } = specOf(await render(...flags), 'Service') ?? {};
  return [ipFamilyPolicy, ipFamilies];
}

function deploymentOf(objects: readonly Rendered[]): Rendered {
  const deployment = objects.find(({ kind }) => kind === 'Deployment');
  assert.ok(deployment);
  return deployment;
}

function specOf(objects: readonly Rendered[], wanted: string): Readonly<Record<string, unknown>> | undefined {
  const found = objects.find(({ kind }) => kind === wanted);
  return found && { ...Object(found.spec) };
}

/** What the container listens on, by what it is told and by what the cluster is told. */
function portsOf({ containers: [{ args, ports }] }: PodSpec) {
  const after = (flag: string) => args[args.indexOf(flag) + 1];
  const named = Object.fromEntries(ports.map(({ name, containerPort }) => [name, containerPort]));
  return { listen: after('--listen'), metricsListen: after('--metrics-listen'), named };
}

const SURGE = { maxSurge: 1, maxUnavailable: 0 };

describe('values by kind of cluster, as the page has them', () => {
  test('by default listen on every address of the Pod, in its own network', async () => {
    const objects = await render();
    const pod = podOf(objects);
    assert.deepEqual([pod.hostNetwork, pod.dnsPolicy], [undefined, 'ClusterFirst']);
    const named = { webhook: 8443, metrics: 8080, probes: 8081 };
    assert.deepEqual(portsOf(pod), { listen: ':8443', metricsListen: ':8080', named });
    assert.deepEqual(strategyOf(objects), SURGE);
  });

  test("bring replicas into the nodes' network, at ports that are free there", async () => {
    const [network = [], dns = []] = valuesOf('The API server cannot reach Pods');
    const objects = await render(...network);
    const pod = podOf(objects);
    assert.deepEqual([pod.hostNetwork, pod.dnsPolicy], [true, 'ClusterFirstWithHostNet']);
    const named = { webhook: 10_260, metrics: 10_261, probes: 10_262 };
    assert.deepEqual(portsOf(pod), { listen: ':10260', metricsListen: ':10261', named });
    // Where every node has a replica already, no other finds a port.
    assert.deepEqual(strategyOf(objects), { maxSurge: 1, maxUnavailable: 1 });
    assert.deepEqual(strategyOf(await render(...network, '--set=replicas=1')), SURGE);
    assert.equal(podOf(await render(...network, ...dns)).dnsPolicy, 'Default');
  });

  test('listen where a firewall lets the API server through; the Service stays', async () => {
    const [values = []] = valuesOf('A firewall in front of the nodes');
    const objects = await render(...values);
    assert.deepEqual(portsOf(podOf(objects)).named, { webhook: 10_250, metrics: 8080, probes: 8081 });
    assert.deepEqual(specOf(objects, 'Service')?.['ports'], specOf(await render(), 'Service')?.['ports']);
  });

  test('make a quota for critical Pods where told so, or where the cluster is known to ask for it', async () => {
    const [always = [], without = []] = valuesOf('Limits on critical Pods');
    const wanted = {
      hard: { pods: '10' },
      scopeSelector: {
        matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['system-cluster-critical'] }],
      },
    };
    const gke = '--kube-version=v1.33.1-gke.1107000';
    assert.deepEqual(await quota(...always), wanted);
    assert.deepEqual(await quota(gke), wanted);
    for (const flags of [[], [gke, '--set=criticalPodsQuota.create=Never'], [...always, ...without]]) {
      assert.equal(await quota(...flags), undefined, flags.join(' '));
    }
    assert.ok(!podOf(await render(...without)).priorityClassName);
  });

  test('mark both webhook configurations for AKS, beside what cert-manager is told', async () => {
    const [values = []] = valuesOf("AKS' admissions enforcer");
    const more = [json('webhook.annotations', { a: 'b' }), '--set=certificates.provider=cert-manager'];
    const marked = (await render(...values, ...more)).filter(({ kind }) => kind.endsWith('WebhookConfiguration'));
    assert.equal(marked.length, 2);
    for (const { metadata } of marked) {
      assert.equal(metadata.labels?.['admissions.enforcer/disabled'], 'true');
      assert.equal(metadata.labels?.['app.kubernetes.io/name'], 'cosignet');
      assert.deepEqual(metadata.annotations, { a: 'b', 'cert-manager.io/inject-ca-from': 'cosignet/cosignet' });
    }
  });

  test('name no user and no group on OpenShift, nor where told so, in any Pod', async () => {
    const [byHand = []] = valuesOf('OpenShift');
    const free = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
    for (const flags of [['--api-versions=security.openshift.io/v1'], byHand]) {
      const objects = await render(...flags);
      assert.deepEqual(podOf(objects).securityContext, free);
      assert.deepEqual(specOf(objects, 'Pod')?.['securityContext'], free);
      assert.doesNotMatch(JSON.stringify(objects), /runAsUser|runAsGroup|fsGroup|65532/);
      assert.equal(specOf(objects, 'Route'), undefined);
    }
    const fixed = { ...free, runAsUser: 65_532, runAsGroup: 65_532, fsGroup: 65_532 };
    assert.deepEqual(podOf(await render()).securityContext, fixed);
  });

  test('give the Service the families that are asked for, and leave them to the cluster otherwise', async () => {
    const [both = [], one = [], narrow = []] = valuesOf('IPv6');
    assert.deepEqual(await families(), [undefined, undefined]);
    assert.deepEqual(await families(...both), ['PreferDualStack', undefined]);
    assert.deepEqual(await families(...one), ['SingleStack', ['IPv6']]);
    // The last one counts.
    assert.deepEqual(podOf(await render(...narrow)).containers[0].args.slice(-2), ['--metrics-listen', '[::1]:10261']);
  });

  test('exclude sets of namespaces, or have them looked at, each once', async () => {
    const [sets = []] = valuesOf('Namespaces that never wait');
    const objects = await render(
      ...sets,
      json('config.excludedNamespaces', ['kube-system', 'lab', { name: 'karpenter', mode: 'Audit' }]),
    );
    const text = objects.find(({ kind }) => kind === 'ConfigMap')?.data?.['config.yaml'] ?? '';
    const { excludedNamespaces, auditedNamespaces } = parseConfiguration(text);
    const { network, storage, autoscaling, gitops } = NAMESPACES;
    // What is not looked at anyway is not audited either.
    const unseen = ['cosignet', 'kube-system', 'lab', ...network, ...storage, ...autoscaling];
    assert.deepEqual(excludedNamespaces, unseen);
    assert.deepEqual(auditedNamespaces, gitops);
    const { mutating, validating } = registration(objects);
    const called = (name: string) => [...mutating, ...validating].find((webhook) => webhook.name === name);
    const [pinning, enforcing, auditing] = ['mutate', 'validate', 'audit'].map((name) =>
      called(`${name}.cosignet.dev`),
    );
    assert.ok(pinning && enforcing && auditing);
    for (const webhook of [pinning, enforcing]) {
      assert.deepEqual(namespacesOf(webhook), ['NotIn', [...unseen, ...gitops]]);
    }
    assert.deepEqual(namespacesOf(auditing), ['In', gitops]);
    // But for who waits how long, it is asked the same.
    const patience = { name: 'audit.cosignet.dev', failurePolicy: 'Ignore', timeoutSeconds: 2 };
    const { namespaceSelector } = auditing;
    assert.deepEqual(auditing, { ...enforcing, ...patience, namespaceSelector });
  });

  test('know only sets that the chart has, each of them with names', async () => {
    const sets = Object.keys(NAMESPACES);
    await render(json('excludedNamespaceSets', sets));
    assert.match(await refusal(json('excludedNamespaceSets', ['azure'])), /excludedNamespaceSets/);
    for (const [set, names] of Object.entries(NAMESPACES)) {
      assert.ok(names.length > 0, set);
      assert.deepEqual(names, [...new Set(names)].toSorted(), set);
      assert.ok(!names.includes('kube-system'), set);
    }
    // All of them at once are a configuration.
    const objects = await render(json('excludedNamespaceSets', sets));
    parseConfiguration(objects.find(({ kind }) => kind === 'ConfigMap')?.data?.['config.yaml'] ?? '');
  });

  test('of a chart from before them are told how to upgrade', async () => {
    for (const name of ['ports', 'podSecurityContext', 'criticalPodsQuota']) {
      assert.match(await refusal(`--set=${name}=null`), /value \w+ is missing: upgrade with --reset-then-reuse-values/);
    }
  });
});

function strategyOf(objects: readonly Rendered[]): unknown {
  const { strategy }: { strategy: { rollingUpdate: unknown } } = Object(deploymentOf(objects).spec);
  return strategy.rollingUpdate;
}
