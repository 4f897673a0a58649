// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AS_FORMER, eitherProgram, unpack } from '../workbench/former.ts';
import {
  admitted,
  install,
  keyFlags,
  openInstallation,
  policy,
  policyReady,
  type Installation,
} from '../workbench/installation.ts';
import { startLoad } from '../workbench/load.ts';
import { run } from '../workbench/tools.ts';

/** The commit whose chart was the last other one. */
async function previousCommit(): Promise<string> {
  const { code, stdout, stderr } = await run(['git', 'log', '--format=%H', '--max-count=2', '--', 'helm']);
  const changed = (await run(['git', 'status', '--porcelain', '--', 'helm'])).stdout !== '';
  const [last, oneBefore] = stdout.trim().split('\n');
  // What the last change to the chart came after; its own commit where the chart is being changed now.
  const commit = changed ? last : oneBefore;
  if (code !== 0 || !commit) {
    throw new Error(`the previous chart is not in this clone: git fetch --unshallow gets the history\n${stderr}`);
  }
  return commit;
}

/** Every signed image runs meanwhile, and no unsigned one. */
async function upgradesUnderLoad(here: Installation, ...flags: readonly string[]): Promise<void> {
  await using load = startLoad(here, { askers: 2 });
  await install(here, ...flags);
  const { answered, failures } = await load.stop();
  assert.deepEqual(failures, []);
  assert.ok(answered > 20, `only ${answered} requests`);
}

/** One story, in order. */
describe('an upgrade from the previous chart', () => {
  let here: Installation;
  const dir = mkdtempSync(path.join(tmpdir(), 'cosignet-previous-'));
  before(async () => {
    const former = path.join(dir, 'former');
    await unpack(await previousCommit(), former);
    process.env['COSIGNET_PROGRAM'] = eitherProgram(former, dir);
    here = await openInstallation();
    const where = ['--namespace=cosignet', '--create-namespace', '--wait', ...here.bench.values];
    const values = [...where, ...keyFlags(here.release), ...AS_FORMER];
    const { code, stdout, stderr } = await here.helm('install', 'cosignet', path.join(former, 'helm'), ...values);
    assert.equal(code, 0, stdout + stderr);
    await policyReady(here.kubectl, 'default');
    await admitted(here, here.images.signed);
  });
  after(async () => {
    await here?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const definition = 'customresourcedefinition/imagepolicies.cosignet.dev';
  const uid = (object: string) => here.read(object, '.metadata.uid');

  test('keeps definition, policies, certificates and every review', async () => {
    const objects = [definition, 'imagepolicies.cosignet.dev/default', 'cosignet:secret/cosignet-tls'];
    const uids = await Promise.all(objects.map(uid));
    const certificate = await here.read('cosignet:secret/cosignet-tls', '.data');
    await upgradesUnderLoad(here);
    assert.deepEqual(await Promise.all(objects.map(uid)), uids);
    assert.equal(await here.read('cosignet:secret/cosignet-tls', '.data'), certificate);
  });

  test('upgrades the definition, and loses nothing of what an upgrade before took over', async () => {
    await here.kubectl('patch', definition, '--type=json', '--patch=[{"op":"remove","path":"/spec/names/categories"}]');
    await upgradesUnderLoad(here);
    assert.match(await here.read(definition, '.spec.names.categories'), /\w/);
  });

  // Its probes ask another port.
  test('goes back where it does not get ready, and the old one goes on', async () => {
    await using load = startLoad(here, { askers: 2 });
    const { code, stdout, stderr } = await here.make(
      'install',
      '--reuse-values',
      '--rollback-on-failure',
      '--timeout=20s',
      '--set=extraArgs={--probes-listen,0.0.0.0:8089}',
    );
    assert.notEqual(code, 0, stdout + stderr);
    const { failures } = await load.stop();
    assert.deepEqual(failures, []);
    assert.doesNotMatch(
      await here.read('cosignet:deployment/cosignet', '.spec.template.spec.containers[0].args'),
      /8089/,
    );
  });

  test('keeps what others applied at an uninstallation, and it is in force again with a new one', async () => {
    const vendor = 'imagepolicies.cosignet.dev/vendor';
    const images = [here.images.tool.tag.replace(/:[^:]*$/, '')];
    const { code } = await here.apply(policy('vendor', { images, keys: [{ pem: here.other.publicKey }] }));
    assert.equal(code, 0);
    const kept = await uid(vendor);
    const removed = await here.helm('uninstall', 'cosignet', '--namespace=cosignet', '--wait');
    assert.equal(removed.code, 0, removed.stdout + removed.stderr);
    assert.match(await here.read(definition, '.metadata.annotations'), /keep/);
    await install(here);
    assert.equal(await uid(vendor), kept);
    await admitted(here, here.images.tool);
  });
});
