// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { codeBlocks, section } from '../../checks/markdown.ts';
import { waitFor } from '../../control-plane/process.ts';
import {
  admitted,
  denied,
  openInstallation,
  policy,
  policyReady,
  tryPod,
  type Installation,
} from '../workbench/installation.ts';
import { inventory } from '../workbench/inventory.ts';
import { ROOT, run, TOOLS, type Outcome } from '../workbench/tools.ts';

const PAGE = readFileSync(path.join(ROOT, 'docs/how-to/emergency.md'), 'utf8');
const DEFAULT = 'imagepolicies.cosignet.dev/default';
const DEFINITIONS = ['imagepolicies.cosignet.dev', 'namespacedimagepolicies.cosignet.dev'];

/** The blocks of the page that were run. */
const ran = new Set<string>();

let here: Installation;

/** A block of commands of a section, as it is written there. */
function block(heading: string, index: number): string {
  const found = codeBlocks(section(PAGE, heading) ?? '', ['sh'])[index];
  assert.ok(found !== undefined, `${heading}: block ${index}`);
  ran.add(found);
  return found;
}

/** Runs it in a copy of the page's surroundings: cluster.yaml and policies/ are the test's. */
function follow(text: string): Promise<Outcome> {
  const mine = text
    .replaceAll('cluster.yaml', path.join(here.bench.dir, 'cluster.yaml'))
    .replaceAll('policies/', path.join(here.bench.dir, 'policies'))
    .replaceAll('from-file=cosign.pub', `from-file=cosign.pub=${here.release.publicFile}`);
  return run(['bash', '-euo', 'pipefail', '-c', mine], {
    env: { ...here.bench.env, HELM: path.join(TOOLS, 'helm'), KUBECTL: path.join(TOOLS, 'kubectl') },
  });
}

async function does(heading: string, index: number): Promise<string> {
  const text = block(heading, index);
  const { code, stdout, stderr } = await follow(text);
  assert.equal(code, 0, `${text}\n${stdout}${stderr}`);
  return stdout;
}

async function enforces(): Promise<void> {
  await policyReady(here.kubectl, 'default');
  await admitted(here, here.images.signed);
  await denied(here, here.images.unsigned, /denied the request/);
}

/** Waits until any image runs. */
const letsAllRun = () => admitted(here, here.images.unsigned);

async function noReplicas(): Promise<void> {
  await here.kubectl('--namespace=cosignet', 'scale', 'deployment/cosignet', '--replicas=0');
  await waitFor('no replica', async () => {
    const pods = await here.kubectl('--namespace=cosignet', 'get', 'pods', '--output=name');
    return pods === '' || undefined;
  });
}

/** Once the Secret was lost. */
async function newCertificate(): Promise<void> {
  const uid = () => here.read('cosignet:secret/cosignet-tls', '.metadata.uid');
  const lost = await uid();
  await here.kubectl('--namespace=cosignet', 'delete', 'secret', 'cosignet-tls');
  await waitFor('a new Secret', async () => (await uid()) !== lost || undefined);
  await does('The Secret is lost', 0);
}

