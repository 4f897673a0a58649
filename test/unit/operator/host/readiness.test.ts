// SPDX-License-Identifier: Apache-2.0
// When a replica asks for requests, when it decides, and when it arms: not before it knows by what.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { parseConfiguration } from '../../../../core/config/configuration.ts';
import { anonymousKeychain } from '../../../../core/registry/credentials/keychains.ts';
import type { FollowKms } from '../../../../operator/kms/kms-keys.ts';
import type { FakeApiServer, Seen } from '../../../fakes/api-server.ts';
import { eventually } from '../eventually.ts';
import {
  certificateSecret,
  CONFIGURATIONS,
  isReachQuestion,
  NAMESPACED,
  NAMESPACES,
  noKms,
  pathSecret,
  POLICIES,
  reached,
  registrationLooks,
  SECRETS,
  startedCluster,
  type StartedCluster,
} from './started-cluster.ts';

const configured = (text: string) => ({
  configuration: { configuration: () => parseConfiguration(text), credentials: anonymousKeychain },
});

let here: StartedCluster;

const collections = [
  [POLICIES, 'imagepolicies'],
  [NAMESPACED, 'namespacedimagepolicies'],
  [SECRETS, 'cosignet/secrets'],
  [NAMESPACES, 'namespaces'],
] as const;

describe('a replica that has not listed everything', () => {
  afterEach(() => here.stop());
  for (const [collection, name] of collections) {
    test(`before ${name} are listed it asks for no requests, decides nothing and arms nothing`, async () => {
      let isHeld = true;
      here = await startedCluster({}, async (server) => {
        server.put(SECRETS, await certificateSecret());
        server.put(SECRETS, pathSecret('a', 'b'));
        server.fault = (seen) => (isHeld && isList(seen, collection) ? { status: 500 } : reached(seen));
      });
      const { host, server } = here;
      await eventually(() => host.notReady().length === 1 || collection === SECRETS);
      await eventually(() => host.readings.isLeader() === true);
      assert.ok(host.notReady().includes(`${name} were not listed yet`));
      assert.equal(host.policies.outdated(), `this replica has not listed ${name} yet`);
      // Without Secrets nobody knows what to register; and what they would hold is not made anew.
      if (collection === SECRETS) assert.equal(wrote(server).length, 0);
      else await isOnlyAsked(here);
      isHeld = false;
      await eventually(() => host.notReady().length === 0 && host.readings.armed() === true);
      assert.equal(host.policies.outdated(), undefined);
      assert.deepEqual(host.notInForce(), []);
      assert.equal(
        wrote(server).some(({ path }) => path.startsWith(SECRETS)),
        false,
      );
    });
  }
});

function isList({ method, path, watch }: Seen, collection: string): boolean {
  return method === 'GET' && path === collection && !watch;
}

function wrote({ seen }: FakeApiServer): readonly Seen[] {
  return seen.filter(({ method, path }) => method !== 'GET' && !path.includes('/leases') && !path.includes('/events'));
}

/** Registered for nothing but the question, which is not asked yet. */
async function isOnlyAsked(started: StartedCluster): Promise<void> {
  const { server, host } = started;
  await eventually(() => CONFIGURATIONS.every((at) => server.get(at, 'cosignet')?.webhooks?.length === 1));
  await registrationLooks(started);
  assert.equal(server.seen.some(isReachQuestion), false);
  assert.equal(host.readings.armed(), false);
  assert.equal(host.notInForce().length, 2);
}

/** What is said once so many seconds have passed in which nothing was heard. */
function after<T>(seconds: number, say: () => T): T {
  const now = performance.now.bind(performance);
  const clock = mock.method(performance, 'now', () => now() + seconds * 1000);
  try {
    return say();
  } finally {
    clock.mock.restore();
  }
}

const late = () => here.host.notReady().filter((reason) => reason.endsWith('were not confirmed for too long'));

describe('what the API server has not confirmed for long', () => {
  afterEach(() => here.stop());
  const AGE = 600;
  const NAMES = collections.map(([, name]) => name);

  beforeEach(async () => {
    here = await startedCluster(configured(`maxPolicyAgeSeconds: ${AGE}`), (server) => {
      server.fault = reached;
    });
    await eventually(() => here.host.notReady().length === 0);
  });

  test('keeps requests away first, and then is not decided by', () => {
    const { policies } = here.host;
    assert.deepEqual(after(120, late), []);
    assert.deepEqual(
      after(AGE / 2 + 1, late).map((reason) => reason.split(' ')[0]),
      NAMES,
    );
    assert.equal(after(AGE / 2 + 1, policies.outdated), undefined);
    assert.match(after(AGE + 1, policies.outdated) ?? '', /^this replica has not heard of imagepolicies for 60\d s$/);
  });

  test('is watched by requests that end several times within that age', async () => {
    await here.stop();
    here = await startedCluster(configured('maxPolicyAgeSeconds: 20'));
    for (const [collection] of collections) {
      const watches = () => here.server.seen.filter(({ path, watch }) => watch && path === collection);
      await eventually(() => watches().length > 0);
      const longest = Math.max(...watches().map(({ query }) => Number(query.get('timeoutSeconds'))));
      assert.ok(longest > 0 && longest <= 5, `${collection}: ${longest} s`);
    }
  });
});

describe('what policies refer to and is not read yet', () => {
  afterEach(() => here.stop());
  test('keeps requests away: a key of a KMS', async () => {
    let isSettled = false;
    const reason = 'keys of a KMS were not read yet';
    here = await startedCluster({ followKms: (policies) => ({ ...noKms(policies), isSettled: () => isSettled }) });
    await eventually(() => here.host.notReady().includes(reason));
    isSettled = true;
    assert.ok(!here.host.notReady().includes(reason));
  });

  test('and a key of a KMS that comes has its policy compiled again', async () => {
    let policies: Parameters<FollowKms>[0] | undefined;
    const followKms: FollowKms = (given) => {
      policies = given;
      return noKms(given);
    };
    here = await startedCluster({ followKms }, (server) => {
      const keys = [{ kms: 'hashivault://release' }];
      server.put(POLICIES, { metadata: { name: 'held', generation: 1 }, spec: { images: ['**'], keys } });
    });
    await eventually(() => here.host.policies.snapshot().policies.size === 2);
    const before = here.compiled();
    const named = [...(policies?.named() ?? [])];
    assert.deepEqual(
      named.map(({ text }) => text),
      ['hashivault://release'],
    );
    for (const reference of named) policies?.onChange(reference);
    assert.equal(here.compiled(), before + 1);
  });
});
