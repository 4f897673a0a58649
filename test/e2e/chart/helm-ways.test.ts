// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  admitted,
  denied,
  keyFlags,
  openInstallation,
  policy,
  policyReady,
  type Installation,
} from '../workbench/installation.ts';
import { waitFor } from '../../control-plane/process.ts';
import { inventory } from '../workbench/inventory.ts';
import { output, requireTools, run, type Outcome } from '../workbench/tools.ts';

requireTools('helm3');

const DEFAULT = 'imagepolicies.cosignet.dev/default';
const LATER = 'imagepolicies.cosignet.dev/later';
const WHERE = ['--namespace=cosignet', '--create-namespace'];

let here: Installation;
let untouched: readonly string[];

/** Chart and values; `program`: which helm. */
function upgrade(program: 'helm' | 'helm3', ...flags: readonly string[]): Promise<Outcome> {
  const values = [...here.bench.values, ...keyFlags(here.release), '--wait', ...flags];
  return run([program, 'upgrade', '--install', 'cosignet', 'helm', ...WHERE, ...values], { env: here.bench.env });
}

async function upgraded(program: 'helm' | 'helm3', ...flags: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await upgrade(program, ...flags);
  assert.equal(code, 0, stdout + stderr);
}

async function uninstalled(): Promise<void> {
  const { code, stdout, stderr } = await here.make('uninstall');
  assert.equal(code, 0, stdout + stderr);
  assert.deepEqual(await inventory(here.bench), untouched);
}

async function enforces(): Promise<void> {
  await admitted(here, here.images.signed);
  await denied(here, here.images.unsigned, /denied the request/);
}

async function revisionOf(release: string): Promise<string> {
  const { stdout } = await here.helm('list', '--namespace=cosignet', '--output=json');
  const releases: readonly { readonly name: string; readonly revision: string }[] = JSON.parse(stdout);
  return releases.find(({ name }) => name === release)?.revision ?? '';
}

/** A release to come: its definition has one field more. */
async function upgradedToLater(): Promise<void> {
  const later = path.join(here.bench.dir, 'later');
  cpSync('helm', later, { recursive: true });
  for (const plural of ['imagepolicies', 'namespacedimagepolicies']) {
    const definition = path.join(later, `files/${plural}.cosignet.dev.yaml`);
    const text = readFileSync(definition, 'utf8');
    const more = text.replace(
      /^( +)images:\n/m,
      (line, indent: string) => `${indent}later:\n${indent}  type: string\n${line}`,
    );
    assert.notEqual(more, text);
    writeFileSync(definition, more);
  }
  const values = [...here.bench.values, ...keyFlags(here.release), '--wait'];
  const { code, stdout, stderr } = await run(['helm', 'upgrade', 'cosignet', later, ...WHERE, ...values], {
    env: here.bench.env,
  });
  assert.equal(code, 0, stdout + stderr);
}

/** While the policy `later` has a field that they lack: by Helm, and by whoever else applies them. */
async function refusesOlderDefinitions(): Promise<void> {
  const own = {
    apiVersion: 'cosignet.dev/v1',
    kind: 'NamespacedImagePolicy',
    metadata: { name: 'own', namespace: 'shop' },
  };
  const spec = { images: ['example.com/own/**'], keys: [{ pem: here.release.publicKey }], later: 'more' };
  assert.equal((await here.apply({ ...own, spec })).code, 0);
  const lost = { imagepolicies: 'ImagePolicy later', namespacedimagepolicies: 'NamespacedImagePolicy shop/own' };
  for (const [plural, named] of Object.entries(lost)) {
    // Until every replica has seen the policy.
    await waitFor(`${plural} to be kept`, async () => {
      for (const { stderr } of await definedByEach(plural)) {
        assert.ok(stderr.includes(`has no field for ${named}: spec.later.`), stderr);
      }
      return true;
    });
  }
  const older = await upgrade('helm');
  assert.notEqual(older.code, 0);
  assert.match(older.stderr, /no field for ImagePolicy later: spec\.later/);
  // Whoever means it can say so; and with nothing to lose nobody has to.
  const definition = ['annotate', 'customresourcedefinition', 'namespacedimagepolicies.cosignet.dev'];
  await here.kubectl(...definition, 'cosignet.dev/drop-fields=true');
  await letsGo('namespacedimagepolicies');
  await here.kubectl(...definition, 'cosignet.dev/drop-fields-');
  await here.kubectl('delete', 'namespacedimagepolicies.cosignet.dev', '--namespace=shop', 'own');
  await letsGo('namespacedimagepolicies');
}

