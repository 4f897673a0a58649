// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../../control-plane/process.ts';
import { AS_FORMER, eitherProgram, unpack } from '../workbench/former.ts';
import {
  admitted,
  keyFlags,
  openInstallation,
  policy,
  policyReady,
  type Image,
  type Installation,
} from '../workbench/installation.ts';
import { inventory } from '../workbench/inventory.ts';
import { run } from '../workbench/tools.ts';

/** A release from before the demand for digests, the test and the choice of who makes the certificates. */
const FORMER = 'f1057a1f715e1659065105a5574bdfd1a9c0317c';

interface Attempt {
  readonly image: Image;
  /** Why not; undefined where it was admitted. */
  readonly refusal: string | undefined;
}

/** One story, in order. */
describe('an upgrade from a much older release, its program as well as its chart, and the way back', () => {
  let here: Installation;
  let untouched: readonly string[];
  let uids: Readonly<Record<string, string>>;
  const changedValues = ['--set=replicas=3', '--set=config.cache.tags=5', '--set=digestRequired.enabled=true'];
  const dir = mkdtempSync(path.join(tmpdir(), 'cosignet-former-'));
  const former = path.join(dir, 'former');

  before(async () => {
    await unpack(FORMER, former);
    process.env['COSIGNET_PROGRAM'] = eitherProgram(former, dir);
    here = await openInstallation();
    untouched = await inventory(here.bench);
  });
  after(async () => {
    await here?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test('finds the former release installed and enforcing', async () => {
    await upgrade(path.join(former, 'helm'), ...AS_FORMER);
    await policyReady(here.kubectl, 'default');
    const { code, stderr } = await here.apply(vendor(here));
    assert.equal(code, 0, stderr);
    await policyReady(here.kubectl, 'vendor');
    await admitted(here, here.images.tool);
    assert.match(String((await attempt(here.images.unsigned)).refusal), /denied the request/);
    uids = await policyUids();
    assert.deepEqual(Object.keys(uids), ['default', 'vendor']);
  });

  test('never admits an unsigned image meanwhile, and never refuses a signed one', async () => {
    const ended = new AbortController();
    const watched = attempts(ended.signal);
    await upgrade('helm', ...changedValues).finally(() => ended.abort());
    const seen = await watched;
    const { signed, unsigned } = here.images;
    const of = (image: Image) => seen.filter((one) => one.image === image).map(({ refusal }) => refusal);
    assert.ok(of(unsigned).length > 20, `only ${seen.length} attempts`);
    assert.ok(!of(unsigned).includes(undefined));
    assert.deepEqual(
      of(signed).filter((refusal) => refusal !== undefined),
      [],
    );
  });

  test('has the new values, and the policies as they were', async () => {
    assert.equal(await here.read('cosignet:deployment/cosignet', '.status.readyReplicas'), '3');
    assert.match(await here.read('cosignet:configmap/cosignet', '.data.config\\.yaml'), /tags: 5$/m);
    assert.deepEqual(await policyUids(), uids);
    assert.match(String((await attempt(here.images.unsigned)).refusal), /denied the request/);
    assert.equal((await attempt(here.images.tool)).refusal, undefined);
  });

  test('goes back by `helm rollback`, to callers without a token, and refuses an unsigned image all the while', async () => {
    const ended = new AbortController();
    const watched = attempts(ended.signal);
    try {
      // As docs/explanation/how-a-decision-is-made.md says.
      await upgrade('helm', ...changedValues, '--set=webhook.pathToken=false');
      const to = ['rollback', 'cosignet', '1', '--namespace=cosignet', '--wait', '--force-conflicts'];
      const { code, stdout, stderr } = await here.helm(...to);
      assert.equal(code, 0, `${stdout}${stderr}`);
    } finally {
      ended.abort();
    }
    const refusals = (await watched)
      .filter(({ image }) => image === here.images.unsigned)
      .map(({ refusal }) => refusal);
    assert.ok(refusals.length > 20, `only ${refusals.length} attempts`);
    assert.ok(!refusals.includes(undefined));
    await admitted(here, here.images.signed);
    assert.match(String((await attempt(here.images.unsigned)).refusal), /denied the request/);
    const service = '.webhooks[0].clientConfig.service.path';
    assert.equal(await here.read('mutatingwebhookconfiguration/cosignet', service), '/mutate');
    await waitFor('replicas of the newer release to end', async () => {
      return (await here.read('cosignet:pods', '.items[*].metadata.deletionTimestamp')) === '' || undefined;
    });
    // The former chart makes its default policy anew; what others applied stays.
    assert.equal((await policyUids())['vendor'], uids['vendor']);
  });

  test('left nothing that an uninstallation does not remove', async () => {
    const { code, stdout, stderr } = await here.make('uninstall');
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.deepEqual(await inventory(here.bench), untouched);
  });

  async function upgrade(chart: string, ...flags: readonly string[]): Promise<void> {
    const where = ['--namespace', 'cosignet', '--create-namespace', '--wait', '--reset-values'];
    const values = [...here.bench.values, ...keyFlags(here.release), ...flags];
    const command = ['helm', 'upgrade', '--install', 'cosignet', chart, ...where, ...values] as const;
    const { code, stdout, stderr } = await run(command, { env: here.bench.env });
    assert.equal(code, 0, `${stdout}${stderr}`);
  }

  /** Asks for a Pod without making it. */
  function attempt(image: Image): Promise<Attempt> {
    const spec = { containers: [{ name: 'tried', image: image.tag }] };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tried' }, spec };
    return here.bench.cluster.api.post('/api/v1/namespaces/shop/pods?dryRun=All', pod).then(
      () => ({ image, refusal: undefined }),
      (error: unknown) => ({ image, refusal: String(error) }),
    );
  }

  async function attempts(signal: AbortSignal): Promise<Attempt[]> {
    const seen: Attempt[] = [];
    while (!signal.aborted) {
      seen.push(await attempt(here.images.unsigned), await attempt(here.images.signed));
      await delay(50);
    }
    return seen;
  }

  /** By name, in order: another uid would mean that a policy was gone for a while. */
  async function policyUids(): Promise<Readonly<Record<string, string>>> {
    const line = '{range .items[*]}{.metadata.name} {.metadata.uid}{"\\n"}{end}';
    const text = await here.kubectl('get', 'imagepolicies.cosignet.dev', `--output=jsonpath=${line}`);
    const rows = text.split('\n').map((row) => row.split(' '));
    return Object.fromEntries(rows.map(([name = '', uid = '']) => [name, uid]));
  }
});

function vendor({ images, other }: Installation): object {
  const repository = images.tool.tag.slice(0, images.tool.tag.lastIndexOf(':'));
  return policy('vendor', { images: [repository], keys: [{ name: 'vendor', pem: other.publicKey }] });
}
