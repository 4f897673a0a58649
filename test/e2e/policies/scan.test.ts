// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { freePort } from '../../control-plane/ports.ts';
import { waitFor } from '../../control-plane/process.ts';
import {
  install,
  openInstallation,
  policy,
  policyReady,
  tryPod,
  type Goods,
  type Installation,
} from '../workbench/installation.ts';
import { describeScanCommand } from './scan-command.ts';
import { ROOT } from '../workbench/tools.ts';
import { describeVerifyByCluster } from './verify-by-cluster.ts';

interface Affected {
  readonly wouldDeny: number;
  readonly undecided: number;
  readonly sample: readonly string[];
  readonly observedGeneration: number;
}

/** One story, in order. The Pods were there before Cosignet: nobody asked whether they may run. */
describe('what runs already', () => {
  let here: Installation;
  let port: number;
  const RUNNING: readonly Goods[] = ['signed', 'unsigned', 'forged'];

  before(async () => {
    here = await openInstallation();
    for (const goods of RUNNING) await here.kubectl('run', goods, `--image=${here.images[goods].tag}`);
    await here.kubectl('run', 'unsigned-again', `--image=${here.images.unsigned.tag}`);
    await here.kubectl('--namespace=kube-system', 'run', 'left-out', `--image=${here.images.unsigned.tag}`);
    for (const name of [...RUNNING, 'unsigned-again'])
      await here.kubectl('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=90s');
    for (const name of ['openreports.io_reports', 'wgpolicyk8s.io_policyreports'])
      await here.kubectl('create', '--filename', path.join(ROOT, `test/vectors/reports/${name}.yaml`));
    port = await freePort();
    // Pods of this node share a loopback: one of them has the port.
    const dashboard = ['--set=replicas=1', '--set=dashboard.enabled=true', `--set=dashboard.port=${port}`];
    await install(here, '--set=config.backgroundScan.reports=OpenReports', ...dashboard);
  });
  after(() => here?.close());

  /** Waits until the status says so; fails with what it says instead. */
  async function affected(name: string, wanted: Pick<Affected, 'wouldDeny' | 'observedGeneration'>): Promise<Affected> {
    return waitFor(`${name} to be scanned`, async () => {
      const text = await here.read(`imagepolicies.cosignet.dev/${name}`, '.status.affected');
      const found: Affected = JSON.parse(text || '{}');
      const { wouldDeny, observedGeneration } = found;
      assert.deepEqual({ wouldDeny, observedGeneration }, wanted, text);
      return found;
    });
  }
  async function apply(mode: string, keys: readonly object[]): Promise<void> {
    const images = [`${here.bench.registry.host}/shop/forged`];
    const { code, stderr } = await here.apply(policy('forged', { images, mode, keys }));
    assert.equal(code, 0, stderr);
    await policyReady(here.kubectl, 'forged');
  }

  test('is checked in the background: the status tells how many Pods the policy would deny, and some of them', async () => {
    const { undecided, sample } = await affected('default', { wouldDeny: 3, observedGeneration: 1 });
    assert.equal(undecided, 0);
    assert.deepEqual(sample.toSorted(), [
      `shop/forged: ${here.images.forged.tag}: UntrustedSignature`,
      `shop/unsigned: ${here.images.unsigned.tag}: NoSignature`,
    ]);
  });

  /** A report is written once by the first sweep, and again as more is found. */
  async function reported(kind: string, isRight: (report: Reported) => void): Promise<void> {
    await waitFor(`a report in ${kind}`, async () => {
      isRight(JSON.parse(await here.kubectl('get', kind, 'cosignet', '--output=json')));
      return true;
    });
  }
  const owner = () => here.read('validatingwebhookconfigurations/cosignet', '.metadata.uid');

  test('is on the dashboard, with the policy and with what is refused since', async () => {
    await here.refused('run', 'tried', `--image=${here.images.unsigned.tag}`);
    await waitFor('the dashboard to show all of it', async () => {
      const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
      assert.match(page, /<h3>default<\/h3>[^]*<b>It would deny 3 Pods<\/b>/);
      assert.match(
        page,
        /<td>unsigned <span class="soft">and 1 more<\/span><\/td>.*<strong>Denied<\/strong> NoSignature/,
      );
      assert.match(page, /<td>signed<\/td>.*<strong>Allowed<\/strong> Verified/);
      assert.match(page, /<h3>Pod tried in shop<\/h3>/);
      return true;
    });
  });

  test('is told in a report of the namespace, as its definition wants it', async () => {
    const uid = await owner();
    await reported('reports.openreports.io', ({ summary, results, source, metadata }) => {
      assert.deepEqual(summary, { pass: 1, fail: 2, warn: 0, error: 0, skip: 0 });
      assert.equal(source, 'cosignet');
      assert.deepEqual(
        results.map(({ policy: of, rule, result, resources: [pod] }) => `${result} ${of} ${rule} ${pod?.name}`),
        ['fail default UntrustedSignature forged', 'fail default NoSignature unsigned', 'pass default Verified signed'],
      );
      assert.equal(metadata.ownerReferences[0]?.uid, uid);
    });
    // Nothing is said of a namespace that is not looked at.
    assert.equal(await here.kubectl('get', 'reports.openreports.io', '--namespace=kube-system', '--output=name'), '');
  });

  test('a policy in Audit tells what it would deny before it enforces, and the other one what is left to it', async () => {
    await apply('Audit', [{ name: 'release', pem: here.release.publicKey }]);
    const { sample } = await affected('forged', { wouldDeny: 1, observedGeneration: 1 });
    assert.deepEqual(sample, [`shop/forged: ${here.images.forged.tag}: UntrustedSignature`]);
    await affected('default', { wouldDeny: 2, observedGeneration: 1 });
    // It refuses nothing meanwhile.
    await here.kubectl(...tryPod(here.images.forged));
    await apply('Audit', [{ name: 'other', pem: here.other.publicKey }]);
    await affected('forged', { wouldDeny: 0, observedGeneration: 2 });
  });

  test('Pods that come and go are counted', async () => {
    await here.kubectl('run', 'third', `--image=${here.images.forged.tag}`);
    await apply('Enforce', [{ name: 'release', pem: here.release.publicKey }]);
    await affected('forged', { wouldDeny: 2, observedGeneration: 3 });
    await here.kubectl('delete', 'pod', 'third', '--grace-period=1');
    await affected('forged', { wouldDeny: 1, observedGeneration: 3 });
  });

  describeScanCommand(() => here, affected);
  describeVerifyByCluster(() => here);

  test('is told in the older kind of report where that is asked for', async () => {
    const { code, stdout, stderr } = await here.make(
      'install',
      '--reuse-values',
      '--set=config.backgroundScan.reports=PolicyReports',
    );
    assert.equal(code, 0, stdout + stderr);
    const uid = await owner();
    await reported('policyreports.wgpolicyk8s.io', ({ summary, results, metadata }) => {
      assert.notEqual(summary['fail'], 0);
      assert.ok(results.some(({ rule, result }) => rule === 'NoSignature' && result === 'fail'));
      assert.equal(metadata.ownerReferences[0]?.uid, uid);
    });
  });

  test('is not looked at where that is switched off, and what was found is removed', async () => {
    const { code, stdout, stderr } = await here.make('install', '--reuse-values', '--set=backgroundScan.enabled=false');
    assert.equal(code, 0, stdout + stderr);
    await waitFor('the status to be without it', async () => {
      assert.equal(await here.read('imagepolicies.cosignet.dev/default', '.status.affected'), '');
      return true;
    });
    const can = ['auth', 'can-i', 'list', 'pods', '--as=system:serviceaccount:cosignet:cosignet'];
    assert.equal((await here.bench.kubectl(can)).stdout.trim(), 'no');
  });

  test('has no report left once Cosignet is uninstalled', async () => {
    const kinds = ['get', 'reports.openreports.io,policyreports.wgpolicyk8s.io', '--output=name'];
    assert.equal((await here.kubectl(...kinds)).split('\n').length, 2);
    const { code, stdout, stderr } = await here.make('uninstall');
    assert.equal(code, 0, stdout + stderr);
    await waitFor('reports to be gone', async () => {
      assert.equal(await here.kubectl(...kinds), '');
      return true;
    });
  });
});

interface Reported {
  readonly source?: string;
  readonly metadata: { readonly ownerReferences: readonly { readonly uid: string }[] };
  readonly summary: Readonly<Record<string, number>>;
  readonly results: readonly {
    readonly policy: string;
    readonly rule: string;
    readonly result: string;
    readonly resources: readonly { readonly name: string }[];
  }[];
}
