// SPDX-License-Identifier: Apache-2.0
/** `make demo`: the program as it runs in a cluster, on signatures of the real cosign; each answer is checked. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { create, deployment, imagesOf, pod } from './admission.ts';
import type { Admission, Workload } from './admission.ts';
import { PATIENCE, setStage } from './stage.ts';
import type { Stage } from './stage.ts';

const started = Date.now();
let answers = 0;

const policy = (name: string, images: string, key: string, pem: string) => ({
  apiVersion: 'cosignet.dev/v1',
  kind: 'ImagePolicy',
  metadata: { name },
  spec: { images: [images], keys: [{ name: key, pem }] },
});
const demoPolicy = async ({ registry, publicKey }: Pick<Stage, 'registry' | 'publicKey'>) =>
  policy('demo', `${registry}/demo/**`, 'release', await publicKey('release'));

await using stage = await setStage(demoPolicy);
const image = (name: string) => `${stage.registry}/demo/${name}`;

say(`Images and signatures made by cosign ${stage.cosign}, in a registry on ${stage.registry};`);
say('`cosignet serve` beside it gets the requests that the API server of a cluster would send.\n');
say(indent(stringify(await demoPolicy(stage))));

title('Signed images are admitted, and run as what was verified');
await admits('a Pod', pod('signed', [image('signed:1.0')]), { pinned: true });
await admits('a Pod, signed with cosign 3 bundles', pod('bundle', [image('bundle:1.0')]), { pinned: true });
await admits('a Pod with two images', pod('two', [image('signed:1.0')], [image('bundle:1.0')]), { pinned: true });
await admits('a Deployment (its Pods are pinned, not its template)', deployment('signed', image('signed:2.0')), {
  pinned: false,
});

title('Others are denied, with a reason');
await denies(
  'a Pod',
  pod('unsigned', [image('unsigned:1.0')]),
  /unsigned:1\.0 is not signed\. Policy "demo" requires a signature by "release"\./,
);
await denies(
  'a Pod signed with another key',
  pod('other', [image('other-key:1.0')]),
  /other-key:1\.0 is signed, but not by a signer that the policy trusts\. Policy "demo" .*"release"\./,
);
await denies(
  'a Pod that hides it among its init containers',
  pod('hidden', [image('signed:1.0')], [image('unsigned:1.0')]),
  /init container "init0".*unsigned:1\.0/s,
);
await denies('a Deployment', deployment('unsigned', image('unsigned:1.0')), /unsigned:1\.0/);
await denies(
  'a Pod whose image no policy covers',
  pod('stranger', ['nginx']),
  /No policy allows docker\.io\/library\/nginx:latest in this cluster\./,
);

title('A policy takes effect as soon as it is written');
const changed = Date.now();
await stage.applyPolicy(policy('other', image('other-key'), 'other', await stage.publicKey('other')));
const other = pod('other', [image('other-key:1.0')]);
while (!(await create(other, stage)).allowed && Date.now() - changed < PATIENCE) await sleep(20);
await admits(`the Pod signed with the other key, ${Date.now() - changed} ms after its policy`, other, { pinned: true });

say(`\n${answers} answers, all as they should be, in ${((Date.now() - started) / 1000).toFixed(1)} s.`);

async function admits(what: string, workload: Workload, { pinned }: { readonly pinned: boolean }): Promise<void> {
  const admission = await create(workload, stage);
  assert.ok(admission.allowed, `${what} should have been admitted: ${admission.message}`);
  const wanted = pinned ? /^[^@]+:[^@]+@sha256:[0-9a-f]{64}$/ : /^[^@]+$/;
  for (const stored of imagesOf(admission.stored)) assert.match(stored, wanted);
  report(
    'ADMITTED',
    what,
    workload,
    imagesOf(admission.stored).map((stored) => `stored as ${stored}`),
  );
}

async function denies(what: string, workload: Workload, reason: RegExp): Promise<void> {
  const admission: Admission = await create(workload, stage);
  assert.ok(!admission.allowed, `${what} should have been denied`);
  assert.match(admission.message, reason);
  report('DENIED', what, workload, wrapped(admission.message));
}

function report(answer: string, what: string, workload: Workload, lines: readonly string[]): void {
  answers += 1;
  say(`${answer.padEnd(8)}  ${what}: ${imagesOf(workload).join(', ')}`);
  for (const line of lines) say(`          ${line}`);
}

/** Lines of at most 100 characters, unless a word is longer. */
function wrapped(text: string): readonly string[] {
  return text.match(/\S.{0,99}(?=\s|$)|\S+/g) ?? [];
}

function title(text: string): void {
  say(`\n${text}\n${'-'.repeat(text.length)}`);
}

function indent(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, '    ');
}

function say(text: string): void {
  console.log(text);
}
