// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../../control-plane/process.ts';
import { install, openInstallation, tryPod, type Installation } from '../workbench/installation.ts';

const SETS = ['--set=excludedNamespaceSets[0].name=gitops', '--set=excludedNamespaceSets[0].mode=Audit'];

/** One story, in order: a namespace that must never wait for us, and is looked at. */
describe('a namespace that is excluded and audited', () => {
  let here: Installation;
  before(async () => {
    here = await openInstallation();
    await here.kubectl('create', 'namespace', 'flux-system');
    await install(here, ...SETS);
  });
  after(() => here.close());

  /** A try in that namespace, which must be admitted without a word. */
  async function tried(image: string): Promise<void> {
    const { code, stderr } = await here.bench.kubectl(['--namespace=flux-system', ...tryPod(image)]);
    assert.deepEqual([code, stderr], [0, '']);
  }

  /** What the replicas said of it in the log: outcome and mode. */
  function recorded(image: string): readonly string[] {
    const pods = path.join(here.bench.dir, 'cluster', 'pods');
    const lines = readdirSync(pods).flatMap((pod) =>
      readFileSync(path.join(pods, pod, 'output.log'), 'utf8').split('\n'),
    );
    return lines
      .filter((line) => line.includes('"namespace":"flux-system"') && line.includes(`"image":"${image}"`))
      .map((line): { message: string; code: string; mode: string } => JSON.parse(line))
      .map(({ message, code, mode }) => `${message} ${code} ${mode}`);
  }

  test('gets what policies refuse, and it is recorded', async () => {
    const { tag } = here.images.unsigned;
    assert.match(await here.refused(...tryPod(tag)), /denied the request/);
    // Where the API server gives up after two seconds, nothing is recorded.
    const [line] = await waitFor('the record', async () => {
      await tried(tag);
      const lines = recorded(tag);
      return lines.length > 0 ? lines : undefined;
    });
    assert.equal(line, 'admitted NoSignature Audit');
  });

  test('gets what is signed as it was written', async () => {
    const { tag } = here.images.signed;
    await tried(tag);
    await here.kubectl('--namespace=flux-system', 'run', 'signed', `--image=${tag}`);
    assert.equal(await here.read('flux-system:pod/signed', '.spec.containers[0].image'), tag);
  });

  test('waits for nobody while no replica answers', async () => {
    await here.kubectl('--namespace=cosignet', 'scale', 'deployment/cosignet', '--replicas=0');
    await waitFor('the webhook to be gone', async () => {
      const { stderr } = await here.bench.kubectl(tryPod(here.images.signed));
      return stderr.includes('failed calling webhook') || undefined;
    });
    await tried(here.images.unsigned.tag);
    await here.kubectl('--namespace=cosignet', 'scale', 'deployment/cosignet', '--replicas=2');
  });

  test('is like any other again when the values say so', async () => {
    await install(here);
    await waitFor('the webhook to be taken out', async () => {
      const names = await here.read('validatingwebhookconfigurations/cosignet', '.webhooks[*].name');
      return !names.includes('audit.cosignet.dev') || undefined;
    });
    await waitFor('the refusal', async () => {
      const { stderr } = await here.bench.kubectl(['--namespace=flux-system', ...tryPod(here.images.unsigned)]);
      return stderr.includes('denied the request') || undefined;
    });
  });
});
