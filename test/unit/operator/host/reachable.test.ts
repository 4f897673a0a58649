// SPDX-License-Identifier: Apache-2.0
// What API servers are told of a replica, and by what they trust it.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { afterEach, describe, test } from 'node:test';
import { issueLocalCertificate } from '../../../../operator/certificates/local-certificate.ts';
import { eventually } from '../eventually.ts';
import {
  CONFIGURATIONS,
  notesOf,
  pathSecret,
  reached,
  registrationLooks,
  SECRETS,
  startedCluster,
  type StartedCluster,
} from './started-cluster.ts';

let here: StartedCluster;

const webhooks = () =>
  CONFIGURATIONS.map((collection) => here.server.get(collection, 'cosignet')?.webhooks?.[0]?.clientConfig);
const isReady = () => here.host.notReady().length === 0 && here.host.readings.armed() === true;

describe('what API servers are told of a replica', () => {
  afterEach(() => here.stop());

  test('they trust our authority, and call by a path that nobody else knows', async () => {
    here = await startedCluster({}, (server) => (server.fault = reached));
    await eventually(isReady);
    const { cert } = await here.host.certificate;
    assert.match(new X509Certificate(cert).subjectAltName ?? '', /DNS:cosignet\.cosignet\.svc/);
    for (const client of webhooks()) {
      const authority = new X509Certificate(atob(client?.caBundle ?? ''));
      assert.ok(new X509Certificate(cert).checkIssued(authority));
      const token = /\/([0-9a-f]{64})$/.exec(client?.service?.['path'] ?? '')?.[1];
      assert.equal(here.host.callerBy(token), 'known');
    }
    assert.equal(here.host.callerBy(undefined), 'refused');
  });

  test('what somebody else changes is restored, with an Event', async () => {
    here = await startedCluster({}, (server) => {
      server.put(SECRETS, pathSecret('a', 'b'));
      server.fault = reached;
    });
    await eventually(isReady);
    // Only what was seen to be right is restored with a word about it.
    await registrationLooks(here);
    const [collection = ''] = CONFIGURATIONS;
    const before = here.server.get(collection, 'cosignet');
    assert.ok(before);
    const changed = (before.webhooks ?? []).map((webhook) => Object.assign(webhook, { rules: [] }));
    here.server.put(collection, { ...before, webhooks: changed });
    await eventually(() => here.server.get(collection, 'cosignet')?.webhooks?.[0]?.rules?.length === 1);
    await eventually(() => notesOf(here.server).some((note) => note.includes('"WebhooksRestored"')));
  });

  test('a certificate from files is served, and its authority and Secret are left to whoever made it', async () => {
    const pair = await issueLocalCertificate(Date.now());
    const ownCertificate = { current: () => pair, listen: () => undefined, stop: async () => undefined };
    here = await startedCluster({ ownCertificate }, (server) => (server.fault = reached));
    await eventually(isReady);
    assert.equal((await here.host.certificate).cert, pair.cert);
    for (const client of webhooks()) {
      assert.ok(client);
      assert.equal(client.caBundle, undefined);
    }
    assert.equal(here.server.get(SECRETS, 'cosignet-tls')?.data, undefined);
  });

  test('a replica without a certificate or a token asks for no requests', async () => {
    here = await startedCluster({ issuer: { issueAuthority: never, issueServing: never } }, (server) => {
      server.fault = ({ method, path }) => (method !== 'GET' && path.startsWith(SECRETS) ? { status: 403 } : undefined);
    });
    await eventually(() => here.host.policies.snapshot().policies.size === 1 && here.host.notReady().length === 2);
    assert.deepEqual(here.host.notReady(), [
      'there is no usable serving certificate yet',
      'there is no token yet by which API servers prove themselves',
    ]);
  });
});

async function never(): Promise<never> {
  throw new Error('no keys today');
}
