// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../../control-plane/process.ts';
import { install, openInstallation, tryPod, type Installation } from '../workbench/installation.ts';
import { ROOT, run } from '../workbench/tools.ts';

describe('admission by a real API server', () => {
  let here: Installation;

  before(async () => {
    here = await openInstallation();
    for (const definition of DEFINITIONS) assert.equal((await here.apply(definition)).code, 0);
    await here.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=90s');
    const { tag } = here.images.unsigned;
    for (const object of [task('old', tag), resizable('old', tag), deployment('old', tag)]) {
      assert.equal((await here.apply(object)).code, 0);
    }
    await install(here, '--set=config.contact=platform@example.com', `--set-json='config.workloads=${WORKLOADS}'`);
    await here.kubectl('run', 'signed', `--image=${here.images.signed.tag}`);
  });
  after(() => here.close());

  for (const kind of ['ReplicaSet', 'DaemonSet', 'StatefulSet', 'Deployment', 'ReplicationController', 'PodTemplate']) {
    test(`denies an unsigned image in a ${kind}`, async () => {
      const labels = { app: 'bad' };
      const template = {
        metadata: { labels },
        spec: { containers: [{ name: 'bad', image: here.images.unsigned.tag }] },
      };
      const plain = kind === 'ReplicationController' || kind === 'PodTemplate';
      const spec = { template, selector: plain ? labels : { matchLabels: labels } };
      const object = {
        apiVersion: plain ? 'v1' : 'apps/v1',
        kind,
        metadata: { name: 'bad', namespace: 'shop' },
        ...(kind === 'PodTemplate' ? { template } : { spec }),
      };
      const { stderr } = await here.apply(object);
      assert.match(stderr, /denied the request/);
      assert.ok(stderr.includes(here.images.unsigned.tag), stderr);
    });
  }

  test('says what is wrong, what the policy requires, whom to ask and where to read on', async () => {
    const { tag, pinned } = here.images.unsigned;
    const said = await here.refused(...tryPod(here.images.unsigned));
    const sentences = [
      `container "tried": ${tag} is not signed. Policy "default" requires a signature by "`,
      `". Your pipeline usually signs: ask platform@example.com. Details: cosignet verify --namespace shop ${pinned}`,
    ];
    for (const sentence of sentences) assert.ok(said.includes(sentence), said);
    assert.equal(said.split(here.images.unsigned.digest).length, 2, `the digest once: ${said}`);
    assert.doesNotMatch(said, /cosign sign/, 'how to sign is for the owner of the key');
    const forged = await here.refused(...tryPod(here.images.forged));
    assert.ok(
      forged.includes(`${here.images.forged.tag} is signed, but not by a signer that the policy trusts. `),
      forged,
    );
    const away = await here.refused(...tryPod('registry.invalid/shop/app:1'));
    assert.match(away, /Cosignet could not check registry\.invalid\/shop\/app:1: .*\. Your image may be fine\. /);
  });

  test('prints a command that shows the evidence', async () => {
    const said = await here.refused(...tryPod(here.images.unsigned));
    const [name = '', ...args] = /Details: (.*)$/m.exec(said)?.[1]?.split(' ') ?? [];
    assert.equal(name, 'cosignet');
    const program = path.resolve(ROOT, process.env['COSIGNET_PROGRAM'] ?? 'cli/main.ts');
    const { code, stdout, stderr } = await run([process.execPath, program, ...args], { env: here.bench.env });
    assert.equal(code, 1, stderr);
    assert.match(stdout, /NoSignature/);
    assert.ok(stdout.includes(here.images.unsigned.digest), stdout);
  });

  test('is read in full where people look: in the condition of a Deployment and in Events', async () => {
    const { tag, pinned } = here.images.unsigned;
    const whole = [`container "a": ${tag} is not signed. `, `Details: cosignet verify --namespace shop ${pinned}`];
    await here.kubectl('scale', 'deployment/old', '--replicas=1');
    const shows = (where: readonly string[]) =>
      waitFor(`the denial in ${where.join(' ')}`, async () => {
        const text = await here.kubectl('get', ...where);
        for (const part of whole) assert.ok(text.includes(part), text);
        return true;
      });
    await shows(['deployment/old', '--output=jsonpath={.status.conditions[?(@.type=="ReplicaFailure")].message}']);
    await shows(['events', '--field-selector=reason=FailedCreate', '--output=jsonpath={.items[*].message}']);
    await here.kubectl('scale', 'deployment/old', '--replicas=0');
  });

  test('tells of several containers on a line each, and of one image once', async () => {
    const [unsigned, forged] = [here.images.unsigned.tag, here.images.forged.tag];
    const containers = [
      { name: 'one', image: unsigned },
      { name: 'two', image: forged },
      { name: 'three', image: unsigned },
    ];
    const { stderr } = await here.apply(pod({ containers }));
    const lines = stderr.split('\n').filter((line) => line !== '');
    assert.equal(lines.length, 3, stderr);
    assert.match(lines[0] ?? '', /denied the request: 2 images are refused:$/);
    assert.ok(lines[1]?.startsWith(`container "one", container "three": ${unsigned} is not signed. `), stderr);
    assert.ok(lines[2]?.startsWith(`container "two": ${forged} is signed, but not by `), stderr);
  });

  test('denies an unsigned image in a Job and in a CronJob', async () => {
    const at = `--image=${here.images.unsigned.tag}`;
    assert.match(await here.refused('create', 'job', 'bad', at), /denied the request/);
    assert.match(await here.refused('create', 'cronjob', 'bad', at, '--schedule=@hourly'), /denied the request/);
  });

  test('denies an unsigned image in custom resources that the configuration names, with the usual text', async () => {
    const { signed, unsigned } = here.images;
    const refused = await here.apply(rollout(unsigned.tag));
    assert.match(refused.stderr, /denied the request: container "web": .* is not signed\. Policy "default" requires/);
    const refusedTask = await here.apply(task('bad', signed.tag, unsigned.tag));
    assert.match(refusedTask.stderr, /denied the request: field "spec\.steps\[1\]\.image": .* is not signed\./);
    for (const good of [rollout(signed.tag), task('good', '$(params.image)', signed.tag)]) {
      const { code, stderr } = await here.apply(good);
      assert.equal(code, 0, stderr);
    }
    assert.equal(await here.read('rollout/web', '.spec.template.spec.containers[0].image'), signed.tag);
  });

  test('checks an update of a custom resource by the images that it changes', async () => {
    const { unsigned } = here.images;
    await here.kubectl('label', 'task', 'old', 'tier=front');
    const { stderr } = await here.apply(task('old', unsigned.tag, unsigned.tag));
    assert.match(stderr, /denied the request: field "spec\.steps\[1\]\.image": /);
    assert.doesNotMatch(stderr, /steps\[0\]/);
  });

  test('looks at each container, init container and image volume, and names the bad one', async () => {
    const good = { name: 'good', image: here.images.signed.tag };
    const bad = { name: 'bad', image: here.images.unsigned.tag };
    const specs = [
      { containers: [good, bad] },
      { containers: [good], initContainers: [bad] },
      { containers: [good], initContainers: [{ ...bad, restartPolicy: 'Always' }] },
      { containers: [good], volumes: [{ name: 'bad', image: { reference: bad.image } }] },
    ];
    for (const spec of specs) {
      const { stderr } = await here.apply(pod(spec));
      assert.match(stderr, /denied the request.*"bad"/s);
      assert.doesNotMatch(stderr, /"good"/);
    }
  });

  test('pins init containers and image volumes like containers', async () => {
    const { tag, pinned } = here.images.signed;
    const containers = [{ name: 'a', image: tag }];
    const volumes = [{ name: 'v', image: { reference: tag } }];
    const { code, stderr } = await here.apply(
      pod({ containers, initContainers: [{ name: 'i', image: tag }], volumes }),
    );
    assert.equal(code, 0, stderr);
    const paths = [
      '.spec.containers[0].image',
      '.spec.initContainers[0].image',
      '.spec.volumes[?(@.name=="v")].image.reference',
    ];
    for (const where of paths) assert.equal(await here.read('pod/mixed', where), pinned);
  });

  test('checks what kubectl debug adds to a Pod', async () => {
    const debug = ['debug', 'signed', '--attach=false'];
    assert.match(await here.refused(...debug, `--image=${here.images.unsigned.tag}`), /denied the request/);
    await here.kubectl(...debug, `--image=${here.images.bundled.tag}`);
    assert.equal(await here.read('pod/signed', '.spec.ephemeralContainers[0].image'), here.images.bundled.pinned);
  });

  test('checks an update by the images that it changes', async () => {
    await here.kubectl('label', 'pod', 'signed', 'tier=front');
    const set = ['set', 'image', 'pod/signed'];
    assert.match(await here.refused(...set, `signed=${here.images.unsigned.tag}`), /denied the request/);
    await here.kubectl(...set, `signed=${here.images.bundled.tag}`);
    assert.equal(await here.read('pod/signed', '.spec.containers[0].image'), here.images.bundled.pinned);
  });

  test('leaves alone what changes no image: status and scale of what is older than its policy', async () => {
    const status = '{"status":{"message":"as it was"}}';
    await here.kubectl('patch', 'pod/old', '--subresource=status', '--type=merge', `--patch=${status}`);
    assert.equal(await here.read('pod/old', '.status.message'), 'as it was');
    await here.kubectl('scale', 'deployment/old', '--replicas=1');
    await here.kubectl('scale', 'deployment/old', '--replicas=0');
    assert.equal(
      await here.read('deployment/old', '.spec.template.spec.containers[0].image'),
      here.images.unsigned.tag,
    );
  });

  test('checks what is applied server-side, and what is applied again changes nothing', async () => {
    const { signed, unsigned } = here.images;
    const apply = (tag: string, ...more: readonly string[]) =>
      here.apply(deployment('applied', tag), '--server-side', ...more);
    assert.match((await apply(unsigned.tag)).stderr, /denied the request/);
    assert.equal((await apply(signed.tag)).code, 0);
    const image = () => here.read('deployment/applied', '.spec.template.spec.containers[0].image');
    // Of templates only the Pods are pinned, so that who applies them again finds no difference.
    assert.equal(await image(), signed.tag);
    const generation = await here.read('deployment/applied', '.metadata.generation');
    const { code, stderr } = await apply(signed.tag);
    assert.equal(code, 0, stderr);
    assert.equal(await here.read('deployment/applied', '.metadata.generation'), generation);
    assert.match((await apply(unsigned.tag, '--force-conflicts')).stderr, /denied the request/);
    assert.equal(await image(), signed.tag);
  });

  test('answers a dry run as it would the request, and leaves nothing', async () => {
    const { signed, unsigned } = here.images;
    const tried = (tag: string) => here.apply(resizable('tried', tag), '--dry-run=server', '--output=json');
    assert.match((await tried(unsigned.tag)).stderr, /denied the request/);
    const { stdout } = await tried(signed.tag);
    assert.equal(JSON.parse(stdout).spec.containers[0].image, signed.pinned);
    assert.match(await here.refused('get', 'pod', 'tried'), /not found/);
  });

  test('checks what comes in another version of the API than the one that it asked for', async () => {
    const { signed, unsigned } = here.images;
    assert.match((await here.apply(betaTask(unsigned.tag))).stderr, /denied the request/);
    assert.equal((await here.apply(betaTask(signed.tag))).code, 0);
  });

  test('lets nodes, and nobody else, make mirror Pods', async () => {
    const spec = { nodeName: 'loopback', containers: [{ name: 'a', image: here.images.unsigned.tag }] };
    const mirror = JSON.stringify(pod(spec, { 'kubernetes.io/config.mirror': 'x' }));
    await here.kubectl('delete', 'pod', 'mixed', '--ignore-not-found');
    const create = ['create', '--filename=-', '--dry-run=server'];
    assert.match((await here.bench.kubectl(create, mirror)).stderr, /denied the request/);
    const node = ['--as=system:node:loopback', '--as-group=system:nodes', '--as-group=system:masters'];
    const { code, stderr } = await here.bench.kubectl([...create, ...node], mirror);
    assert.equal(code, 0, stderr);
    assert.match((await here.bench.kubectl([...create, ...node], JSON.stringify(pod(spec)))).stderr, /denied/);
  });

  test('leaves excluded namespaces alone', async () => {
    await here.kubectl('--namespace=kube-system', ...tryPod(here.images.unsigned));
    await here.kubectl('--namespace=cosignet', ...tryPod(here.images.unsigned));
    assert.match(await here.refused('--namespace=default', ...tryPod(here.images.unsigned)), /denied the request/);
  });

  test('says of what it cannot read that it is missing, away or no reference', async () => {
    const { host } = here.bench.registry;
    assert.match(await here.refused(...tryPod(`${host}/shop/signed:none`)), /signed:none/);
    assert.match(await here.refused(...tryPod('127.0.0.1:1/shop/away:1.0')), /127\.0\.0\.1:1/);
    assert.match(await here.refused(...tryPod('Not//An..Image')), /Not\/\/An\.\.Image|[Ii]nvalid/);
  });
});

