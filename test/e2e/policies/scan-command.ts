// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { codeBlocks } from '../../checks/markdown.ts';
import { read } from '../../checks/sources.ts';
import { policy, type Goods, type Installation } from '../workbench/installation.ts';
import { output, ROOT, run, type Outcome } from '../workbench/tools.ts';

/** `cosignet scan` of an installation; `scanned` waits until the scan in the background has looked at a policy, too. */
export function describeScanCommand(
  open: () => Installation,
  scanned: (policy: string, wanted: { wouldDeny: number; observedGeneration: number }) => Promise<unknown>,
): void {
  describe('cosignet scan', () => {
    let here: Installation;
    before(() => (here = open()));

    const repositoryOf = (goods: Goods) => here.images[goods].tag.replace(/:1\.0$/, '');

    /** As a node would write it. */
    async function says(namespace: string, pod: string, imageID: string): Promise<void> {
      const status = { containerStatuses: [{ name: pod, image: 'x', imageID, ready: true, restartCount: 0 }] };
      const patch = ['patch', `pod/${pod}`, '--subresource=status', '--type=merge'];
      await here.kubectl(`--namespace=${namespace}`, ...patch, `--patch=${JSON.stringify({ status })}`);
    }
    const crane = (...args: readonly string[]) => output(['crane', ...args], { env: here.bench.env });

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
      await here.kubectl(inSystem, 'wait', 'pod/index', '--for=condition=Ready', '--timeout=90s');
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
      await scanned('shop', { wouldDeny: 0, observedGeneration: 1 });
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
}

/** `NAME.yaml` in the folder of the workbench. */
function policyFile({ bench }: Installation, name: string, spec: object): string {
  const file = path.join(bench.dir, `${name}.yaml`);
  writeFileSync(file, stringify(policy(name, spec)));
  return file;
}
