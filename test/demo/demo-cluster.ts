// SPDX-License-Identifier: Apache-2.0
// `make demo-cluster`: the whole way on a real control plane, for people to read. Fails where anything is not as told.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { waitFor } from '../control-plane/process.ts';
import { inventory } from '../e2e/workbench/inventory.ts';
import { openInstallation, policy, type Installation } from '../e2e/workbench/installation.ts';
import { openStage, type Stage } from '../e2e/workbench/stage.ts';
import { ROOT } from '../e2e/workbench/tools.ts';

mkdirSync(path.join(ROOT, '.cache'), { recursive: true });
const dir = mkdtempSync(path.join(ROOT, '.cache', 'demo-'));
/** As commands name it. */
const FOLDER = path.relative(ROOT, dir);

console.log('Starting etcd, kube-apiserver, kube-controller-manager and a registry on loopback …');
const here = await openInstallation(dir);
const stage = openStage({ ...here.bench.env, HELM: 'helm', KUBECTL: 'kubectl' });
try {
  await tell(stage, here);
  stage.chapter('Everything was as described.');
} catch (error) {
  console.error(`\nFAILED: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await here.close();
}

async function tell(on: Stage, installation: Installation): Promise<void> {
  const untouched = await inventory(installation.bench);
  await installIt(on, installation);
  await runPods(on, installation);
  await addPolicy(on, installation);
  await editPolicy(on, installation);
  await upgrade(on, installation);
  await uninstall(on, installation, untouched);
}

function installCommand({ bench }: Installation, publicKey: string): string {
  const values = [`--set-file notary.rootPubKey=${FOLDER}/registry/${publicKey}`, '--set notary.isCosign=true'];
  const registry = bench.values.map((flag) => flag.replaceAll(/[[\]]/g, '\\$&'));
  return `make install HELM_FLAGS='${[...values, ...registry].join(' ')}'`;
}

async function installIt({ chapter, say, show }: Stage, installation: Installation): Promise<void> {
  const { images } = installation;
  chapter('A cluster, a registry, and three kinds of images');
  await show('kubectl version');
  say(
    [
      'Pushed and signed with the real crane and cosign:',
      `  ${images.signed.tag}     signed with release.key`,
      `  ${images.unsigned.tag}   not signed`,
      `  ${images.forged.tag}     signed with other.key`,
      `  ${images.tool.tag}     signed with other.key, too`,
    ].join('\n'),
  );
  await show(`cat ${FOLDER}/registry/release.pub`);

  chapter('Install, with the public key for all images');
  await show(installCommand(installation, 'release.pub'));
  await show('kubectl --namespace cosignet get deployments,pods,services');
  await show('kubectl wait imagepolicies.cosignet.dev/default --for=condition=Ready --timeout=2m');
  await show('kubectl get imagepolicies.cosignet.dev', { holds: ['default', 'Verify', 'Enforce', 'True'] });
}

async function runPods({ chapter, say, show }: Stage, { images }: Installation): Promise<void> {
  chapter('A signed image runs, pinned to the digest that was verified');
  await show(`kubectl run signed --image=${images.signed.tag}`);
  await show("kubectl get pod signed -o jsonpath='{.spec.containers[0].image}'", { holds: [images.signed.pinned] });

  chapter('Others do not');
  const denied = { refused: true };
  await show(`kubectl run unsigned --image=${images.unsigned.tag}`, {
    ...denied,
    holds: [images.unsigned.tag, 'default', 'is not signed'],
  });
  await show(`kubectl run forged --image=${images.forged.tag}`, { ...denied, holds: [images.forged.tag, 'default'] });

  chapter('A Deployment rolls out; its template stays as written, its Pods are pinned');
  await show(`kubectl create deployment web --image=${images.signed.tag} --replicas=2`);
  await show('kubectl rollout status deployment/web --timeout=2m');
  await show("kubectl get pods -l app=web -o jsonpath='{.items[*].spec.containers[0].image}'", {
    holds: [`${images.signed.pinned} ${images.signed.pinned}`],
  });
  say('One whose image is not signed is denied at once, not only when its Pods are made.');
  await show(`kubectl create deployment bad --image=${images.unsigned.tag}`, denied);
}

async function addPolicy({ chapter, say, show }: Stage, installation: Installation): Promise<void> {
  const { bench, images, other } = installation;
  chapter("A further policy: the vendor's images are signed with the vendor's key");
  await show(`kubectl run tool --image=${images.tool.tag}`, { refused: true });
  const spec = { images: [`${bench.registry.host}/vendor/*`], keys: [{ name: 'vendor', pem: other.publicKey }] };
  writeFileSync(path.join(dir, 'vendor.yaml'), stringify(policy('vendor', spec)));
  await show(`cat ${FOLDER}/vendor.yaml`);
  await show(`kubectl apply -f ${FOLDER}/vendor.yaml`);
  await show('kubectl wait imagepolicies.cosignet.dev/vendor --for=condition=Ready --timeout=2m');
  await show('kubectl get imagepolicies.cosignet.dev', { holds: ['vendor', 'default'] });
  await show(`kubectl run tool --image=${images.tool.tag}`);
  say('The more specific policy applies. Elsewhere that key still counts for nothing:');
  await show(`kubectl run forged --image=${images.forged.tag}`, { refused: true });
}

async function editPolicy({ chapter, say, show }: Stage, { bench, images }: Installation): Promise<void> {
  chapter('An edit takes effect within a second');
  const edit = JSON.stringify({ spec: { action: 'Deny' } });
  await show(`kubectl patch imagepolicies.cosignet.dev vendor --type=merge --patch '${edit}'`);
  const patched = Date.now();
  const pod = { metadata: { name: 'late' }, spec: { containers: [{ name: 'late', image: images.tool.tag }] } };
  await waitFor('the edit to take effect', async () => {
    return bench.cluster.api.post('/api/v1/namespaces/shop/pods?dryRun=All', pod).then(
      () => undefined,
      () => true,
    );
  });
  const milliseconds = Date.now() - patched;
  say(`Denied ${milliseconds} ms later.`);
  if (milliseconds > 1000) throw new Error('that is more than a second');
  await show(`kubectl run late --image=${images.tool.tag}`, { refused: true, holds: ['vendor'] });
}

async function upgrade({ chapter, show }: Stage, installation: Installation): Promise<void> {
  const { images } = installation;
  chapter('An upgrade with another key and a third replica');
  await show(installCommand(installation, 'other.pub').replace(/'$/, " --set replicas=3'"));
  await show('kubectl wait imagepolicies.cosignet.dev/default --for=condition=Ready --timeout=2m');
  await show(`kubectl run forged --image=${images.forged.tag}`);
  await show(`kubectl run late --image=${images.signed.tag}`, { refused: true });
}

async function uninstall(
  { chapter, say, show }: Stage,
  { bench, images }: Installation,
  untouched: readonly string[],
): Promise<void> {
  chapter('Uninstall');
  await show('make uninstall');
  await show('kubectl delete deployment,pod --all');
  const left = (await inventory(bench)).filter((object) => !untouched.includes(object));
  if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
  say('The cluster holds exactly what it held before. And anything runs again:');
  await show(`kubectl run unsigned --image=${images.unsigned.tag}`);
}
