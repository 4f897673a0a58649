// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { createKubeApi } from '../../../../operator/kubernetes/api-client.ts';
import type { CertificateMaterial } from '../../../../operator/certificates/certificate-material.ts';
import { Certificates } from '../../../../operator/certificates/certificates.ts';
import { issueCertificateAuthority, issueServingCertificate } from '../../../../operator/certificates/issue.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { leastTime } from '../least-time.ts';

const SECRETS = '/api/v1/namespaces/cosignet/secrets';
const NAME = 'cosignet-tls';
const HOST = 'cosignet.cosignet.svc';
const DAY = 86_400_000;

describe('Certificates', () => {
  let server: FakeApiServer;
  let now: number;
  let live: boolean;

  beforeEach(async () => {
    server = await new FakeApiServer().start();
    now = Date.UTC(2026, 5, 1);
    live = true;
  });
  afterEach(() => server.stop());

  interface Replica {
    readonly certificates: Certificates;
    readonly served: CertificateMaterial[];
    leads: boolean;
  }

  function replica(leads: boolean, dnsNames: readonly string[] = [HOST], life = 90 * DAY): Replica {
    const served: CertificateMaterial[] = [];
    const made: Replica = {
      leads,
      served,
      certificates: new Certificates({
        api: createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) }),
        namespace: 'cosignet',
        secretName: NAME,
        dnsNames,
        issuer: { issueAuthority: issueCertificateAuthority, issueServing: issueServingCertificate },
        secret: () => server.get(SECRETS, NAME),
        life,
        isLeader: () => made.leads,
        isBundleLive: () => live,
        onServing: (material) => served.push(material),
        log: silentLogger,
        clock: () => now,
      }),
    };
    return made;
  }

  const data = () => server.get(SECRETS, NAME)?.data ?? {};
  const put = (content: Record<string, string>) =>
    server.put(SECRETS, { metadata: { name: NAME, namespace: 'cosignet' }, type: 'Opaque', data: content });
  const servingOf = ({ certificates }: Replica): CertificateMaterial => {
    assert.ok(certificates.serving);
    return certificates.serving;
  };

  test('the leader makes them where there are none, and the other replica serves the same', async () => {
    const [leader, other] = [replica(true), replica(false)];
    await other.certificates.reconcile();
    assert.equal(other.certificates.serving, undefined);
    await leader.certificates.reconcile();
    await other.certificates.reconcile();
    assert.deepEqual(other.certificates.serving, leader.certificates.serving);
    const { certificate, authorities } = servingOf(leader);
    const leaf = new X509Certificate(certificate);
    assert.equal(leaf.checkHost(HOST), HOST);
    assert.ok(leaf.verify(new X509Certificate(authorities[0] ?? '').publicKey));
  });

  test('whether they are usable is told with every review, and no certificate read for it', async () => {
    const leader = replica(true);
    await leader.certificates.reconcile();
    const { certificate } = servingOf(leader);
    const reading = leastTime(() => new X509Certificate(certificate));
    const asking = leastTime(() => leader.certificates.isUsable && leader.certificates.issuer);
    assert.ok(asking < reading / 3, `${asking} ms for a thousand questions, ${reading} ms for reading a thousand`);
    now = leader.certificates.expiresAt ?? 0;
    assert.equal(leader.certificates.isUsable, false, 'but time counts');
  });

  test('fills the empty Secret of the chart and leaves its labels alone', async () => {
    server.put(SECRETS, { metadata: { name: NAME, namespace: 'cosignet', labels: { app: 'x' } }, type: 'Opaque' });
    await replica(true).certificates.reconcile();
    assert.deepEqual(Object.keys(data()).toSorted(), ['ca.crt', 'ca.key', 'tls.crt', 'tls.key']);
    assert.deepEqual(server.get(SECRETS, NAME)?.metadata.labels, { app: 'x' });
  });

  test('writes nothing while all is well, and renews after two thirds of the life', async () => {
    const leader = replica(true);
    await leader.certificates.reconcile();
    const before = servingOf(leader);
    const version = server.get(SECRETS, NAME)?.metadata.resourceVersion;
    now += 55 * DAY;
    await leader.certificates.reconcile();
    assert.equal(server.get(SECRETS, NAME)?.metadata.resourceVersion, version);
    now += 8 * DAY;
    await leader.certificates.reconcile();
    assert.notEqual(servingOf(leader).certificate, before.certificate);
    assert.deepEqual(servingOf(leader).authorities, before.authorities);
  });

  test('renews certificates of a minute after two thirds of it, although they are backdated by days', async () => {
    const leader = replica(true, [HOST], 60_000);
    await leader.certificates.reconcile();
    const before = servingOf(leader);
    assert.equal(leader.certificates.expiresAt, now + 60_000);
    now += 39_000;
    await leader.certificates.reconcile();
    assert.equal(servingOf(leader).certificate, before.certificate);
    now += 2000;
    await leader.certificates.reconcile();
    assert.equal(leader.certificates.expiresAt, now + 60_000);
    assert.deepEqual(servingOf(leader).authorities, before.authorities);
  });

  test('a clock that jumps ahead and back again never leaves an authority or certificate out of date', async () => {
    const leader = replica(true);
    await leader.certificates.reconcile();
    for (const jump of [61 * DAY, -61 * DAY, 300 * DAY, -300 * DAY, 3000 * DAY, -3000 * DAY]) {
      now += jump;
      const trusted = servingOf(leader).authorities;
      // As the queue does: until there is nothing more to do.
      for (let round = 0; round < 3; round += 1) await leader.certificates.reconcile();
      assert.ok(leader.certificates.isUsable, `not usable after ${jump / DAY} days`);
      const other = replica(false);
      await other.certificates.reconcile();
      assert.deepEqual(servingOf(other), servingOf(leader));
      const inTime = trusted.filter((pem) => {
        const { validFromDate, validToDate } = new X509Certificate(pem);
        return validFromDate.getTime() <= now && now < validToDate.getTime();
      });
      const { authorities } = servingOf(leader);
      assert.ok(
        inTime.every((pem) => authorities.includes(pem)) || authorities.length === 1,
        'trust was withdrawn early',
      );
    }
  });

  test('a new authority is trusted before it is used, and the old one until after', async () => {
    const leader = replica(true);
    await leader.certificates.reconcile();
    // Keep the serving certificate young while the authority gets old.
    for (let day = 0; day < 245; day += 35) {
      now += 35 * DAY;
      await leader.certificates.reconcile();
    }
    const before = servingOf(leader);
    assert.equal(before.authorities.length, 2, 'the new authority joined');
    live = false;
    const [fresh = '', old = ''] = before.authorities;
    assert.equal(leader.certificates.issuer, old);
    await leader.certificates.reconcile();
    assert.equal(servingOf(leader).certificate, before.certificate, 'not used while API servers may not know it');
    live = true;
    await leader.certificates.reconcile();
    const after = servingOf(leader);
    assert.equal(leader.certificates.issuer, fresh);
    assert.deepEqual(after.authorities, [fresh, old]);
    now += 2 * DAY;
    await leader.certificates.reconcile();
    assert.deepEqual(servingOf(leader).authorities, [fresh]);
  });

  test('a deleted Secret is made anew, and what is served stays trusted', async () => {
    const leader = replica(true);
    await leader.certificates.reconcile();
    const before = servingOf(leader);
    server.remove(SECRETS, NAME);
    live = false;
    await leader.certificates.reconcile();
    const between = servingOf(leader);
    assert.equal(between.certificate, before.certificate);
    assert.ok(between.authorities.includes(before.authorities[0] ?? ''));
    assert.notEqual(between.authorities[0], before.authorities[0]);
    live = true;
    await leader.certificates.reconcile();
    assert.notEqual(servingOf(leader).key, before.key);
  });

  test('garbage of every kind is replaced by the leader and never served', async () => {
    const leader = replica(true);
    await leader.certificates.reconcile();
    const good = data();
    const another = await issueCertificateAuthority({ commonName: 'x', notBefore: now - DAY, notAfter: now + DAY });
    const garbage: Record<string, string>[] = [
      { ...good, 'tls.crt': btoa('garbage') },
      { ...good, 'tls.key': good['ca.key'] ?? '' },
      { ...good, 'ca.crt': btoa(another.certificate) },
      { ...good, 'ca.crt': btoa(another.certificate), 'ca.key': btoa(another.privateKey) },
      { ...good, 'tls.crt': '' },
      { ...good, 'tls.crt': btoa('x'.repeat(100_000)) },
      { 'tls.crt': good['tls.crt'] ?? '' },
      { other: btoa('x') },
    ];
    for (const [index, bad] of garbage.entries()) {
      put(bad);
      const follower = replica(false);
      await follower.certificates.reconcile();
      assert.equal(follower.certificates.serving, undefined, `case ${index} is served`);
      await replica(true).certificates.reconcile();
      await follower.certificates.reconcile();
      assert.ok(follower.certificates.isUsable, `case ${index} was not mended`);
    }
  });

  test('a replica goes on serving what it has while the Secret is garbage', async () => {
    const [leader, other] = [replica(true), replica(false)];
    await leader.certificates.reconcile();
    await other.certificates.reconcile();
    put({ 'tls.crt': btoa('garbage') });
    await other.certificates.reconcile();
    assert.ok(other.certificates.isUsable);
    assert.equal(other.served.length, 1);
  });

  test('a replica goes on serving what it has while the Secret holds what nobody would accept', async () => {
    const other = replica(false);
    for (const [dnsNames, time] of [
      [[HOST], now - 400 * DAY],
      [[HOST], now + 400 * DAY],
      [['other.cosignet.svc'], now],
    ] as const) {
      const present = now;
      await replica(true).certificates.reconcile();
      await other.certificates.reconcile();
      const before = servingOf(other);
      server.remove(SECRETS, NAME);
      now = time;
      await replica(true, dnsNames).certificates.reconcile();
      now = present;
      await other.certificates.reconcile();
      assert.deepEqual(servingOf(other), before);
    }
  });

  test('expired and not yet valid certificates are replaced', async () => {
    for (const jump of [400 * DAY, -10 * DAY]) {
      now = Date.UTC(2026, 5, 1);
      server.remove(SECRETS, NAME);
      await replica(true).certificates.reconcile();
      now += jump;
      const leader = replica(true);
      await leader.certificates.reconcile();
      assert.ok(leader.certificates.isUsable, `after a jump of ${jump / DAY} days`);
    }
  });

  test('what a clock that is a day wrong makes is valid for everyone else', async () => {
    const truth = now;
    for (const error of [DAY, -DAY]) {
      now = truth + error;
      server.remove(SECRETS, NAME);
      await replica(true).certificates.reconcile();
      now = truth;
      const other = replica(false);
      await other.certificates.reconcile();
      assert.ok(other.certificates.isUsable);
    }
  });

  test('another name to serve needs another certificate, by the same authority', async () => {
    await replica(true).certificates.reconcile();
    const before = data()['ca.crt'];
    const leader = replica(true, [HOST, 'other.cosignet.svc']);
    await leader.certificates.reconcile();
    assert.ok(leader.certificates.isUsable);
    assert.equal(data()['ca.crt'], before);
  });

  test('of two that both believe to lead, one wins and both serve its certificates', async () => {
    put({});
    const [a, b] = [replica(true), replica(true)];
    const results = await Promise.allSettled([a.certificates.reconcile(), b.certificates.reconcile()]);
    assert.equal(results.filter(({ status }) => status === 'rejected').length, 1);
    await Promise.all([a.certificates.reconcile(), b.certificates.reconcile()]);
    assert.equal(servingOf(a).certificate, servingOf(b).certificate);
  });

  test('does not write when leadership went while keys were made', async () => {
    const leader = replica(true);
    const done = leader.certificates.reconcile();
    leader.leads = false;
    await done;
    assert.equal(server.get(SECRETS, NAME), undefined);
  });
});
