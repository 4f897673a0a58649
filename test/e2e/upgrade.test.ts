// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { admitted, install, keyFlags, openInstallation, policyReady, type Installation } from './installation.ts';
import { startLoad } from './load.ts';
import { output, run } from './tools.ts';

/** The chart as it was before the last change to it, unpacked into this folder. */
async function previousChart(folder: string): Promise<string> {
  const { code, stdout, stderr } = await run(['git', 'log', '--format=%H', '--max-count=2', '--', 'helm']);
  const changed = (await run(['git', 'status', '--porcelain', '--', 'helm'])).stdout !== '';
  const [last, oneBefore] = stdout.trim().split('\n');
  const commit = changed ? last : oneBefore;
  if (code !== 0 || !commit) {
    throw new Error(`the previous chart is not in this clone: git fetch --unshallow gets the history\n${stderr}`);
  }
  mkdirSync(folder, { recursive: true });
  await output(['sh', '-c', 'git archive "$0" helm | tar -x -C "$1"', commit, folder]);
  return path.join(folder, 'helm');
}

/** One story, in order. */
describe('an upgrade from the previous chart', () => {
  let here: Installation;
  before(async () => {
    here = await openInstallation();
    const chart = await previousChart(path.join(here.bench.dir, 'previous'));
    const where = ['--namespace=cosignet', '--create-namespace', '--wait', ...here.bench.values];
    const { code, stdout, stderr } = await here.helm('install', 'cosignet', chart, ...where, ...keyFlags(here.release));
    assert.equal(code, 0, stdout + stderr);
    await policyReady(here.kubectl, 'default');
    await admitted(here, here.images.signed);
  });
  after(() => here.close());

  const definition = 'customresourcedefinition/imagepolicies.cosignet.dev';
  const uid = (object: string) => here.read(object, '.metadata.uid');

  test('keeps definition, policies, certificates and every review', async () => {
    const objects = [definition, 'imagepolicies.cosignet.dev/default', 'cosignet:secret/cosignet-tls'];
    const uids = await Promise.all(objects.map(uid));
    const certificate = await here.read('cosignet:secret/cosignet-tls', '.data');
    const load = startLoad(here, { askers: 2 });
    await install(here);
    const { answered, failures } = await load.stop();
    assert.deepEqual(failures, []);
    assert.ok(answered > 20, `only ${answered} requests`);
    assert.deepEqual(await Promise.all(objects.map(uid)), uids);
    assert.equal(await here.read('cosignet:secret/cosignet-tls', '.data'), certificate);
  });

  test('upgrades the definition', async () => {
    await here.kubectl('patch', definition, '--type=json', '--patch=[{"op":"remove","path":"/spec/names/categories"}]');
    await install(here);
    assert.match(await here.read(definition, '.spec.names.categories'), /\w/);
  });

  // Its probes ask another port.
  test('goes back where it does not get ready, and the old one goes on', async () => {
    const load = startLoad(here, { askers: 2 });
    const { code, stdout, stderr } = await here.make(
      'install',
      '--reuse-values',
      '--rollback-on-failure',
      '--timeout=20s',
      '--set=extraArgs={--metrics-listen,0.0.0.0:8081}',
    );
    assert.notEqual(code, 0, stdout + stderr);
    const { failures } = await load.stop();
    assert.deepEqual(failures, []);
    assert.doesNotMatch(
      await here.read('cosignet:deployment/cosignet', '.spec.template.spec.containers[0].args'),
      /8081/,
    );
  });

  test('keeps the policies at an uninstallation, and a new installation has them again', async () => {
    const policy = await uid('imagepolicies.cosignet.dev/default');
    const { code, stdout, stderr } = await here.helm('uninstall', 'cosignet', '--namespace=cosignet', '--wait');
    assert.equal(code, 0, stdout + stderr);
    assert.match(await here.read(definition, '.metadata.annotations'), /keep/);
    await install(here);
    await admitted(here, here.images.signed);
    assert.notEqual(policy, '');
  });
});
