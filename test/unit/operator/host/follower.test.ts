// SPDX-License-Identifier: Apache-2.0
// Two that write would undo each other: a replica that does not lead decides, and writes nothing.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Decide } from '../../../../core/verdict/types.ts';
import { verdict } from '../../cli/scan/reports.ts';
import { eventually } from '../eventually.ts';
import {
  certificateSecret,
  CONFIGURATIONS,
  LEASES,
  pathSecret,
  PODS,
  POLICIES,
  registrationLooks,
  SECRETS,
  startedCluster,
  type StartedCluster,
} from './started-cluster.ts';

const LEASE = { name: 'cosignet', namespace: 'cosignet' };

let here: StartedCluster;
const written = () => here.server.seen.filter(({ method }) => method !== 'GET').map(({ path }) => path);

describe('a replica that does not lead', () => {
  beforeEach(async () => {
    here = await startedCluster({}, (server) => {
      // As long as any lease is believed.
      const spec = { holderIdentity: 'another', leaseDurationSeconds: 60 };
      server.put(LEASES, { metadata: LEASE, spec });
      server.put(SECRETS, pathSecret('a', 'b'));
      server.put(PODS, {
        metadata: { name: 'app', namespace: 'shop' },
        spec: { containers: [{ name: 'app', image: 'docker.io/acme/app:1' }] },
      });
    });
  });
  afterEach(() => here.stop());

  test('whoever does not lead writes nothing, and whoever leads next writes all of it at once', async () => {
    const { host, server } = here;
    const decided: string[] = [];
    const decide: Decide = async ({ image }) => {
      decided.push(image);
      return verdict({ image, outcome: 'denied', code: 'NoSignature', policies: ['prod'] });
    };
    await eventually(() => host.policies.snapshot().policies.size === 1);
    assert.ok(host.notReady().includes('there is no usable serving certificate yet'));
    await registrationLooks(here);
    server.put(SECRETS, await certificateSecret());
    const { cert } = await host.certificate;
    assert.equal(Buffer.from(server.get(SECRETS, 'cosignet-tls')?.data?.['tls.crt'] ?? '', 'base64').toString(), cert);
    await registrationLooks(here);
    const scan = host.scan(decide);
    try {
      await eventually(() => decided.length > 0);
      await registrationLooks(here);
      // What it found itself is for whoever leads to say.
      assert.equal(host.overview?.().policies[0]?.affected, undefined);
      assert.deepEqual(written(), []);
      assert.equal(host.readings.isLeader(), false);
      assert.equal(host.overview?.().leads, false);

      server.put(LEASES, { metadata: LEASE, spec: { holderIdentity: '' } });
      const status = () => server.get(POLICIES, 'prod')?.status;
      await eventually(() => status()?.conditions?.some(({ type }) => type === 'Ready'));
      await eventually(() => CONFIGURATIONS.every((at) => server.get(at, 'cosignet')?.webhooks?.length === 1));
      await eventually(() => status()?.affected?.wouldDeny === 1);
      assert.equal(host.overview?.().policies[0]?.affected?.wouldDeny, 1);
      assert.equal(host.overview?.().leads, true);
    } finally {
      await scan?.stop();
    }
  });
});