/** Their shape as Argo Rollouts and Tekton have it. */
const DEFINITIONS = ['Rollout', 'Task'].map((kind) => {
  const plural = `${kind.toLowerCase()}s`;
  const openAPIV3Schema = {
    type: 'object',
    properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind, plural },
      versions: ['v1', 'v1beta1'].map((name) => ({
        name,
        served: true,
        storage: name === 'v1',
        schema: { openAPIV3Schema },
      })),
    },
  };
});

const WORKLOADS = JSON.stringify([
  { group: 'example.com', version: 'v1', resource: 'rollouts', podSpec: 'spec.template.spec' },
  { group: 'example.com', version: 'v1', resource: 'tasks', images: ['spec.steps[*].image'] },
]);

function rollout(image: string): object {
  const spec = { template: { spec: { containers: [{ name: 'web', image }] } } };
  return { apiVersion: 'example.com/v1', kind: 'Rollout', metadata: { name: 'web', namespace: 'shop' }, spec };
}

/** With a `spec.template` that never changes, which says nothing about its images. */
function task(name: string, ...images: readonly string[]): object {
  const spec = { template: {}, steps: images.map((image) => ({ image })) };
  return { apiVersion: 'example.com/v1', kind: 'Task', metadata: { name, namespace: 'shop' }, spec };
}

function betaTask(image: string): object {
  return { ...task('beta', image), apiVersion: 'example.com/v1beta1' };
}

function pod(spec: object, annotations = {}): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'mixed', namespace: 'shop', annotations }, spec };
}

function resizable(name: string, image: string): object {
  const resources = { requests: { cpu: '10m' } };
  const spec = { containers: [{ name: 'a', image, resources }] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop' }, spec };
}

/** Of no Pods. */
function deployment(name: string, image: string): object {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'a', image }] } };
  const spec = { replicas: 0, selector: { matchLabels: labels }, template };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'shop' }, spec };
}
