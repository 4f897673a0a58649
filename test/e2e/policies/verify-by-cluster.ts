// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { policy, policyReady, type Installation } from '../workbench/installation.ts';
import { output, ROOT, run, type Outcome } from '../workbench/tools.ts';

/** `cosignet verify` by the policies, the configuration and the namespaces of an installation. */
export function describeVerifyByCluster(open: () => Installation): void {
  describe('cosignet verify, by what the cluster has', () => {
    const program = path.resolve(ROOT, process.env['COSIGNET_PROGRAM'] ?? 'cli/main.ts');
    let here: Installation;
    let kubeconfig: string;
    let chart: string;

    before(async () => {
      here = open();
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
}