/** What is said to this release's definition, which is not stored: so often at once that every replica is asked. */
function definedByEach(plural: string): Promise<readonly Outcome[]> {
  const file = `--filename=helm/files/${plural}.cosignet.dev.yaml`;
  const apply = ['kubectl', 'apply', '--server-side', '--force-conflicts', '--dry-run=server', file] as const;
  return Promise.all(Array.from({ length: 8 }, () => run([...apply], { env: here.bench.env })));
}

/** Until no replica keeps the definition. */
async function letsGo(plural: string): Promise<void> {
  await waitFor(`${plural} to be let go`, async () => {
    for (const { code, stderr } of await definedByEach(plural)) assert.equal(code, 0, stderr);
    return true;
  });
}

/** One story after the other, on one cluster: each leaves nothing behind. */
describe('the ways to install the chart', () => {
  before(async () => {
    here = await openInstallation();
    untouched = await inventory(here.bench);
  });
  after(() => here.close());

  test('helm 3 installs, upgrades and tests it, and helm 4 takes over', async () => {
    await upgraded('helm3');
    await enforces();
    await upgraded('helm3', '--set=replicas=3');
    await policyReady(here.kubectl, 'default');
    const tested = await run(['helm3', 'test', 'cosignet', '--namespace=cosignet'], { env: here.bench.env });
    assert.equal(tested.code, 0, tested.stdout + tested.stderr);
    await upgraded('helm');
    await enforces();
  });

  test('an older release takes no field from a policy, and says which it would', async () => {
    const revision = await revisionOf('cosignet');
    await upgradedToLater();
    const spec = { images: ['example.com/later/**'], keys: [{ pem: here.release.publicKey }], later: 'more' };
    const applied = await here.apply(policy('later', spec));
    assert.equal(applied.code, 0, applied.stderr);
    await refusesOlderDefinitions();
    assert.equal(await here.read(LATER, '.spec.later'), 'more');
    const back = () => here.helm('rollback', 'cosignet', revision, '--namespace=cosignet', '--wait', '--timeout=180s');
    const refused = await back();
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /cosignet-check-rollback/);
    // What helm prints of it, where a kubelet gives logs.
    const pods = path.join(here.bench.dir, 'cluster/pods');
    const job = readdirSync(pods).find((name) => name.startsWith('cosignet-check-rollback')) ?? '';
    const said = readFileSync(path.join(pods, job, 'output.log'), 'utf8');
    assert.match(said, /no field for\n\s+ImagePolicy later: spec\.later\n/);
    assert.equal(await here.read(LATER, '.spec.later'), 'more');
    await here.kubectl('delete', 'imagepolicies.cosignet.dev', 'later');
    await letsGo('imagepolicies');
    const { code, stdout, stderr } = await back();
    assert.equal(code, 0, stdout + stderr);
    await enforces();
  });

  test('helm 3 uninstalls what helm 4 upgraded', async () => {
    const removed = await run(['helm3', 'uninstall', 'cosignet', '--namespace=cosignet', '--wait'], {
      env: here.bench.env,
    });
    assert.equal(removed.code, 0, removed.stdout + removed.stderr);
    await admitted(here, here.images.unsigned);
    await uninstalled();
  });

  for (const program of ['helm3', 'helm'] as const) {
    test(`${program} upgrades what an admissions enforcer changed, as AKS has one`, async () => {
      const labels = '--set-json=webhook.labels={"admissions.enforcer/disabled":"true"}';
      await upgraded(program, labels);
      await enforces();
      for (const kind of ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations']) {
        assert.equal(await here.read(`${kind}/cosignet`, '.metadata.labels.admissions\\.enforcer/disabled'), 'true');
        const excluded = { key: 'control-plane', operator: 'DoesNotExist' };
        const added = [{ op: 'add', path: '/webhooks/0/namespaceSelector/matchExpressions/-', value: excluded }];
        const as = '--field-manager=admissionsenforcer';
        await here.kubectl('patch', kind, 'cosignet', '--type=json', `--patch=${JSON.stringify(added)}`, as);
      }
      await upgraded(program, labels, '--set=logLevel=debug');
      await enforces();
      await uninstalled();
    });
  }

  test('a default policy that was changed by hand is a conflict for helm 4, until it is forced', async () => {
    await upgraded('helm');
    // The first upgrade takes the policy into the release.
    await upgraded('helm');
    const edit = ['patch', DEFAULT, '--type=merge', '--field-manager=kubectl-edit'];
    await here.kubectl(...edit, '--patch={"spec":{"mode":"Audit"}}');
    const refusedUpgrade = await upgrade('helm', '--set=logLevel=debug');
    assert.notEqual(refusedUpgrade.code, 0);
    assert.match(refusedUpgrade.stderr, /conflict with "kubectl-edit".*\.spec\.mode/s);
    assert.equal(await here.read(DEFAULT, '.spec.mode'), 'Audit');
    await upgraded('helm', '--force-conflicts');
    assert.equal(await here.read(DEFAULT, '.spec.mode'), 'Enforce');
    await enforces();
  });

  test('a default policy of somebody else is not overwritten, until ownership is taken', async () => {
    // The definitions stay, and their policies with them, the release's too.
    assert.equal((await here.helm('uninstall', 'cosignet', '--namespace=cosignet', '--wait')).code, 0);
    await here.kubectl('delete', DEFAULT);
    const foreign = policy('default', { images: ['**'], action: 'Allow' });
    assert.equal((await here.apply(foreign, '--field-manager=somebody')).code, 0);
    const { code, stderr } = await upgrade('helm');
    assert.notEqual(code, 0);
    assert.match(stderr, /cannot be imported into the current release/);
    await upgraded('helm', '--take-ownership', '--force-conflicts');
    assert.equal(await here.read(DEFAULT, '.spec.mode'), 'Enforce');
    assert.equal(await here.read(DEFAULT, '.spec.action'), 'Verify');
    await enforces();
    await uninstalled();
  });

  test('kubectl applies what helm renders, over and over, and deletes it', async () => {
    const file = path.join(here.bench.dir, 'cosignet.yaml');
    const rendered = ['helm', 'template', 'cosignet', 'helm', '--namespace=cosignet', '--no-hooks'] as const;
    const apply = ['apply', '--server-side', '--namespace=cosignet', `--filename=${file}`];
    await here.kubectl('create', 'namespace', 'cosignet');
    for (const flag of ['--set=logLevel=info', '--set=logLevel=debug']) {
      writeFileSync(file, await output([...rendered, ...here.bench.values, flag]));
      await here.kubectl(...apply);
      await here.kubectl('--namespace=cosignet', 'rollout', 'status', 'deployment/cosignet', '--timeout=240s');
    }
    // What the chart's hook waits for.
    for (const kind of ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations']) {
      const inForce = '--for=jsonpath={.webhooks[0].failurePolicy}=Fail';
      await here.kubectl('wait', `${kind}/cosignet`, inForce, '--timeout=180s');
    }
    const ours = policy('default', { images: ['**'], keys: [{ pem: here.release.publicKey }] });
    assert.equal((await here.apply(ours)).code, 0);
    await enforces();
    await here.kubectl('delete', `--filename=${file}`);
    await here.kubectl('delete', 'namespace', 'cosignet');
    assert.deepEqual(await inventory(here.bench), untouched);
  });
});
