// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { VerdictCode } from '../../../../core/verdict-codes.ts';
import { silentLogger } from '../../../../core/observe.ts';
import { createPolicyStore, type PolicyStore } from '../../../../core/policy/store/store.ts';
import type { DecisionRequest, Verdict } from '../../../../core/verdict/types.ts';
import type { PolicyEffect } from '../../../../operator/scan/policy-effect.ts';
import type { RequestBudget } from '../../../../operator/scan/request-budget.ts';
import type { Running } from '../../../../operator/scan/running-groups.ts';
import { Rescan } from '../../../../operator/scan/rescan.ts';
import { createPodKeeper, type PodObject } from '../../../../operator/scan/running-images.ts';
import { anonymous, compiled, publicKeyPem } from '../../../fakes/engine.ts';
import { eventually } from '../eventually.ts';

const keep = createPodKeeper();
const HOUR = 3_600_000;

describe('the scan of what runs', () => {
  let store: PolicyStore;
  let pods: PodObject[];
  let asked: DecisionRequest[];
  let now: number;
  let leads: boolean;
  let published: ReadonlyMap<string, PolicyEffect>[];
  let codes: Record<string, VerdictCode>;
  let spent: number;
  let budget: RequestBudget;
  let rescan: Rescan;
  let swept: Running[];
  /** Turns of the event loop, where a test counts them; and at which the last sweep came how far. */
  let turns: number;
  let cameAt: { read: number; matched: number; published: number };

  beforeEach(() => {
    store = createPolicyStore();
    [pods, asked, published, codes, swept] = [[], [], [], {}, []];
    [now, spent, leads, turns] = [0, 0, true, 0];
    cameAt = { read: 0, matched: 0, published: 0 };
    budget = { available: async () => undefined, spend: (requests) => void (spent += requests) };
    rescan = new Rescan({
      pods: () => {
        cameAt.read = turns;
        return pods;
      },
      isLeftOut: (namespace) => namespace === 'kube-system',
      policies: () => store.snapshot(),
      namespaceContext: async (name) => {
        if (name === 'gone') throw new Error('404');
        return { name, labels: {} };
      },
      keychainFor: () => anonymous,
      decide: async (request) => {
        asked.push(request);
        return verdictOf(request);
      },
      deadline: () => 1000,
      budget: { available: (signal) => budget.available(signal), spend: (requests) => budget.spend(requests) },
      isLeader: () => leads,
      publish: (effects) => {
        cameAt.published = turns;
        published.push(effects);
      },
      report: () => undefined,
      onSweep: (running) => {
        cameAt.matched = turns;
        swept.push(running);
      },
      log: silentLogger,
      monotonic: () => now,
      clock: () => now,
      timings: { settle: 1, pace: 0 },
    });
  });
  afterEach(() => rescan.stop());

  function verdictOf({ image }: DecisionRequest): Verdict {
    const code = codes[image] ?? 'Verified';
    const outcome = code === 'Verified' ? 'allowed' : code.startsWith('Registry') ? 'error' : 'denied';
    const rest = { mode: 'Enforce', policies: ['all'], message: '', remedy: '', signers: [] } as const;
    return { image, outcome, code, ...(outcome === 'denied' && { refusedBy: ['all'] }), ...rest, registryRequests: 3 };
  }
  function run(name: string, image: string): void {
    const [namespace = '', own = ''] = name.split('/');
    pods.push(keep({ metadata: { name: own, namespace }, spec: { containers: [{ image }] } }));
  }
  function policy(name: string, ...images: string[]): void {
    store.set(compiled(name, { images, keys: [{ pem: publicKeyPem('release') }] }));
  }
  const images = () => asked.map(({ image }) => image);
  const latest = (name = 'all') => published.at(-1)?.get(name);
  /** A sweep that follows a change, to its end. */
  async function sweep(): Promise<void> {
    const before = published.length;
    rescan.nudge();
    await eventually(() => published.length > before);
  }

  test('tells what it will decide about, with the policies that apply, and goes on in that', async () => {
    run('shop/web', 'signed:1');
    policy('all', '**');
    rescan.start();
    await eventually(() => latest());
    const [subject] = swept.at(-1)?.subjects ?? [];
    assert.deepEqual(
      [subject?.firstPod, subject?.policies.map(({ name }) => name), subject?.result?.code],
      ['web', ['all'], 'Verified'],
    );
  });

  test('asks about each image once, in the background, and tells what the policy would deny', async () => {
    policy('all', '**');
    codes['example.com/bad'] = 'NoSignature';
    run('shop/1', 'example.com/bad');
    run('shop/2', 'example.com/bad');
    run('shop/3', 'example.com/good');
    rescan.start();
    await eventually(() => latest());
    assert.deepEqual(images(), ['example.com/bad', 'example.com/good']);
    assert.ok(asked.every(({ background }) => background === true));
    assert.deepEqual(latest(), {
      wouldDeny: 2,
      undecided: 0,
      sample: ['shop/1: example.com/bad: NoSignature'],
      observedGeneration: 1,
    });
    assert.equal(spent, 6);
  });

  test('lets others have their turn after every few Pods, images and refusals', async (t) => {
    policy('all', '**');
    for (let index = 0; index < 2048; index += 1) {
      const image = `example.com/${index % 1024}`;
      codes[image] = 'NoSignature';
      run(`shop/${index}`, image);
    }
    rescan.start();
    await eventually(() => latest()?.wouldDeny === 2048);
    let isOver = false;
    t.after(() => (isOver = true));
    const others = () => {
      turns += 1;
      if (!isOver) setImmediate(others);
    };
    setImmediate(others);
    // All of it is known now.
    await sweep();
    const { read, matched, published: ended } = cameAt;
    // In units of 256: the Pods, the images of each, 1,024 different ones found, sorted and matched; one may share a turn.
    assert.ok(matched - read >= 8 + 8 + 4 + 4 + 4 - 1, `${matched - read}`);
    // Looked at, decided or not, counted by group (three steps each), two for a sample.
    assert.ok(ended - matched >= 4 + 4 + 12 + 8 - 1, `${ended - matched}`);
    assert.equal(asked.length, 1024);
  });

  test('asks by what is written and by what the node says that it runs', async () => {
    policy('all', '**');
    const digest = `sha256:${'a'.repeat(64)}`;
    for (const [index, imageID] of [`example.com/app@${digest}`, `example.org/other@${digest}`, ''].entries()) {
      const spec = { containers: [{ name: 'app', image: 'example.com/app:1' }] };
      const status = { containerStatuses: [{ name: 'app', imageID }] };
      pods.push(keep({ metadata: { name: `${index}`, namespace: 'shop' }, spec, status }));
    }
    rescan.start();
    await eventually(() => latest());
    assert.deepEqual(asked.map(({ image, runs }) => `${image} ${runs}`).toSorted(), [
      `example.com/app:1 example.com/app@${digest}`,
      `example.com/app:1 example.org/other@${digest}`,
      'example.com/app:1 undefined',
    ]);
  });

  test('asks again once a key of the policy has ended, though the policy is the same', async () => {
    const key = { pem: publicKeyPem('release'), notAfter: '1970-01-01T00:01:00Z' };
    store.set(compiled('all', { images: ['**'], keys: [key] }));
    run('shop/1', 'example.com/app');
    rescan.start();
    await eventually(() => latest());
    now = 60_000;
    await sweep();
    assert.equal(asked.length, 1);
    now = 60_001;
    await sweep();
    assert.equal(asked.length, 2);
  });

  test('does not take for covered what an exception covers no more', async () => {
    store.set(compiled('all', { images: ['**'], action: 'Allow', expiresAt: '1970-01-01T00:01:00Z' }));
    run('shop/1', 'example.com/app');
    rescan.start();
    await eventually(() => latest());
    now = 60_000;
    run('shop/2', 'example.com/other');
    await sweep();
    assert.deepEqual(images(), ['example.com/app']);
  });

  test('asks nothing for images that no policy covers, that admission leaves out, or that are none', async () => {
    policy('all', 'example.com/**');
    run('shop/1', 'example.org/other');
    run('kube-system/1', 'example.com/left-out');
    run('gone/1', 'example.com/gone');
    run('shop/2', 'NOT:');
    rescan.start();
    await eventually(() => latest());
    assert.deepEqual(images(), []);
    assert.equal(latest()?.wouldDeny, 0);
  });

  test('does not ask again while nothing changed; a new Pod costs its own image only', async () => {
    policy('all', '**');
    run('shop/1', 'example.com/a');
    rescan.start();
    await eventually(() => latest());
    await sweep();
    run('shop/2', 'example.com/b');
    await sweep();
    assert.deepEqual(images(), ['example.com/a', 'example.com/b']);
  });

  test("decides on a changed policy's images again, and no others", async () => {
    policy('all', '**');
    policy('vendor', 'example.com/vendor/*');
    run('shop/1', 'example.com/vendor/a');
    run('shop/2', 'example.com/b');
    rescan.start();
    await eventually(() => latest());
    asked.length = 0;
    policy('vendor', 'example.com/vendor/*');
    rescan.policiesChanged();
    await eventually(() => asked.length > 0);
    await sweep();
    assert.deepEqual(images(), ['example.com/vendor/a']);
  });

  test('looks again after a while: at what was denied sooner than at what was allowed', async () => {
    policy('all', '**');
    codes['example.com/bad'] = 'NoSignature';
    run('shop/1', 'example.com/bad');
    run('shop/2', 'example.com/good');
    rescan.start();
    await eventually(() => latest());
    asked.length = 0;
    now += HOUR / 2 + 1;
    codes = {};
    await sweep();
    assert.deepEqual(images(), ['example.com/bad']);
    assert.equal(latest()?.wouldDeny, 0);
    now += HOUR / 2;
    await sweep();
    assert.deepEqual(images(), ['example.com/bad', 'example.com/good']);
  });

  test('a replica that does not lead proves once, and publishes nothing until it leads', async () => {
    leads = false;
    policy('all', '**');
    run('shop/1', 'example.com/a');
    rescan.start();
    await eventually(() => asked.length === 1);
    now += 2 * HOUR;
    rescan.nudge();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual([asked.length, published.length], [1, 0]);
    leads = true;
    await sweep();
    assert.equal(asked.length, 2);
  });

  test('leaves a registry alone that failed, and asks the others', async () => {
    policy('all', '**');
    for (const name of ['a', 'b', 'c']) {
      run('shop/down', `down.example.com/${name}`);
      codes[`down.example.com/${name}`] = 'RegistryUnavailable';
    }
    run('shop/up', 'up.example.com/a');
    rescan.start();
    await eventually(() => latest());
    assert.deepEqual(images(), ['down.example.com/a', 'up.example.com/a']);
    assert.deepEqual([latest()?.wouldDeny, latest()?.undecided], [0, 3]);
    now += HOUR / 10;
    codes = {};
    await sweep();
    assert.equal(latest()?.undecided, 0);
  });

  test('a registry that is asked too often rests longer than one that is down', async () => {
    policy('all', '**');
    run('shop/1', 'example.com/a');
    codes['example.com/a'] = 'RegistryRateLimited';
    rescan.start();
    await eventually(() => latest());
    now += HOUR / 5;
    await sweep();
    assert.equal(asked.length, 1);
    now += HOUR / 5;
    await sweep();
    assert.equal(asked.length, 2);
  });

  test('an outage does not take back what was found before it', async () => {
    policy('all', '**');
    run('shop/1', 'example.com/a');
    codes['example.com/a'] = 'NoSignature';
    rescan.start();
    await eventually(() => latest()?.wouldDeny === 1);
    now += HOUR;
    codes['example.com/a'] = 'RegistryUnavailable';
    await sweep();
    assert.deepEqual([asked.length, latest()?.wouldDeny, latest()?.undecided], [2, 1, 0]);
  });

  test('waits for its budget, says nothing of a policy meanwhile, and stops at once', async () => {
    policy('all', 'example.com/**');
    policy('idle', 'example.org/**');
    const gate = Promise.withResolvers<void>();
    budget = { ...budget, available: (signal) => Promise.race([gate.promise, aborted(signal)]) };
    run('shop/1', 'example.com/a');
    rescan.start();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual([asked.length, published.length], [0, 0]);
    await rescan.stop();
    assert.equal(asked.length, 0);
  });

  test('goes on after a fault of its own', async () => {
    policy('all', '**');
    run('shop/1', 'example.com/a');
    let faults = 1;
    budget = {
      ...budget,
      available: async () => {
        if (faults-- > 0) throw new Error('a fault');
      },
    };
    rescan.start();
    await eventually(() => faults === 0);
    await sweep();
    assert.equal(latest()?.wouldDeny, 0);
    assert.equal(asked.length, 1);
  });
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
