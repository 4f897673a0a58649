// SPDX-License-Identifier: Apache-2.0
/* oxlint-disable typescript/no-unsafe-type-assertion -- the fake API server keeps any object */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { createKubeApi } from '../../../../operator/kubernetes/api-client.ts';
import { keepRegistration, type Registration } from '../../../../operator/registration/registration.ts';
import { FakeApiServer, type FakeObject } from '../../../fakes/api-server.ts';
import { eventually } from '../eventually.ts';

const SECRETS = '/api/v1/namespaces/cosignet/secrets';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/cosignet/deployments';
const NAME = 'cosignet-path';

describe('the Secret of path tokens, once it is gone', () => {
  let server: FakeApiServer;
  let registration: Registration;
  let looks: number;

  beforeEach(async () => {
    server = await new FakeApiServer().start();
    looks = 0;
    server.put(SECRETS, { metadata: { name: NAME, namespace: 'cosignet' } });
    registration = keepRegistration({
      api: createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) }),
      namespace: 'cosignet',
      name: 'cosignet',
      wanted: { mutating: [], validating: [], pathToken: true },
      secrets: () => {
        looks += 1;
        return { get: (name) => server.get(SECRETS, name) };
      },
      isLeader: () => true,
      canAnswer: () => true,
      events: { record: () => undefined, stop: async () => undefined },
      log: silentLogger,
      clock: Date.now,
      queueMetrics: { queueDepth: () => undefined, queueAdded: () => undefined, queueRetried: () => undefined },
    });
    registration.publish([]);
    await eventually(() => registration.notReady().length === 0);
  });
  afterEach(async () => {
    await registration.stop();
    await server.stop();
  });

  /** Pods of the Deployment, and how many of them are of its newest template. */
  function deploy(updatedReplicas: number): void {
    const status = { observedGeneration: 1, replicas: 2, readyReplicas: 2, updatedReplicas } as FakeObject['status'];
    server.put(DEPLOYMENTS, { metadata: { name: 'cosignet', generation: 1 }, ...(status && { status }) });
  }

  /** Whether it is there after all that one more look does. */
  async function isThereAfter(): Promise<boolean> {
    server.remove(SECRETS, NAME);
    const before = looks;
    registration.look();
    await eventually(() => looks > before);
    await registration.stop();
    return server.get(SECRETS, NAME)?.data?.['active'] !== undefined;
  }

  test('is made anew by replicas of the release that has it', async () => {
    deploy(2);
    assert.equal(await isThereAfter(), true);
  });

  test('is not while another release takes their place', async () => {
    deploy(1);
    assert.equal(await isThereAfter(), false);
  });

  test('is not by a replica that ends, though those of the next release are all there', async () => {
    deploy(2);
    registration.retire();
    assert.equal(await isThereAfter(), false);
  });

  test('is not where nobody may ask, or there is nothing to ask about', async () => {
    assert.equal(await isThereAfter(), false);
  });
});
