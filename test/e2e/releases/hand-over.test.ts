// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AS_FORMER, eitherProgram, unpack } from '../workbench/former.ts';
import { waitFor } from '../../control-plane/process.ts';
import { admitted, keyFlags, openInstallation, policyReady, type Installation } from '../workbench/installation.ts';
import { startLoad } from '../workbench/load.ts';

/** The last release whose chart held the field `webhooks`, which replicas write since. */
const FORMER = '73869dfb23c6ddbbe881c7778c5f7fbd36bb6e2b';

const program = process.env['COSIGNET_PROGRAM'];

/** How Helm writes: as version 4 does, and as version 3 did, by comparing what it renders with what it rendered. */
for (const serverSide of ['true', 'false']) {
  describe(`upgrades from a chart that held webhooks, with --server-side=${serverSide}`, () => {
    let here: Installation;
    const dir = mkdtempSync(path.join(tmpdir(), 'cosignet-held-'));
    const former = path.join(dir, 'former');

    before(async () => {
      await unpack(FORMER, former);
      process.env['COSIGNET_PROGRAM'] = eitherProgram(former, dir);
      here = await openInstallation();
      await helm('install', path.join(former, 'helm'), '--set=digestRequired.enabled=true', ...AS_FORMER);
      await policyReady(here.kubectl, 'default');
      await admitted(here, here.images.signed);
    });
    after(async () => {
      await here?.close();
      rmSync(dir, { recursive: true, force: true });
      if (program === undefined) delete process.env['COSIGNET_PROGRAM'];
      else process.env['COSIGNET_PROGRAM'] = program;
    });

    async function helm(verb: 'install' | 'upgrade', chart: string, ...flags: readonly string[]): Promise<void> {
      const where = ['--namespace=cosignet', '--create-namespace', '--wait', `--server-side=${serverSide}`];
      const values = [...here.bench.values, ...keyFlags(here.release), ...flags];
      const { code, stdout, stderr } = await here.helm(verb, 'cosignet', chart, ...where, ...values);
      assert.equal(code, 0, stdout + stderr);
    }
    const uids = () =>
      Promise.all(
        [
          'mutatingwebhookconfiguration/cosignet',
          'validatingwebhookconfiguration/cosignet',
          'validatingadmissionpolicybinding/cosignet-digest-required',
        ].map((object) => here.read(object, '.metadata.uid')),
      );

    // The first takes the field over; the second is by a chart that never had it.
    for (const upgrade of ['first', 'second', 'third']) {
      test(`the ${upgrade} upgrade admits no unsigned image and refuses no signed one`, async () => {
        const known = await uids();
        await using load = startLoad(here, { askers: 2 });
        const flags = ['--set=digestRequired.enabled=true', `--set=podAnnotations.upgrade=${upgrade}`];
        await helm('upgrade', 'helm', ...flags);
        const { answered, failures } = await load.stop();
        assert.deepEqual(failures, []);
        assert.ok(answered > 20, `only ${answered} requests`);
        assert.deepEqual(await uids(), known);
      });
    }

    test('API servers are told a path with a token once no former replica is left, and no request is lost', async () => {
      await using load = startLoad(here, { askers: 2 });
      await waitFor(
        'the token',
        async () => {
          const end = /^\/(mutate|validate)\/[0-9a-f]{64}$/;
          const where = '.webhooks[0].clientConfig.service.path';
          for (const kind of ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration']) {
            assert.match(await here.read(`${kind}/cosignet`, where), end);
          }
          return true;
        },
        { timeout: 300_000 },
      );
      const { failures } = await load.stop();
      assert.deepEqual(failures, []);
    });
  });
}