/** One story, in order: one bad day after the other, and each time the page's way out. */
describe('the page of ways out, on a real control plane', () => {
  let untouched: readonly string[];
  before(async () => {
    here = await openInstallation();
    untouched = await inventory(here.bench);
    const { registry } = here.bench;
    const values = {
      image: { repository: 'registry.example/cosignet' },
      notary: { rootPubKey: here.release.publicKey, isCosign: true },
      config: { registries: [{ host: registry.host, insecure: true }] },
      digestRequired: { enabled: true },
      ...(here.bench.values.includes('--set=service.port=8443') && { service: { port: 8443 } }),
    };
    writeFileSync(path.join(here.bench.dir, 'cluster.yaml'), stringify(values));
    mkdirSync(path.join(here.bench.dir, 'policies'));
    const team = policy('team', { images: ['registry.example.com/team/**'], keys: [{ pem: here.other.publicKey }] });
    writeFileSync(path.join(here.bench.dir, 'policies', 'team.json'), JSON.stringify(team));
    await does('The webhook blocks everything', 3);
    await here.kubectl('apply', `--filename=${path.join(here.bench.dir, 'policies')}`);
    await enforces();
  });
  after(() => here.close());

  test('tells a webhook that does not answer from a policy that refuses', async () => {
    const asked = await follow(block('Find out what it is', 0));
    assert.notEqual(asked.code, 0);
    assert.match(asked.stderr, /denied the request/);
    await noReplicas();
    assert.match((await follow(block('Find out what it is', 0))).stderr, /failed calling webhook/);
  });

  test('has all run while no replica answers, and checks again when they do', async () => {
    await does('The webhook blocks everything', 0);
    // The API server's own rule is left.
    await waitFor('the rule alone', async () => {
      const { stderr } = await here.bench.kubectl(tryPod(here.images.unsigned));
      return stderr.includes('cosignet-digest-required') || undefined;
    });
    await does('The webhook blocks everything', 1);
    await letsAllRun();
    const looked = await follow(block('The webhook blocks everything', 2).replace(/^.* logs .*$/m, ''));
    assert.equal(looked.code, 0, looked.stderr);
    await does('The webhook blocks everything', 3);
    await enforces();
  });

  test('brings back no check by itself, with replicas that answer', async () => {
    await does('The webhook blocks everything', 0);
    await does('The webhook blocks everything', 1);
    await letsAllRun();
    // The leader has something to publish, and nowhere to.
    await newCertificate();
    await here.kubectl(...tryPod(here.images.unsigned));
    await does('The webhook blocks everything', 3);
    await enforces();
  });

  test('refuses nothing more where policies refuse, by configuration or in one policy', async () => {
    await does('Policies block everything', 0);
    await letsAllRun();
    await does('The webhook blocks everything', 3);
    await enforces();
    await does('Policies block everything', 1);
    await here.kubectl('delete', 'validatingadmissionpolicybindings', 'cosignet-digest-required', '--ignore-not-found');
    await letsAllRun();
    const { code, stderr } = await follow(block('The webhook blocks everything', 3));
    assert.notEqual(code, 0);
    assert.match(stderr, /conflict with.*\.spec\.mode/s);
    const forced = await follow(
      block('The webhook blocks everything', 3).replace('cluster.yaml', 'cluster.yaml --force-conflicts'),
    );
    assert.equal(forced.code, 0, forced.stderr);
    await enforces();
  });

  test('brings definitions and policies back', async () => {
    await here.kubectl('delete', 'customresourcedefinitions', ...DEFINITIONS);
    await waitFor('the refusal', async () => {
      const { stderr } = await here.bench.kubectl(tryPod(here.images.signed));
      return stderr.includes('denied the request') || undefined;
    });
    await does('The definitions are gone', 0);
    await enforces();
    await policyReady(here.kubectl, 'team');
  });

  test('has a new certificate made where the Secret is lost', async () => {
    await newCertificate();
    await enforces();
    await does('The Secret is lost', 1);
    await enforces();
  });

  test("has a policy Ready again where its key's Secret is lost", async () => {
    const keyed = policy('keyed', {
      images: ['registry.example.com/keyed/**'],
      keys: [{ secretRef: { name: 'team-key', key: 'cosign.pub' } }],
    });
    assert.equal((await here.apply(keyed)).code, 0);
    await here.kubectl('wait', 'imagepolicies.cosignet.dev/keyed', '--for=condition=Ready=False', '--timeout=90s');
    await does('The Secret is lost', 2);
    await policyReady(here.kubectl, 'keyed');
  });

  test('installs again where the namespace was deleted, with the policies that were there', async () => {
    await here.kubectl('delete', 'namespace', 'cosignet');
    assert.match(await here.refused(...tryPod(here.images.signed)), /failed calling webhook/);
    await does('The namespace is gone, or stuck', 0);
    const stuck = await follow(block('The namespace is gone, or stuck', 1));
    assert.match(stuck.stderr, /not found/);
    await does('The namespace is gone, or stuck', 2);
    await enforces();
    await policyReady(here.kubectl, 'team');
  });

  test('tells what a namespace waits for', async () => {
    await here.kubectl('create', 'namespace', 'held');
    const held = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'held', namespace: 'held', finalizers: ['a.example/b'] },
    };
    assert.equal((await here.apply(held)).code, 0);
    await here.kubectl('delete', 'namespace', 'held', '--wait=false');
    await waitFor('its reason', async () => {
      const { stdout } = await follow(
        block('The namespace is gone, or stuck', 1).replace('namespace cosignet', 'namespace held'),
      );
      return /a\.example\/b in 1 resource instances/.test(stdout) || undefined;
    });
    const free = '[{"op":"remove","path":"/metadata/finalizers"}]';
    await here.kubectl('--namespace=held', 'patch', 'configmap', 'held', '--type=json', `--patch=${free}`);
    await here.kubectl('wait', '--for=delete', 'namespace/held', '--timeout=120s');
  });

  test('lets go of replicas that are not ready, and only of those', async () => {
    const own = ['--namespace=cosignet', '--selector=app.kubernetes.io/name=cosignet'];
    const names = (await here.kubectl('get', 'pods', ...own, '--output=jsonpath={.items[*].metadata.name}')).split(' ');
    const evict = (name: string) => {
      const metadata = { name, namespace: 'cosignet' };
      const object = { apiVersion: 'policy/v1', kind: 'Eviction', metadata };
      return here.bench.kubectl(
        ['create', '--raw', `/api/v1/namespaces/cosignet/pods/${name}/eviction`, '--filename=-'],
        JSON.stringify(object),
      );
    };
    const pids = names.map((name) =>
      Number(readFileSync(path.join(here.bench.dir, 'cluster/pods', name, 'pid'), 'utf8')),
    );
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await waitFor('none to be ready', async () => {
      return (await here.read('cosignet:poddisruptionbudget/cosignet', '.status.currentHealthy')) === '0' || undefined;
    });
    for (const name of names) {
      const { code, stderr } = await evict(name);
      assert.equal(code, 0, stderr);
    }
    await here.kubectl('--namespace=cosignet', 'rollout', 'status', 'deployment/cosignet', '--timeout=240s');
    await enforces();
  });

  test('goes back to an older definition where policies may lose what they say', async () => {
    const [name = ''] = DEFINITIONS;
    const older = JSON.stringify([
      { op: 'remove', path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/mode' },
    ]);
    const lose = ['patch', 'customresourcedefinition', name, '--dry-run=server', '--type=json', `--patch=${older}`];
    // Replicas that were just replaced may still be asked, in vain, and then nobody guards.
    const isKept = async () => {
      const { stderr } = await here.bench.kubectl(lose);
      return /this definition is older and has no field for ImagePolicy default: spec\.mode/.test(stderr) || undefined;
    };
    await waitFor('the definition to be kept', isKept);
    await does('An older definition is refused', 0);
    await here.kubectl(...lose);
    await does('An older definition is refused', 1);
    await waitFor('the definition to be kept again', isKept);
  });

  test('uninstalls where the definitions are gone', async () => {
    await here.kubectl('delete', 'customresourcedefinitions', ...DEFINITIONS);
    await does('Uninstall, and move to another namespace', 0);
    await letsAllRun();
    const { code, stdout, stderr } = await here.make('uninstall');
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(await inventory(here.bench), untouched);
  });

  test('moves to another namespace, with the policies that were kept', async () => {
    await does('The namespace is gone, or stuck', 2);
    await enforces();
    const uid = await here.read(DEFAULT, '.metadata.uid');
    await does('Uninstall, and move to another namespace', 0);
    await letsAllRun();
    await does('Uninstall, and move to another namespace', 1);
    await enforces();
    assert.equal(await here.read(DEFAULT, '.metadata.uid'), uid);
    await here.kubectl('get', 'deployment', 'cosignet', '--namespace=image-policy');
  });

  test('has no command that was not run', () => {
    assert.deepEqual(
      codeBlocks(PAGE, ['sh']).filter((text) => !ran.has(text)),
      [],
    );
  });
});
