// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../../control-plane/process.ts';
import {
  admitted,
  install,
  openInstallation,
  tryPod,
  type Image,
  type Installation,
} from '../workbench/installation.ts';
import { inventory } from '../workbench/inventory.ts';

const POLICY_NAME = 'cosignet-digest-required';

/** One story, in order: the rule beside the webhooks, then alone. */
describe('digestRequired, enforced by a real API server', () => {
  let here: Installation;
  let untouched: readonly string[];
  let loose: Image;

  before(async () => {
    here = await openInstallation();
    loose = here.images.unsigned;
    untouched = await inventory(here.bench);
    // Runs already when Cosignet comes.
    await here.kubectl('run', 'old', `--image=${loose.tag}`);
    await install(here, '--set=digestRequired.enabled=true');
  });
  after(() => here.close());

  test('lets a signed tag run, because it is pinned before the rule looks', async () => {
    const { tag, pinned } = here.images.signed;
    const containers = [{ name: 'a', image: tag }];
    const volumes = [{ name: 'v', image: { reference: tag } }];
    const { code, stderr } = await here.apply(
      pod({ containers, initContainers: [{ name: 'i', image: tag }], volumes }),
    );
    assert.equal(code, 0, stderr);
    for (const where of [
      '.spec.containers[0].image',
      '.spec.initContainers[0].image',
      '.spec.volumes[0].image.reference',
    ])
      assert.equal(await here.read('pod/mixed', where), pinned);
    await here.kubectl('debug', 'mixed', '--attach=false', `--image=${tag}`);
  });

  test('refuses a tag while both webhook configurations are gone', async () => {
    const webhooks = 'mutatingwebhookconfigurations,validatingwebhookconfigurations';
    await here.kubectl('delete', webhooks, 'cosignet');
    const message = await waitFor('the API server to forget the webhooks', async () => {
      const { stderr } = await here.bench.kubectl(tryPod(loose));
      return stderr.includes('cosignet.dev') ? undefined : stderr;
    });
    for (const part of [POLICY_NAME, loose.tag, 'not pinned to a digest']) assert.ok(message.includes(part), message);
    // Nobody pins it now.
    assert.ok((await here.refused(...tryPod(here.images.signed))).includes(POLICY_NAME));
  });

  test('looks at each place of an image, and names only the one that is not pinned', async () => {
    const { tag, pinned } = loose;
    const good = { name: 'good', image: pinned };
    const bad = { name: 'bad', image: tag };
    const specs = [
      { containers: [good, bad] },
      { containers: [good], initContainers: [bad] },
      { containers: [good], initContainers: [{ ...bad, restartPolicy: 'Always' }] },
      { containers: [good], volumes: [{ name: 'bad', image: { reference: tag } }] },
    ];
    for (const spec of specs) {
      const { code, stderr } = await here.apply(pod(spec, 'places'), '--dry-run=server');
      assert.notEqual(code, 0, JSON.stringify(spec));
      assert.ok(stderr.includes(`(name@sha256:…): ${tag}. Cosignet`), stderr);
    }
    const debug = ['debug', 'mixed', '--attach=false'];
    assert.ok((await here.refused(...debug, `--image=${tag}`)).includes(POLICY_NAME));
    await here.kubectl(...debug, `--image=${pinned}`);
  });

  for (const { what, image } of [
    { what: 'shorter than a digest', image: `registry.example/a@sha256:${'a'.repeat(63)}` },
    { what: 'longer than a digest', image: `registry.example/a@sha256:${'a'.repeat(65)}` },
    { what: 'a tag that looks like a digest', image: `registry.example/a:sha256-${'a'.repeat(64)}` },
    { what: 'a path that looks like a digest', image: `registry.example/sha256/${'a'.repeat(64)}` },
  ]) {
    test(`refuses what is ${what}`, async () => {
      assert.ok((await here.refused(...tryPod(image))).includes(POLICY_NAME));
    });
  }

  test('takes a digest without a tag', async () => {
    await here.kubectl(...tryPod(`registry.example/a@sha256:${'a'.repeat(64)}`));
  });

  test('lets a Pod that ran before be labelled and deleted, but not take another tag', async () => {
    await here.kubectl('label', 'pod', 'old', 'tier=front');
    const other = here.images.signed;
    assert.ok((await here.refused('set', 'image', 'pod/old', `old=${other.tag}`)).includes(POLICY_NAME));
    await here.kubectl('set', 'image', 'pod/old', `old=${other.pinned}`);
    // Its former image is no exception any longer.
    assert.ok((await here.refused('set', 'image', 'pod/old', `old=${loose.tag}`)).includes(POLICY_NAME));
    await here.kubectl('delete', 'pod', 'old');
  });

  test('has the exceptions of the webhooks: excluded namespaces, and mirror Pods of nodes', async () => {
    await here.kubectl('--namespace=kube-system', ...tryPod(loose));
    await here.kubectl('--namespace=cosignet', ...tryPod(loose));
    assert.ok((await here.refused('--namespace=default', ...tryPod(loose))).includes(POLICY_NAME));
    const spec = { nodeName: 'loopback', containers: [{ name: 'a', image: loose.tag }] };
    const mirror = JSON.stringify(pod(spec, 'mirror', { 'kubernetes.io/config.mirror': 'x' }));
    const create = ['create', '--filename=-', '--dry-run=server'];
    assert.ok((await here.bench.kubectl(create, mirror)).stderr.includes(POLICY_NAME));
    const node = ['--as=system:node:loopback', '--as-group=system:nodes', '--as-group=system:masters'];
    const { code, stderr } = await here.bench.kubectl([...create, ...node], mirror);
    assert.equal(code, 0, stderr);
  });

  test('only warns when told so, where an upgrade brought the webhooks back', async () => {
    const audit = ['--set=digestRequired.action=Warn', '--set=config.enforcement=Audit'];
    const { code, stdout, stderr } = await here.make('install', '--reuse-values', ...audit);
    assert.equal(code, 0, `${stdout}${stderr}`);
    await here.kubectl('get', 'mutatingwebhookconfigurations,validatingwebhookconfigurations', 'cosignet');
    // Until the leading replica has written caBundle nothing is admitted.
    const warning = await waitFor('an unsigned tag to be admitted', async () => {
      const tried = await here.bench.kubectl(tryPod(loose));
      return tried.code === 0 ? tried.stderr : undefined;
    });
    for (const part of ['Warning: ', POLICY_NAME, loose.tag]) assert.ok(warning.includes(part), warning);
  });

  test('goes when the release goes', async () => {
    await here.kubectl('delete', 'pod', '--all');
    const { code, stdout, stderr } = await here.make('uninstall');
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.deepEqual(await inventory(here.bench), untouched);
    await admitted(here, loose);
  });
});

function pod(spec: object, name = 'mixed', annotations: Readonly<Record<string, string>> = {}): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', annotations }, spec };
}
