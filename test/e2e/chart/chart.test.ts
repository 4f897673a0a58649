// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { parseConfiguration } from '../../../core/config/configuration.ts';
import { WORKLOADS } from '../../../webhook/admission/request/workloads.ts';
import { json, refusal, registration, render, type Rendered } from '../workbench/rendering.ts';
import { output } from '../workbench/tools.ts';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const publicPem = publicKey.export({ type: 'spki', format: 'pem' });
const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' });

const DIGEST_REQUIRED = 'cosignet-digest-required';

describe('the chart', () => {
  test('passes strict lint', async () => {
    await output(['helm', 'lint', 'helm', '--strict']);
  });

  test('renders a policy for all images from a pasted cosign key', async () => {
    const objects = await render(json('notary', { rootPubKey: publicPem, isCosign: true }));
    const policies = objects.filter(({ kind }) => kind === 'ImagePolicy');
    // Made after the installation. Nothing of its kind is for an uninstallation, which may find the kind gone.
    assert.deepEqual(
      policies.map(({ metadata }) => metadata.annotations?.['helm.sh/hook']),
      ['post-install,post-upgrade,post-rollback'],
    );
    for (const policy of policies) {
      assert.deepEqual(policy.spec, {
        action: 'Verify',
        images: ['**'],
        mode: 'Enforce',
        keys: [{ name: 'cosign.pub', pem: publicPem }],
      });
    }
  });

  test('takes an RSA key in either of its two PEM forms, as the policy does', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    for (const type of ['spki', 'pkcs1'] as const) {
      const rootPubKey = rsa.export({ type, format: 'pem' });
      const objects = await render(json('notary', { rootPubKey, isCosign: true }));
      assert.ok(JSON.stringify(objects).includes(JSON.stringify(rootPubKey)), type);
    }
  });

  test('makes the policy part of the release where its kind is served', async () => {
    const served = '--api-versions=cosignet.dev/v1/ImagePolicy';
    const objects = await render(served, json('notary', { rootPubKey: publicPem, isCosign: true }));
    const policies = objects.filter(({ kind }) => kind === 'ImagePolicy');
    const [marks, ...more] = policies.map(({ metadata }) => metadata.annotations ?? {});
    assert.equal(more.length, 0);
    assert.equal(marks?.['helm.sh/hook'], undefined);
    assert.equal(marks?.['helm.sh/resource-policy'], 'keep');
  });

  test('takes the native spelling, and nothing by default', async () => {
    const policy = { enabled: true, images: ['docker.io/acme/*'], mode: 'Warn', keys: [{ pem: publicPem }] };
    const objects = await render(json('defaultPolicy', policy));
    const rendered = objects.find(({ kind }) => kind === 'ImagePolicy');
    assert.deepEqual(rendered?.spec, { action: 'Verify', images: policy.images, mode: 'Warn', keys: policy.keys });
    assert.equal(
      (await render()).some(({ kind }) => kind === 'ImagePolicy'),
      false,
    );
  });

  test('refuses a Notary v1 key with a sentence', async () => {
    const message = await refusal(json('notary', { rootPubKey: publicPem, isCosign: false }));
    assert.match(message, /Notary v1 is not supported/);
  });

  test('asks for the repository of its image with a sentence', async () => {
    assert.match(
      await refusal('--set=image.repository='),
      /image\.repository is empty: name the registry and repository/,
    );
  });

  test('refuses what can only be a mistake', async () => {
    assert.match(await refusal(json('notary', { isCosign: true })), /rootPubKey is empty: paste .*cosign\.pub/);
    assert.match(await refusal(json('notary', { rootPubKey: privatePem, isCosign: true })), /is a private key/);
    assert.match(await refusal(json('notary', { rootPubKey: 'x', isCosign: true })), /not a public key in PEM/);
    const two = `${publicPem}${publicPem}`;
    assert.match(await refusal(json('notary', { rootPubKey: two, isCosign: true })), /holds several keys: give each/);
    assert.match(await refusal('--set=defaultPolicy.enabled=true'), /needs at least one key/);
    assert.match(await refusal('--set=notry.isCosign=true'), /additional properties 'notry' not allowed/);
    assert.match(await refusal('--set=config.unmatchedImage=Deny'), /'unmatchedImage' not allowed/);
    assert.match(await refusal('--set=image.digest=latest'), /image\/digest/);
  });

  test("refuses a dashboard on a loopback that is the node's", async () => {
    const flags = ['--set=dashboard.enabled=true', '--set=hostNetwork=true'];
    assert.match(await refusal(...flags), /dashboard\.enabled cannot be used with hostNetwork: .*every process there/);
  });

  test('leaves its own namespace and the excluded ones alone, in webhooks and configuration', async () => {
    const objects = await render('--set=config.excludedNamespaces={kube-system,storage}');
    const webhooks = imageWebhooks(objects);
    assert.equal(webhooks.length, 2);
    for (const webhook of webhooks) {
      assert.deepEqual(webhook.namespaceSelector, {
        matchExpressions: [
          { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['cosignet', 'kube-system', 'storage'] },
        ],
      });
    }
    const config = objects.find(({ kind }) => kind === 'ConfigMap')?.data?.['config.yaml'] ?? '';
    const written: { excludedNamespaces: unknown } = parse(config);
    assert.deepEqual(written.excludedNamespaces, ['cosignet', 'kube-system', 'storage']);
  });

  test('has every kind that holds a Pod sent to the webhooks', async () => {
    const objects = await render();
    const whole = WORKLOADS.map(({ group, version, resource }) => `${group}/${version}/${resource} CREATE,UPDATE`);
    const parts = WORKLOADS.flatMap(({ group, version, resource, subResources }) =>
      subResources.map((part) => `${group}/${version}/${resource}/${part} UPDATE`),
    );
    for (const webhook of imageWebhooks(objects)) {
      const sent = webhook.rules.flatMap(({ apiGroups, apiVersions, resources, operations }) =>
        resources.map((resource) => `${apiGroups.join()}/${apiVersions.join()}/${resource} ${operations.join()}`),
      );
      assert.deepEqual(sent.toSorted(), [...whole, ...parts].toSorted());
    }
  });

  test('has custom resources of the configuration sent to the webhooks, changed as far as images may be', async () => {
    const workloads = [
      { group: 'argoproj.io', version: 'v1alpha1', resource: 'rollouts', podSpec: 'spec.template.spec' },
      { group: 'example.com', version: 'v1', resource: 'runs', images: ['work[*].image', 'spec.image'] },
    ];
    const objects = await render(json('config.workloads', workloads));
    for (const webhook of imageWebhooks(objects)) {
      const custom = workloads.map(({ group, version, resource }) => ({
        apiGroups: [group],
        apiVersions: [version],
        operations: ['CREATE', 'UPDATE'],
        resources: [resource],
        scope: 'Namespaced',
      }));
      assert.deepEqual(webhook.rules.slice(-2), custom);
      const { expression } = webhook.matchConditions.at(-1) ?? { expression: '' };
      assert.deepEqual([...new Set(expression.match(/(?<=object\[')\w+/g))], ['spec', 'work']);
    }
    const config = objects.find(({ kind }) => kind === 'ConfigMap')?.data?.['config.yaml'] ?? '';
    assert.equal(parseConfiguration(config).workloads.length, 2);
    const bad = { ...workloads[0], podSpec: 'spec..spec' };
    assert.match(await refusal(json('config.workloads', [bad])), /workloads\/0\/podSpec.*spec\.\.spec/);
  });

  test('grants rights on reports only where they are asked for, of one kind and by one name', async () => {
    const verbs = 'list,create,patch,delete';
    assert.deepEqual(await reportRights(), []);
    assert.deepEqual(await reportRights(reportsOf('None')), []);
    assert.deepEqual(await reportRights(reportsOf('OpenReports')), [`openreports.io reports cosignet ${verbs}`]);
    assert.deepEqual(await reportRights(reportsOf('PolicyReports')), [
      `wgpolicyk8s.io policyreports cosignet ${verbs}`,
    ]);
    assert.deepEqual(await reportRights(reportsOf('OpenReports'), '--set=backgroundScan.enabled=false'), []);
  });

  test('registers nothing by itself, and no caBundle: both are for the leading replica to write', async () => {
    const objects = await render();
    const configurations = objects.filter(({ kind }) => kind.endsWith('WebhookConfiguration'));
    assert.equal(configurations.length, 2);
    for (const { kind, webhooks } of configurations) assert.equal(webhooks, undefined, kind);
    const service = { name: 'cosignet', namespace: 'cosignet', port: 443 };
    assert.deepEqual(
      webhooksOf(objects).map(({ clientConfig }) => clientConfig),
      ['/mutate', '/validate', '/policies', '/definitions'].map((where) => ({ service: { ...service, path: where } })),
    );
  });

  test('has policies looked at as they are written, and lets nobody wait for it', async () => {
    const looking = webhooksOf(await render()).find(({ name }) => name === 'policies.cosignet.dev');
    assert.deepEqual([looking?.failurePolicy, looking?.timeoutSeconds, looking?.sideEffects], ['Ignore', 2, 'None']);
    assert.deepEqual(
      looking?.rules.map(({ apiGroups, resources }) => [apiGroups, resources]),
      [[['cosignet.dev'], ['imagepolicies', 'namespacedimagepolicies']]],
    );
  });

  test('guards its own definitions, and lets nobody wait for that', async () => {
    const guarding = webhooksOf(await render()).find(({ name }) => name === 'definitions.cosignet.dev');
    assert.deepEqual([guarding?.failurePolicy, guarding?.sideEffects], ['Ignore', 'None']);
    assert.deepEqual(
      guarding?.rules.map(({ resources, operations }) => [resources, operations]),
      [[['customresourcedefinitions'], ['UPDATE']]],
    );
    assert.deepEqual(
      guarding?.matchConditions.map(({ name }) => name),
      ['of-policies', 'changed', 'may-not-drop-fields'],
    );
  });

  test('may change nothing but what is its own', async () => {
    const objects = await render();
    const rules = objects.flatMap((object) => object.rules ?? []).filter(({ apiGroups }) => apiGroups !== undefined);
    const writing = rules.filter(({ verbs }) => !verbs.every((verb) => ['get', 'list', 'watch'].includes(verb)));
    const open = writing.filter(({ resourceNames }) => resourceNames === undefined);
    assert.deepEqual(
      open.map(({ resources, verbs }) => [resources, verbs]),
      [
        [
          ['imagepolicies/status', 'namespacedimagepolicies/status'],
          ['patch', 'update'],
        ],
        [['events'], ['create', 'patch']],
        [['secrets'], ['create']],
        [['leases'], ['create']],
      ],
    );
    assert.equal(
      rules.some(({ verbs, resources }) => [...verbs, ...resources].includes('*')),
      false,
    );
  });

  test('reads no Secret of other namespaces when told so', async () => {
    const objects = await render('--set=pullSecrets.read=false');
    const rules = objects.filter(({ kind }) => kind === 'ClusterRole').flatMap((object) => object.rules ?? []);
    assert.equal(
      rules.some(({ resources }) => resources.includes('secrets')),
      false,
    );
  });

  test('knows nothing of policies of namespaces when told so', async () => {
    const objects = await render('--set=namespacedPolicies.enabled=false');
    const text = JSON.stringify(objects);
    assert.ok(!text.includes('namespacedimagepolicies'));
    const configuration = objects.find(({ kind }) => kind === 'ConfigMap')?.data?.['config.yaml'] ?? '';
    assert.match(configuration, /^namespacedPolicies: false$/m);
    assert.ok(JSON.stringify(await render()).includes('namespacedimagepolicies.cosignet.dev'));
  });

  test('keeps the definition at an uninstallation only when told so', async () => {
    assert.deepEqual(resourcePolicies(await render()), ['keep', 'keep']);
    assert.deepEqual(resourcePolicies(await render('--set=crds.keep=false')), [undefined, undefined]);
  });
});

describe('what the chart adds when told so', () => {
  test('demands digests by a policy of the API server only where enabled', async () => {
    assert.deepEqual(digestRequired(await render()), []);
    const objects = await render('--set=digestRequired.enabled=true');
    const [policy, ...more] = digestRequired(objects);
    // Nothing binds it before the webhooks are in force.
    assert.deepEqual([policy?.metadata.name, more.length], [DIGEST_REQUIRED, 0]);
    const spec = { policyName: DIGEST_REQUIRED, validationActions: ['Deny'] };
    assert.deepEqual(registration(objects).digestRequired, { name: DIGEST_REQUIRED, spec });
    assert.equal(at(policy?.spec, 'failurePolicy'), 'Fail');
  });

  for (const action of ['Deny', 'Warn', 'Audit']) {
    test(`demands digests with the action ${action}, under a name of the release`, async () => {
      const flags = [json('digestRequired', { enabled: true, action }), '--set=fullnameOverride=gate'];
      const objects = await render(...flags);
      const name = 'gate-digest-required';
      assert.equal(digestRequired(objects)[0]?.metadata.name, name);
      const spec = { policyName: name, validationActions: [action] };
      assert.deepEqual(registration(objects).digestRequired, { name, spec });
    });
  }

  test('demands no digests where the webhooks do not look, nor where told so', async () => {
    const values = json('digestRequired', { enabled: true, excludedNamespaces: ['lab', 'kube-system'] });
    const [policy] = digestRequired(await render(values, '--set=config.excludedNamespaces={kube-system,storage}'));
    assert.deepEqual(at(policy?.spec, 'matchConstraints', 'namespaceSelector', 'matchExpressions'), [
      {
        key: 'kubernetes.io/metadata.name',
        operator: 'NotIn',
        values: ['cosignet', 'kube-system', 'storage', 'lab'],
      },
    ]);
  });

  test("runs its test in the release's image, as nobody and with nothing", async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const objects = await render(`--set=image.repository=registry.example/gate`, `--set=image.digest=${digest}`);
    const pods = objects.filter(({ kind }) => kind === 'Pod');
    assert.deepEqual(
      pods.map(({ metadata }) => metadata.annotations?.['helm.sh/hook']),
      ['test'],
    );
    const spec = pods[0]?.spec;
    assert.equal(at(spec, 'restartPolicy'), 'Never');
    assert.equal(at(spec, 'automountServiceAccountToken'), false);
    assert.equal(at(spec, 'securityContext', 'runAsNonRoot'), true);
    assert.deepEqual(at(spec, 'securityContext', 'seccompProfile'), { type: 'RuntimeDefault' });
    const container = at(spec, 'containers', '0');
    assert.match(String(at(container, 'image')), new RegExp(`^registry\\.example/gate:.+@${digest}$`));
    // The image's entrypoint is the program, which is not what is tested with.
    assert.deepEqual(at(container, 'command'), ['node']);
    assert.deepEqual(at(container, 'securityContext'), {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    assert.ok(at(container, 'resources', 'requests', 'memory'));
    assert.ok(at(container, 'resources', 'limits', 'memory'));
  });

  test('sends no review to the Pod of its test', async () => {
    const objects = await render();
    const selector = at(objects.find(({ kind }) => kind === 'Service')?.spec, 'selector');
    const { labels } = objects.find(({ kind }) => kind === 'Pod')?.metadata ?? {};
    assert.equal(at(selector, 'app.kubernetes.io/name'), 'cosignet');
    assert.notEqual(labels?.['app.kubernetes.io/name'], 'cosignet');
  });
});

/** On reports: `groups resources names verbs`. */
async function reportRights(...flags: readonly string[]): Promise<readonly string[]> {
  const role = (await render(...flags)).find(({ kind }) => kind === 'ClusterRole');
  const rules = (role?.rules ?? []).filter(({ resources }) => resources.some((one) => one.endsWith('reports')));
  return rules.map(({ apiGroups, resources, verbs, resourceNames = ['any'] }) =>
    [apiGroups, resources, resourceNames, verbs].map((names) => names.join()).join(' '),
  );
}

const reportsOf = (format: string) => `--set=config.backgroundScan.reports=${format}`;

/** Those that are asked about what holds images. */
function imageWebhooks(objects: readonly Rendered[]) {
  return webhooksOf(objects).filter(
    ({ name }) => !['policies.cosignet.dev', 'definitions.cosignet.dev'].includes(name),
  );
}

function webhooksOf(objects: readonly Rendered[]) {
  const { mutating, validating } = registration(objects);
  return [...mutating, ...validating];
}

function digestRequired(objects: readonly Rendered[]): Rendered[] {
  return objects.filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'));
}

/** A value that can only be a mistake, and the path at which it is refused. */
const MISTAKES: readonly (readonly [value: string, path: string])[] = [
  ['replicas=two', '/replicas'],
  ['replicas=-1', '/replicas'],
  ['webhook.failurePolicy=Perhaps', '/webhook/failurePolicy'],
  ['webhook.timeoutSeconds=31', '/webhook/timeoutSeconds'],
  ['certificates.provider=other', '/certificates/provider'],
  ['digestRequired.action=Refuse', '/digestRequired/action'],
  ['digestRequired.enabld=true', "/digestRequired': additional properties 'enabld"],
  ['digestRequired.excludedNamespaces={Kube_System}', '/digestRequired/excludedNamespaces/0'],
  ['config.excludedNamespaces={Kube_System}', '/config/excludedNamespaces/0'],
  ['config.cache.verified=-1', '/config/cache/verified'],
  ['config.registries[0].hots=a.example', "/config/registries/0': additional properties 'hots"],
  ['defaultPolicy.keys[0].name=release', '/defaultPolicy/keys/0'],
  ['defaultPolicy.mode=Off', '/defaultPolicy/mode'],
  ['image.tag=a/b', '/image/tag'],
  ['resources.limit.memory=1Gi', "/resources': additional properties 'limit"],
  ['terminationGracePeriodSeconds=5', '/terminationGracePeriodSeconds'],
  ['podDisruptionBudget.minAvailable=most', '/podDisruptionBudget/minAvailable'],
  ['extraEnv[0].value=x', "/extraEnv/0': missing property 'name"],
  ['crds.keep=perhaps', '/crds/keep'],
  ['serviceMonitor.interval=often', '/serviceMonitor/interval'],
  ['service.port=0', '/service/port'],
  ['arming.timeoutSeconds=1', '/arming/timeoutSeconds'],
];

describe('a value that can only be a mistake', () => {
  for (const [value, path] of MISTAKES) {
    test(`is refused by its path: ${value}`, async () => {
      const message = await refusal(`--set=${value}`);
      assert.ok(message.includes(`at '${path}'`), message);
    });
  }
});

/** A field below an object or list; undefined where there is none. */
function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => {
    return typeof inner === 'object' && inner !== null ? Reflect.get(inner, name) : undefined;
  }, value);
}

function resourcePolicies(objects: readonly Rendered[]): readonly (string | undefined)[] {
  return objects
    .filter(({ kind }) => kind === 'CustomResourceDefinition')
    .map(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy']);
}
