// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { codeBlocks } from '../checks/markdown.ts';
import { read } from '../checks/sources.ts';
import { freePort } from '../control-plane/ports.ts';
import { waitFor } from '../control-plane/process.ts';
import {
  install,
  openInstallation,
  policy,
  policyReady,
  tryPod,
  type Goods,
  type Installation,
} from './installation.ts';
import { output, ROOT, run, type Outcome } from './tools.ts';

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
      await here.kubectl('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=20s');
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
  const repositoryOf = (goods: Goods) => here.images[goods].tag.replace(/:1\.0$/, '');

  /** As a node would write it. */
  async function says(namespace: string, pod: string, imageID: string): Promise<void> {
    const status = { containerStatuses: [{ name: pod, image: 'x', imageID, ready: true, restartCount: 0 }] };
    const patch = ['patch', `pod/${pod}`, '--subresource=status', '--type=merge'];
    await here.kubectl(`--namespace=${namespace}`, ...patch, `--patch=${JSON.stringify({ status })}`);
  }
  const crane = (...args: readonly string[]) => output(['crane', ...args], { env: here.bench.env });

  test('is checked in the background: the status tells how many Pods the policy would deny, and some of them', async () => {
    const { undecided, sample } = await affected('default', { wouldDeny: 3, observedGeneration: 1 });
    assert.equal(undecided, 0);
    assert.deepEqual(sample.toSorted(), [
      `shop/forged: ${here.images.forged.tag}: UntrustedSignature`,
      `shop/unsigned: ${here.images.unsigned.tag}: NoSignature`,
    ]);
  });

  async function reported(kind: string): Promise<Reported> {
    return waitFor(`a report in ${kind}`, async () => {
      const report: Reported = JSON.parse(await here.kubectl('get', kind, 'cosignet', '--output=json'));
      return report;
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
    const { summary, results, source, metadata } = await reported('reports.openreports.io');
    assert.deepEqual(summary, { pass: 1, fail: 2, warn: 0, error: 0, skip: 0 });
    assert.equal(source, 'cosignet');
    assert.deepEqual(
      results.map(({ policy: of, rule, result, resources: [pod] }) => `${result} ${of} ${rule} ${pod?.name}`),
      ['fail default UntrustedSignature forged', 'fail default NoSignature unsigned', 'pass default Verified signed'],
    );
    assert.equal(metadata.ownerReferences[0]?.uid, await owner());
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

  describe('cosignet scan', () => {
    const program = path.resolve(ROOT, process.env['COSIGNET_PROGRAM'] ?? 'cli/main.ts');

    function scan(...args: readonly string[]): Promise<Outcome> {
      const flags = ['--insecure-registry', here.bench.registry.host];
      return run([process.execPath, program, 'scan', ...flags, ...args], { env: here.bench.env });
    }

    test('checks all that runs by the policies of the cluster', async () => {
      const { code, stdout, stderr } = await scan();
      assert.equal(code, 1, stderr);
      const { host } = here.bench.registry;
      assert.match(stdout, new RegExp(`^denied +NoSignature +2 +${host}/shop/unsigned:1\\.0$`, 'm'));
      assert.match(stdout, new RegExp(`^denied +UntrustedSignature +1 +${host}/shop/forged:1\\.0$`, 'm'));
      assert.match(stdout, new RegExp(`^allowed +Verified +1 +${host}/shop/signed:1\\.0$`, 'm'));
      assert.match(stdout, /^3 images in 4 Pods: 2 denied, 1 allowed; 3 Pods would be refused in Enforce$/m);
      for (const line of stdout.split('\n')) assert.ok(line.length <= 100, line);
    });

    test('decides by policies that are only files, and changes nothing', async () => {
      const file = policyFile(here, 'dry', { images: ['**'], keys: [{ pem: here.other.publicKey }] });
      const { code, stdout } = await scan('--policies', file, '-o', 'json');
      assert.equal(code, 1);
      const {
        images,
        summary,
      }: {
        images: { verdict: { code: string; image: string; policies: string[] } }[];
        summary: { podsRefused: number };
      } = JSON.parse(stdout);
      const verdicts = Object.fromEntries(images.map(({ verdict }) => [verdict.image, verdict]));
      assert.equal(verdicts[here.images.forged.tag]?.code, 'Verified');
      assert.deepEqual(verdicts[here.images.signed.tag]?.policies, ['dry']);
      assert.equal(summary.podsRefused, 3);
      await here.refused('get', 'imagepolicies.cosignet.dev', 'dry');
    });

    test('reads keys that policies have in Secrets of the release', async () => {
      const file = policyFile(here, 'secret', {
        images: ['**'],
        keys: [{ secretRef: { name: 'keys', key: 'cosign.pub' } }],
      });
      const missing = await scan('--policies', file, '--selector', 'run=signed');
      assert.match(missing.stdout, /^denied +PolicyNotReady +1 /m);
      assert.match(missing.stderr, /Secret cosignet\/keys is not used: .*404/);
      const from = `--from-file=cosign.pub=${here.release.publicFile}`;
      await here.kubectl('--namespace=cosignet', 'create', 'secret', 'generic', 'keys', from);
      const { code, stdout, stderr } = await scan('--policies', file, '--selector', 'run=signed');
      assert.equal(code, 0, stdout + stderr);
    });

    test('looks at one namespace, also one that admission leaves out, and at Pods by their labels', async () => {
      assert.match((await scan('-n', 'kube-system')).stdout, /^1 image in 1 Pod: 1 denied/m);
      const one = await scan('-n', 'shop', '-l', 'run=signed');
      assert.equal(one.code, 0, one.stdout);
      assert.match(one.stdout, /^1 image in 1 Pod: 1 allowed$/m);
    });

    test('checks the digest that the node pulled, not what the tag has become', async () => {
      const { tag, digest } = here.images.unsigned;
      await crane('copy', tag, `${repositoryOf('signed')}:before`);
      await says('shop', 'signed', `${repositoryOf('signed')}@${digest}`);
      const { code, stdout } = await scan('-l', 'run=signed');
      assert.equal(code, 1);
      assert.match(stdout, /NoSignature/);
    });

    test('knows what is signed by what a node calls it, and says where that is not known', async () => {
      const { registry } = here.bench;
      const name = `${registry.host}/shop/index`;
      const child = await registry.push('shop/index:linux');
      const index = await crane('index', 'append', '-m', child, '-t', `${name}:1.0`);
      await registry.sign(index, here.release);
      // Excluded from admission: nothing was pinned.
      const inSystem = '--namespace=kube-system';
      await here.kubectl(inSystem, 'run', 'index', `--image=${name}:1.0`);
      await here.kubectl(inSystem, 'wait', 'pod/index', '--for=condition=Ready', '--timeout=20s');
      const elsewhere = `${registry.host}/elsewhere/copy`;
      const twin = await crane('mutate', child, '--annotation', 'a=b', '-t', `${elsewhere}:1.0`);
      assert.notEqual(twin.split('@')[1], child.split('@')[1]);
      for (const [imageID, code, exitCode] of [
        [index, 'Verified', 0],
        [child, 'Verified', 0],
        [twin, 'Verified', 0],
        [here.images.forged.pinned.replace(':1.0@', '@'), 'RunningImageUnknown', 3],
      ] as const) {
        await says('kube-system', 'index', imageID);
        const { code: exited, stdout } = await scan('-n', 'kube-system', '-l', 'run=index', '-o', 'json');
        const { images }: { images: { verdict: { code: string; message: string } }[] } = JSON.parse(stdout);
        assert.deepEqual([images[0]?.verdict.code, exited], [code, exitCode], `${imageID}\n${stdout}`);
      }
      await here.kubectl(inSystem, 'delete', 'pod', 'index', '--grace-period=1');
    });

    test('writes every kind of report to a file', async () => {
      for (const [format, holds] of [
        ['table', 'OUTCOME'],
        ['json', '"summary"'],
        ['junit', '<testsuite name="Pods of all namespaces'],
        ['sarif', '"version": "2.1.0"'],
        ['html', '<!doctype html>'],
      ] as const) {
        const file = path.join(here.bench.dir, `scan.${format}`);
        const { stdout, stderr } = await scan('-o', format, '--output-file', file);
        assert.equal(stdout, '');
        assert.match(stderr, /^\d images in 4 Pods: /);
        assert.ok(readFileSync(file, 'utf8').includes(holds), format);
      }
    });

    test('says what is wrong with the kubeconfig, and that it could not decide where the cluster is out of reach', async () => {
      const none = await run([process.execPath, program, 'scan'], {
        env: { KUBECONFIG: '/nonexistent', HOME: here.bench.dir },
      });
      assert.equal(none.code, 2, none.stderr);
      const file = path.join(here.bench.dir, 'away');
      const text = readFileSync(here.bench.env['KUBECONFIG'] ?? '', 'utf8').replace(
        /https:\/\/[^\s"]+/,
        'https://127.0.0.1:1',
      );
      writeFileSync(file, text);
      const away = await run([process.execPath, program, 'scan'], { env: { KUBECONFIG: file, HOME: here.bench.dir } });
      assert.equal(away.code, 3, away.stderr);
    });

    test('does what the page says that it does', async () => {
      const commands = codeBlocks(read('docs/how-to/try-before-enforcing.md'), ['sh'])
        .flatMap((block) => block.split('\n'))
        .filter((line) => line.startsWith('kubectl '));
      assert.ok(commands.length >= 6);
      policyFile(here, 'policies', { images: ['**'], keys: [{ pem: here.release.publicKey }] });
      await here.apply(
        policy('shop', { images: ['example.com/shop'], mode: 'Audit', keys: [{ pem: here.release.publicKey }] }),
      );
      await affected('shop', { wouldDeny: 0, observedGeneration: 1 });
      for (const command of commands) {
        const shell = command
          .replace('kubectl cosignet scan', `"$NODE" "$PROGRAM" scan --insecure-registry ${here.bench.registry.host}`)
          .replace('policies/', 'policies.yaml');
        const script = `cd "$DIR"; ${shell}`;
        const env = { ...here.bench.env, NODE: process.execPath, PROGRAM: program, DIR: here.bench.dir };
        const { code, stdout, stderr } = await run(['sh', '-c', script], { env });
        // Something that runs is not signed.
        assert.equal(code, command.includes(' scan ') ? 1 : 0, `${command}\n${stdout}${stderr}`);
      }
    });
  });

  describe('cosignet verify, by what the cluster has', () => {
    const program = path.resolve(ROOT, process.env['COSIGNET_PROGRAM'] ?? 'cli/main.ts');
    let kubeconfig: string;
    let chart: string;

    before(async () => {
      kubeconfig = here.bench.env['KUBECONFIG'] ?? '';
      chart = path.join(here.bench.dir, 'charts/shop');
      mkdirSync(path.join(chart, 'templates'), { recursive: true });
      writeFileSync(path.join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: shop\nversion: 1.0.0\n');
      const { signed, unsigned } = here.images;
      writeFileSync(
        path.join(chart, 'templates/web.yaml'),
        `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: ${signed.tag}}]}
{{- if .Values.job }}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 0 * * *"
  jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: ${unsigned.tag}}]}}}}
{{- end }}
`,
      );
    });

    const rendered = (...flags: readonly string[]) =>
      output(['helm', 'template', 'web', chart, '--namespace=shop', ...flags], { env: here.bench.env });
    function verify(input: string, ...args: readonly string[]): Promise<Outcome> {
      const flags = ['--kubeconfig', kubeconfig, '-f', '-', '-n', 'shop'];
      return run([process.execPath, program, 'verify', ...flags, ...args], { env: { HOME: here.bench.dir }, input });
    }

    test('checks what helm rendered by the policies and the configuration of the cluster', async () => {
      const good = await verify(await rendered());
      assert.equal(good.code, 0, good.stdout + good.stderr);
      assert.match(good.stdout, /^allowed +Verified +- +.*\/shop\/signed:1\.0$/m);
      const { code, stdout } = await verify(await rendered('--set=job=true'), '-o', 'json');
      assert.equal(code, 1);
      const verdicts: { code: string; namespace: string; policies: string[]; places: { object: string }[] }[] = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.deepEqual(
        verdicts.map((one) => [one.code, one.namespace, one.policies.join(), one.places[0]?.object]),
        [
          ['Verified', 'shop', 'default', 'Deployment shop/web'],
          ['NoSignature', 'shop', 'default', 'CronJob nightly'],
        ],
      );
    });

    test('says the same as the API server does about the same manifests', async () => {
      const text = await rendered('--set=job=true');
      const applied = await run(['kubectl', 'apply', '--dry-run=server', '--namespace=shop', '-f', '-'], {
        env: here.bench.env,
        input: text,
      });
      assert.equal(applied.code, 1);
      assert.match(applied.stdout, /deployment\.apps\/web created/);
      assert.match(applied.stderr, /denied the request/);
    });

    test('takes the labels of the cluster’s namespaces, and the context that is named', async () => {
      await here.kubectl('create', 'namespace', 'gold');
      await here.kubectl('label', 'namespace', 'gold', 'tier=gold');
      const selector = { matchLabels: { tier: 'gold' } };
      const images = [`${here.bench.registry.host}/shop/unsigned`];
      const applied = await here.apply(policy('gold', { images, action: 'Allow', namespaceSelector: selector }));
      assert.equal(applied.code, 0, applied.stderr);
      await policyReady(here.kubectl, 'gold');
      const pod = (namespace: string) =>
        `apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: ${namespace}}\nspec: {containers: [{image: ${here.images.unsigned.tag}}]}\n`;
      assert.match((await verify(pod('gold'))).stdout, /^allowed +AllowedByPolicy/m);
      assert.match((await verify(pod('shop'))).stdout, /^denied +NoSignature/m);
      const context = (await here.kubectl('config', 'current-context')).trim();
      assert.equal((await verify(pod('gold'), '--context', context)).code, 0);
      const wrong = await verify(pod('gold'), '--context', 'nowhere');
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, /the kubeconfig has no context "nowhere"/);
      await here.kubectl('delete', 'imagepolicies.cosignet.dev', 'gold');
      await here.kubectl('delete', 'namespace', 'gold', '--wait=false');
    });
  });

  test('is told in the older kind of report where that is asked for', async () => {
    const { code, stdout, stderr } = await here.make(
      'install',
      '--reuse-values',
      '--set=config.backgroundScan.reports=PolicyReports',
    );
    assert.equal(code, 0, stdout + stderr);
    const { summary, results, metadata } = await reported('policyreports.wgpolicyk8s.io');
    assert.notEqual(summary['fail'], 0);
    assert.ok(results.some(({ rule, result }) => rule === 'NoSignature' && result === 'fail'));
    assert.equal(metadata.ownerReferences[0]?.uid, await owner());
  });

  test('is not looked at where that is switched off, and what was found is removed', async () => {
    const { code, stdout, stderr } = await here.make('install', '--reuse-values', '--set=backgroundScan.enabled=false');
    assert.equal(code, 0, stdout + stderr);
    await waitFor('the status to be without it', async () => {
      assert.equal(await here.read('imagepolicies.cosignet.dev/default', '.status.affected'), '');
      return true;
    });
    const can = await here.bench.kubectl([
      'auth',
      'can-i',
      'list',
      'pods',
      '--as=system:serviceaccount:cosignet:cosignet',
    ]);
    assert.equal(can.stdout.trim(), 'no');
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

/** `NAME.yaml` in the folder of the workbench. */
function policyFile({ bench }: Installation, name: string, spec: object): string {
  const file = path.join(bench.dir, `${name}.yaml`);
  writeFileSync(file, stringify(policy(name, spec)));
  return file;
}
