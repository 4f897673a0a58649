// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { EventsV1Event } from '@kubernetes/client-node';
import { waitFor } from '../../control-plane/process.ts';
import { parseExposition } from '../../checks/exposition.ts';
import { FakeReceiver } from '../../fakes/receiver.ts';
import { auditLines } from '../workbench/audit-log.ts';
import {
  admitted,
  denied,
  install,
  openInstallation,
  policy,
  policyReady,
  type Goods,
  type Installation,
} from '../workbench/installation.ts';

/** One line of the API server's audit log. */
interface AuditLine {
  readonly objectRef?: { readonly resource: string; readonly name?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What a roll-out is seen by: warnings, the audit log, Events, metrics and notifications. One story, in order. */
describe('a roll-out', () => {
  let here: Installation;
  let receiver: FakeReceiver;

  before(async () => {
    receiver = await new FakeReceiver().start();
    here = await openInstallation(undefined, { audit: true });
    await here.kubectl('create', 'namespace', 'cosignet');
    const secret = ['--namespace=cosignet', 'create', 'secret', 'generic', 'notifications'];
    await here.kubectl(...secret, `--from-literal=ops=${receiver.url}/very-secret`);
    const notification = '--set=config.notifications[0]';
    await install(
      here,
      `${notification}.name=ops`,
      `${notification}.urlSecret.name=notifications`,
      `${notification}.urlSecret.key=ops`,
      `${notification}.insecure=true`,
    );
    await speakFor('unsigned', 'Warn');
    await speakFor('forged', 'Audit');
  });
  after(async () => {
    await here.close();
    await receiver.stop();
  });

  /** A policy of the same name for these goods, of a key that did not sign them. */
  async function speakFor(goods: Goods, mode: string): Promise<void> {
    const images = [here.images[goods].tag.replace(/:1\.0$/, '')];
    const { code, stderr } = await here.apply(policy(goods, { images, mode, keys: [{ pem: here.release.publicKey }] }));
    assert.equal(code, 0, stderr);
    await policyReady(here.kubectl, goods);
    await (mode === 'Enforce'
      ? denied(here, here.images[goods], /denied the request/)
      : admitted(here, here.images[goods]));
  }

  async function eventsOn(kind: string, name: string): Promise<readonly EventsV1Event[]> {
    const { items } = await here.bench.cluster.api.get<{ items: EventsV1Event[] }>('/apis/events.k8s.io/v1/events');
    return items.filter(
      ({ reportingController, regarding }) =>
        reportingController === 'cosignet.dev/cosignet' && regarding?.kind === kind && regarding.name === name,
    );
  }

  function eventOn(kind: string, name: string, reason: string): Promise<EventsV1Event> {
    return waitFor(`an Event ${reason} on ${kind} ${name}`, async () => {
      const event = (await eventsOn(kind, name)).find((item) => item.reason === reason);
      if (event === undefined) throw new Error('there is none');
      return event;
    });
  }

  /** What each of our Pods has written, by its name. */
  async function logs(): Promise<ReadonlyMap<string, string>> {
    const pods = path.join(here.bench.dir, 'cluster/pods');
    const names = await readdir(pods);
    const read = (name: string) => readFile(path.join(pods, name, 'output.log'), 'utf8');
    return new Map(await Promise.all(names.map(async (name) => [name, await read(name)] as const)));
  }

  /** Whether Cosignet may do that with Events: yes or no. */
  async function answer(verb: string): Promise<string> {
    const as = '--as=system:serviceaccount:cosignet:cosignet';
    return (await here.bench.kubectl(['auth', 'can-i', verb, 'events.events.k8s.io', as])).stdout.trim();
  }

  function verdictInAuditLog(resource: string, name: string): Promise<Record<string, unknown>> {
    return waitFor(`the verdict on ${resource} ${name} in the audit log`, async () => {
      const lines = (await auditLines(here)).map((line): AuditLine => JSON.parse(line));
      const [verdict] = lines
        .filter(({ objectRef }) => objectRef?.resource === resource && objectRef.name === name)
        .flatMap(({ annotations }) => annotations?.['validate.cosignet.dev/verdict-0'] ?? []);
      return verdict === undefined ? undefined : JSON.parse(verdict);
    });
  }

  test('with mode Warn admits, and kubectl shows why it would not', async () => {
    const { tag, digest } = here.images.unsigned;
    const { code, stderr } = await here.bench.kubectl(['run', 'warned', `--image=${tag}`]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^Warning: container "warned": /m);
    assert.ok(stderr.includes(digest), stderr);
    assert.ok(stderr.includes('"unsigned"'), stderr);
  });

  test('with mode Audit admits without a word, and the audit log has the verdict', async () => {
    const { tag, digest } = here.images.forged;
    const { code, stderr } = await here.bench.kubectl(['run', 'audited', `--image=${tag}`]);
    assert.deepEqual([code, stderr], [0, '']);
    const verdict = await verdictInAuditLog('pods', 'audited');
    assert.deepEqual(verdict, {
      image: tag,
      outcome: 'denied',
      mode: 'Audit',
      code: 'UntrustedSignature',
      policies: ['forged'],
      digest,
    });
  });

  test('writes verdicts that admit and that refuse to the audit log, too', async () => {
    await here.kubectl('run', 'signed', `--image=${here.images.signed.tag}`);
    const allowed = await verdictInAuditLog('pods', 'signed');
    assert.deepEqual([allowed['outcome'], allowed['code']], ['allowed', 'Verified']);
  });

  test('tells of policies that get ready, and of those that do not', async () => {
    assert.equal((await eventOn('ImagePolicy', 'forged', 'Compiled')).type, 'Normal');
    const { code, stderr } = await here.apply(policy('broken', { images: ['nowhere/x'], keys: [{ pem: 'none' }] }));
    assert.equal(code, 0, stderr);
    assert.equal((await eventOn('ImagePolicy', 'broken', 'InvalidKey')).type, 'Warning');
  });

  test('in Enforce writes an Event on the ReplicaSet whose Pod is refused', async () => {
    await here.kubectl('create', 'deployment', 'web', `--image=${here.images.forged.tag}`);
    await here.kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
    await speakFor('forged', 'Enforce');
    // Scaling changes no template, so that only the new Pod is checked.
    await here.kubectl('scale', 'deployment', 'web', '--replicas=2');
    const listed = await here.kubectl('get', 'replicasets', '--selector=app=web', '--output=name');
    const [replicaSet = ''] = listed.split('\n');
    const event = await eventOn('ReplicaSet', path.basename(replicaSet), 'UntrustedSignature');
    assert.equal(event.metadata?.namespace, 'shop');
    assert.ok(event.note?.includes(here.images.forged.digest), event.note ?? '');
    const described = await here.kubectl('describe', replicaSet);
    assert.match(described, /Warning +UntrustedSignature .*cosignet/);
    const selector = '--field-selector=reportingComponent=cosignet.dev/cosignet';
    assert.match(await here.kubectl('get', 'events', '--all-namespaces', selector), /shop .*UntrustedSignature/);
  });

  test('in Enforce writes an Event on the Deployment that may not change', async () => {
    await here.kubectl('create', 'deployment', 'shop', `--image=${here.images.signed.tag}`);
    await here.refused('set', 'image', 'deployment/shop', `*=${here.images.forged.tag}`);
    await eventOn('Deployment', 'shop', 'UntrustedSignature');
  });

  test('in Enforce writes an Event on the policy that refuses what somebody makes by hand', async () => {
    await here.refused('run', 'tool', `--image=${here.images.tool.tag}`);
    const event = await eventOn('ImagePolicy', 'default', 'UntrustedSignature');
    assert.match(event.note ?? '', /^Pod shop\/tool: image /);
    assert.equal(event.metadata?.namespace, 'default');
  });

  test('leaves nothing of a dry run', async () => {
    await here.apply(policy('bundled', { images: [here.images.bundled.tag.replace(/:1\.0$/, '')], action: 'Deny' }));
    await policyReady(here.kubectl, 'bundled');
    const told = receiver.received.length;
    // Each of them asked by dry runs, of a Pod `tried`.
    await denied(here, here.images.bundled, /"bundled" blocks/);
    await waitFor('the Event of what is no dry run', async () => {
      await here.refused('create', 'deployment', 'again', `--image=${here.images.bundled.tag}`);
      return eventOn('ImagePolicy', 'bundled', 'DeniedByPolicy');
    });
    const events = (await eventsOn('ImagePolicy', 'bundled')).filter(({ reason }) => reason === 'DeniedByPolicy');
    // Each replica may write its own.
    for (const { note } of events) assert.match(note ?? '', /^Deployment shop\/again: /);
    assert.ok(receiver.received.slice(told).every(({ text }) => !text.includes('"name":"tried"')));
  });

  test('tells of refusals at the address that the Secret has', async () => {
    await waitFor('the notification', async () => {
      const texts = receiver.received.map(({ text }) => text).join('\n');
      assert.match(texts, /"kind":"Pod","name":"tool","verdict":\{.*"code":"UntrustedSignature"/);
      assert.match(texts, /"owner":\{"kind":"ReplicaSet","name":"web-/);
      return true;
    });
    assert.equal(receiver.received[0]?.path, '/very-secret');
  });

  test('shows metrics that a strict reader takes, and the replica that leads', async () => {
    let leaders = 0;
    for (const log of (await logs()).values()) {
      const [, address] = /"message":"serving".*"metrics":"([^"]+)"/.exec(log) ?? [];
      // The Pod that waits until the webhooks are in force serves nothing.
      if (address === undefined) continue;
      const page = parseExposition(await (await fetch(`${address}/metrics`)).text());
      const find = (name: string) => page.find((metric) => metric.name === name)?.samples ?? [];
      leaders += find('leader_election_master_status')[0]?.value ?? 0;
      assert.ok((find('cosignet_certificate_expiry_seconds')[0]?.value ?? 0) > 80 * 86_400);
      assert.ok(find('workqueue_adds_total').length > 0);
    }
    assert.equal(leaders, 1);
  });

  test('may write Events and do nothing else with them', async () => {
    for (const verb of ['create', 'patch']) assert.equal(await answer(verb), 'yes', verb);
    for (const verb of ['get', 'list', 'watch', 'update', 'delete']) assert.equal(await answer(verb), 'no', verb);
  });

  test('with enforcement Audit admits everything, whatever the policies say', async () => {
    await install(here, '--reuse-values', '--set=config.enforcement=Audit');
    await admitted(here, here.images.bundled);
    for (const goods of ['bundled', 'tool', 'forged'] as const) {
      const { code, stderr } = await here.bench.kubectl(['run', `free-${goods}`, `--image=${here.images[goods].tag}`]);
      assert.deepEqual([code, stderr], [0, '']);
      const verdict = await verdictInAuditLog('pods', `free-${goods}`);
      assert.deepEqual([verdict['outcome'], verdict['mode']], ['denied', 'Audit']);
    }
  });

  test('keeps the address of notifications out of every log', async () => {
    const texts = await logs();
    assert.ok(texts.size >= 4, [...texts.keys()].join());
    for (const [pod, text] of texts) assert.doesNotMatch(text, /very-secret/, pod);
  });
});
