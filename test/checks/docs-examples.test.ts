// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { loadLayout, RegistryContent } from '../fakes/registry/registry-content.ts';
import { startFakeRegistry } from '../fakes/registry/registry.ts';
import type { FakeRegistry } from '../fakes/registry/registry.ts';
import { runCaptured } from '../unit/cli/captured-terminal.ts';
import { signFile } from '../unit/cli/signed-file.ts';
import { codeBlocks } from './markdown.ts';
import { projectFiles, read, ROOT } from './sources.ts';

const COMMAND = /^(?:cosignet|npm run --silent cosignet --) (.*?)(?:\s+>\s\S+)?(?:\s+#.*)?$/;
/** Hosts and images of the documentation; a mirror on this machine stands in for them. */
const HOSTS = ['ghcr.io', 'registry.example.com'];
const vectors = path.join(ROOT, 'test/vectors/cosign');

const pages = projectFiles().filter((file) => file === 'README.md' || /^docs\/.*\.md$/.test(file));

const examples = pages.flatMap((page) =>
  codeBlocks(read(page), ['sh', 'shell'])
    .flatMap((block) => block.split('\n'))
    .flatMap((line) => COMMAND.exec(line.trim())?.[1] ?? [])
    .map((command) => ({ page, command })),
);

const policies = pages.flatMap((page) =>
  codeBlocks(read(page), ['yaml'])
    .filter((block) => /^apiVersion: cosignet\.dev\/v1\nkind: (?:Namespaced)?ImagePolicy\n/.test(block))
    .map((policy, index) => ({ title: `${page}: ${index + 1}`, policy })),
);

describe('commands in the documentation', () => {
  let folder = '';
  let registry: FakeRegistry | undefined;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-docs-'));
    const content = new RegistryContent();
    await loadLayout(content, path.join(vectors, 'layout'));
    registry = await startFakeRegistry({ content, intercept: serveSignedImage });
    await writeReadersFiles(folder, registry.host);
    await writeLayout(path.join(folder, 'app'), content.manifest('demo/signed', '1.0')?.digest ?? '');
  });
  after(async () => {
    await registry?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('were found', () => {
    for (const name of ['verify ', 'scan ', 'explain ', 'lint ', 'verify-bundle ']) {
      assert.ok(
        examples.some(({ command }) => command.startsWith(name)),
        name,
      );
    }
  });

  for (const { page, command } of examples) {
    test(`${page}: cosignet ${command}`, async () => {
      const { code, output } = await runExample(command, folder);
      assert.equal(code, 0, output);
    });
  }
});

/** What `cosign save` leaves: one image without a name. Its signature is found by the tag that it has in the vectors. */
async function writeLayout(layout: string, digest: string): Promise<void> {
  await cp(path.join(vectors, 'layout'), layout, { recursive: true });
  const tag = `${digest.replace(':', '-')}.sig`;
  const index: { manifests: { digest: string; annotations: Record<string, string> }[] } = JSON.parse(
    await readFile(path.join(layout, 'index.json'), 'utf8'),
  );
  const signature = index.manifests.filter(({ annotations }) =>
    Object.values(annotations).includes(`demo/signed:${tag}`),
  );
  const kept = signature.map((entry) =>
    Object.assign(entry, { annotations: { kind: 'dev.cosignproject.cosign/sigs' } }),
  );
  await writeFile(
    path.join(layout, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ digest }, ...kept] }),
  );
}

describe('policies in the documentation', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-docs-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const { title, policy } of policies) {
    test(`lint finds no fault in ${title}`, async () => {
      const file = path.join(folder, 'policy.yaml');
      await writeFile(file, withKeys(policy, newPublicKey));
      const { code, out, err } = await runCaptured(['lint', file]);
      assert.equal(code, 0, `${out}\n${err}`);
    });
  }
});

function newPublicKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' });
}

/** A real key in place of each line of dots. */
function withKeys(policy: string, nextKey: () => string): string {
  return policy.replaceAll(/^( *)…$/gm, (_dots, indent: string) => {
    const body = nextKey().trim().split('\n').slice(1, -1);
    return body.map((line) => `${indent}${line}`).join('\n');
  });
}

/** Whatever image a page names, the mirror serves the one that the real cosign signed. */
function serveSignedImage(request: IncomingMessage): boolean {
  request.url = request.url
    ?.replace(/^\/v2\/(?:acme|team)\/\w+\//, '/v2/demo/signed/')
    .replace(/\/(?:0\.1\.0|1\.2|9)$/, '/1.0');
  return false;
}

/** What a reader of the pages would have in his folder. */
async function writeReadersFiles(folder: string, mirror: string): Promise<void> {
  const write = (name: string, text: string | Uint8Array) => writeFile(path.join(folder, name), text);
  const pem = await readFile(path.join(vectors, 'keys/release.pub'), 'utf8');
  await mkdir(path.join(folder, 'policies'));
  await write('cosign.pub', pem);
  await write('policies/acme.yaml', tutorialPolicy(pem));
  const registries = HOSTS.map((host) => ({ host, mirrors: [mirror] }));
  await write('images.txt', 'ghcr.io/acme/app:1.2\n');
  await write('config.yaml', stringify({ registries: [...registries, { host: mirror, insecure: true }] }));
  await mkdir(path.join(folder, 'manifests'));
  await write(
    'manifests/pod.yaml',
    'apiVersion: v1\nkind: Pod\nmetadata: {name: app}\nspec: {containers: [{image: ghcr.io/acme/app:1.2}]}\n',
  );
  await mkdir(path.join(folder, 'bundle'));
  const { artifact, bundle, publicKey } = signFile('what is released');
  await write('bundle/app.tar.gz', artifact);
  await write('bundle/app.sigstore.json', bundle);
  await write('bundle/cosign.pub', publicKey);
}

/** The policy that the tutorial tells to write. */
function tutorialPolicy(pem: string): string {
  const [policy = ''] = codeBlocks(read('docs/tutorial/first-policy.md'), ['yaml']);
  return withKeys(policy, () => pem);
}

const home = process.cwd();

/** In this process, as a reader would: in his own folder. */
async function runExample(
  command: string,
  folder: string,
): Promise<{ readonly code: number; readonly output: string }> {
  const args = command.split(/\s+/);
  process.chdir(args[0] === 'verify-bundle' ? path.join(folder, 'bundle') : folder);
  if (args[0] === 'verify' || args[0] === 'scan') args.push('--config', 'config.yaml');
  try {
    const { code, out, err } = await runCaptured(args);
    return { code, output: `${out}\n${err}` };
  } finally {
    process.chdir(home);
  }
}
