// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openLink, type Link } from '../../control-plane/link.ts';
import { waitFor } from '../../control-plane/process.ts';
import { admitted, refused } from '../../endurance/questions.ts';
import { LEADER_TIMINGS } from '../../../operator/kubernetes/leader.ts';
import {
  keyFlags,
  openInstallation,
  policy,
  policyReady,
  type Image,
  type Installation,
} from '../workbench/installation.ts';
import { auditLines } from '../workbench/audit-log.ts';
import { addressesOf, askReplica, replicasOf } from '../workbench/replica.ts';

/** Milliseconds in which another replica leads after the network of the first one is gone. */
const TAKEOVER = LEADER_TIMINGS.leaseDuration + LEADER_TIMINGS.retryPeriod * 1.2 + 15_000;
/** In which a replica hears of everything again: a list that hung, and the pause after it. */
const HEARS_AGAIN = 60_000;
const ACCOUNT = 'system:serviceaccount:cosignet:cosignet';

interface Write {
  readonly at: string;
  readonly pod: string;
  readonly resource: string;
  readonly name: string;
  readonly code: number;
}

/** Replicas don't talk to each other: each only to the API server, and that is what is cut here. */
describe('a replica that is cut off from the API server', () => {
  let here: Installation;
  const links = new Map<string, Link>();
  const watching = new AbortController();
  const leaders: string[] = [];
  const own = (...args: readonly string[]) => here.kubectl('--namespace=cosignet', ...args);

  before(async () => {
    here = await openInstallation(undefined, {
      audit: true,
      reach: async (server, pod) => {
        const link = await openLink(server);
        links.set(pod.metadata?.name ?? '', link);
        return link.server;
      },
    });
    // Not `install`, which asks both: a replica that does not lead would write that its key counted.
    const { code, stdout, stderr } = await here.make('install', ...keyFlags(here.release));
    assert.equal(code, 0, stdout + stderr);
    await policyReady(here.kubectl, 'default');
  });
  after(async () => {
    watching.abort();
    await here.close();
    await Promise.all([...links.values()].map((link) => link.close()));
  });

  async function leader(): Promise<string> {
    const holder = await here.read('cosignet:lease/cosignet', '.spec.holderIdentity');
    return holder.slice(0, holder.indexOf('_'));
  }
  async function other(than: string): Promise<string> {
    return (await replicasOf(here)).find((name) => name !== than) ?? '';
  }
  function linkOf(pod: string): Link {
    const link = links.get(pod);
    assert.ok(link, `no link of ${pod}`);
    return link;
  }
  const addresses = (pod: string) => addressesOf(here, pod);
  const ask = (pod: string, image: Image, namespace = 'shop') => askReplica(here, pod, { image, namespace });
  async function readiness(pod: string): Promise<string> {
    return (await fetch(`${(await addresses(pod)).metrics}/readyz`)).text();
  }
  async function leads(pod: string): Promise<boolean> {
    const page = await (await fetch(`${(await addresses(pod)).metrics}/metrics`)).text();
    return /^leader_election_master_status\{[^}]*\} 1$/m.test(page);
  }
  function bundles(): Promise<readonly string[]> {
    const kinds = ['mutatingwebhookconfiguration/cosignet', 'validatingwebhookconfiguration/cosignet'];
    return Promise.all(kinds.map((kind) => here.read(kind, '.webhooks[0].clientConfig.caBundle')));
  }
  /** Notes who says that they lead, over and over. */
  async function watchLeaders(pods: readonly string[]): Promise<void> {
    while (!watching.signal.aborted) {
      const leading = await Promise.all(pods.map(async (pod) => ((await leads(pod)) ? [pod] : [])));
      leaders.push(leading.flat().join(' and '));
      await delay(100);
    }
  }
  async function takenOver(from: string): Promise<number> {
    const began = Date.now();
    await waitFor('another leader', async () => ((await leader()) === from ? undefined : true), { timeout: TAKEOVER });
    return Date.now() - began;
  }
  /** What replicas wrote, in the order in which it was done, as the API server's audit log has it. */
  async function writes(): Promise<readonly Write[]> {
    return (await auditLines(here))
      .map((line) => JSON.parse(line))
      .filter(({ user }) => user.username === ACCOUNT)
      .map(({ stageTimestamp, user, objectRef, responseStatus }) => ({
        at: String(stageTimestamp),
        pod: String(user.extra['authentication.kubernetes.io/pod-name'][0]),
        resource: String(objectRef.resource),
        name: String(objectRef.name),
        code: Number(responseStatus.code),
      }))
      .toSorted((a, b) => (a.at < b.at ? -1 : 1));
  }
  async function onlyLeadersWrote(): Promise<void> {
    let holder = '';
    const done = (await writes()).filter(({ code }) => code < 300);
    // The first path tokens are made by whoever misses them first.
    const tokens = done.find(({ name }) => name === 'cosignet-path');
    for (const { pod, resource, at } of done.filter((write) => write !== tokens)) {
      if (resource === 'leases') holder = pod;
      else assert.equal(pod, holder, `${resource} written at ${at}`);
    }
    assert.notEqual(holder, '');
  }

  test('stops leading before another starts, and answers by what it knew until it is healed', async (t) => {
    const first = await leader();
    const second = await other(first);
    const { signed, unsigned, forged } = here.images;
    assert.equal(await ask(first, signed), admitted(['Verified'], [signed.pinned]));
    const watched = watchLeaders([first, second]);
    linkOf(first).cut();
    await here.kubectl('create', 'namespace', 'late');
    const keys = [{ pem: here.other.publicKey }];
    const { code, stderr } = await here.apply(policy('default', { images: ['**'], keys }));
    assert.equal(code, 0, stderr);
    await waitFor('the change at the other replica', async () => {
      return (await ask(second, signed)) === refused(['UntrustedSignature']) || undefined;
    });
    assert.equal(await ask(second, forged), admitted(['Verified'], [forged.pinned]));
    // As before the cut, and ready: an answer that may be old is better than none, for three minutes.
    assert.equal(await ask(first, signed), admitted(['Verified'], [signed.pinned]));
    assert.equal(await ask(first, unsigned), refused(['NoSignature']));
    // What it knows nothing of, it does not admit.
    assert.match(await ask(first, signed, 'late'), /^refused 50[03]/);
    t.diagnostic(`the lock moved after ${await takenOver(first)} ms`);
    assert.equal(await leader(), second);
    await policyReady(here.kubectl, 'default');
    assert.equal(await ask(first, signed), admitted(['Verified'], [signed.pinned]));
    assert.equal(await readiness(first), 'ok');

    const healedAt = Date.now();
    linkOf(first).heal();
    await waitFor(
      'the change at the replica that was cut off',
      async () => (await ask(first, signed)) === refused(['UntrustedSignature']) || undefined,
      { timeout: HEARS_AGAIN },
    );
    t.diagnostic(`it heard of the change ${Date.now() - healedAt} ms after it was healed`);
    assert.equal(await ask(first, forged), admitted(['Verified'], [forged.pinned]));
    await delay(LEADER_TIMINGS.retryPeriod * 2);
    assert.equal(await leader(), second);
    watching.abort();
    await watched;
    assert.deepEqual(
      leaders.filter((now) => now.includes(' and ')),
      [],
    );
    assert.ok(leaders.includes(''), 'nobody led in between');
    await onlyLeadersWrote();
  });

  test('changes nothing by what it wrote before, and nothing after it was suspended for longer than the lease', async () => {
    const first = await leader();
    const second = await other(first);
    const pid = Number(await readFile(path.join(here.bench.dir, 'cluster/pods', first, 'pid'), 'utf8'));
    // Several connections are open, so that a write finds one whatever else waits for an answer.
    await Promise.all(
      ['a', 'b', 'c'].map((name) => here.apply(policy(name, { images: ['a.example/*'], action: 'Deny' }))),
    );
    await Promise.all(['a', 'b', 'c'].map((name) => policyReady(here.kubectl, name)));
    const configuration = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/cosignet';
    const { webhooks } = await here.bench.cluster.api.get<{ webhooks: { clientConfig: { caBundle?: string } }[] }>(
      configuration,
    );
    for (const { clientConfig } of webhooks) delete clientConfig.caBundle;
    linkOf(first).cut('requests');
    await here.bench.cluster.api.patch(configuration, { webhooks });
    await waitFor('a write that does not arrive', async () => linkOf(first).held() > 0 || undefined);
    await delay(500);
    const [missing] = await bundles();
    assert.equal(missing, '');
    process.kill(pid, 'SIGSTOP');
    try {
      await takenOver(first);
      await waitFor('caBundle to be restored', async () => (await bundles())[0] !== '' || undefined);
      await own('delete', 'secret', 'cosignet-tls');
      await waitFor('a new authority beside the old one', async () => {
        return (await bundles()).every((bundle) => authorities(bundle) === 2) || undefined;
      });
      linkOf(first).heal();
      const late = await waitFor('the write that was late', async () => {
        return (await writes()).findLast(
          ({ pod, resource }) => pod === first && resource === 'mutatingwebhookconfigurations',
        );
      });
      assert.ok(late.code >= 400, `it was answered with ${late.code}`);
      assert.deepEqual((await bundles()).map(authorities), [2, 2]);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const continued = new Date().toISOString();
    await delay(LEADER_TIMINGS.retryPeriod * 3);
    assert.equal(await leads(first), false);
    assert.equal(await leader(), second);
    const since = (await writes()).filter(({ at, pod, code }) => pod === first && at > continued && code < 300);
    assert.deepEqual(since, []);
    await onlyLeadersWrote();
  });
});

function authorities(bundle: string): number {
  return atob(bundle).split('BEGIN CERTIFICATE').length - 1;
}
