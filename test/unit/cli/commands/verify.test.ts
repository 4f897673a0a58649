// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { run } from '../../../../cli/program.ts';
import { loadLayout, RegistryContent } from '../../../fakes/registry/registry-content.ts';
import { startFakeRegistry } from '../../../fakes/registry/registry.ts';
import type { FakeRegistry } from '../../../fakes/registry/registry.ts';
import { publicKeyFile } from '../../../vectors/cosign/layout-registry.ts';
import { runCaptured } from '../captured-terminal.ts';

const vectors = path.resolve(import.meta.dirname, '../../../vectors/cosign');
const keyFile = (name: string) => path.join(vectors, 'keys', `${name}.pub`);

/** Each command line asks anew, and how often may differ. */
function withoutCount(verdicts: unknown): string {
  return JSON.stringify(verdicts).replaceAll(/"registryRequests":\d+/g, '');
}

describe('cosignet verify', () => {
  let registry: FakeRegistry;
  let locked: FakeRegistry;
  let folder: string;
  let policies: string;
  const insecure = () => ['--insecure-registry', registry.host];
  const image = (name: string) => `${registry.host}/demo/${name}`;
  const ask = (...keys: string[]) =>
    runCaptured(['verify', ...keys.flatMap((key) => ['--key', key]), ...insecure(), image('signed:1.0')]);

  before(async () => {
    const content = new RegistryContent();
    await loadLayout(content, path.join(vectors, 'layout'));
    registry = await startFakeRegistry({ content });
    locked = await startFakeRegistry({ content, auth: { kind: 'basic', users: { reader: 'secret' } } });
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    policies = path.join(folder, 'policies.yaml');
    const keys = [{ name: 'release', pem: publicKeyFile('release') }];
    const spec = { images: [`${registry.host}/demo/**`], keys };
    await writeFile(
      policies,
      stringify({ apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name: 'demo' }, spec }),
    );
  });
  after(async () => {
    await registry.close();
    await locked.close();
    await rm(folder, { recursive: true });
  });

  for (const [name, code, verdict] of [
    ['signed:1.0', 0, /^ALLOWED {2}.*\(Verified\)/],
    ['bundle:1.0', 0, /^ALLOWED {2}.*\(Verified\)[^]*\(bundle\)/],
    ['unsigned:1.0', 1, /^DENIED {2}.*\(NoSignature\)/],
    ['other-key:1.0', 1, /^DENIED {2}.*\(UntrustedSignature\)/],
    ['nothing:1.0', 1, /^DENIED {2}.*\(ImageNotFound\)/],
  ] as const) {
    test(`gives ${code} for ${name}, by policy and by key`, async () => {
      for (const how of [
        ['--policies', policies],
        ['--key', keyFile('release')],
      ]) {
        const ran = await runCaptured(['verify', ...how, ...insecure(), image(name)]);
        assert.equal(ran.code, code, ran.out + ran.err);
        assert.match(ran.out, verdict);
        assert.equal(ran.err, '');
      }
    });
  }

  test('takes any of several keys, and no other', async () => {
    const keys = ['--key', keyFile('p384'), '--key', keyFile('other')];
    assert.equal((await runCaptured(['verify', ...keys, ...insecure(), image('other-key:1.0')])).code, 0);
    assert.equal((await runCaptured(['verify', ...keys, ...insecure(), image('signed:1.0')])).code, 1);
  });

  test('prints one JSON object a line in the order of the images, and ends with the worst code', async () => {
    const images = [image('signed:1.0'), image('unsigned:1.0'), 'NOT:', image('bundle:1.0')];
    const ran = await runCaptured(['verify', '--key', keyFile('release'), ...insecure(), '-o', 'json', ...images]);
    assert.equal(ran.code, 2);
    const verdicts: { code: string; outcome: string; registryRequests: number }[] = ran.out
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      verdicts.map(({ code }) => code),
      ['Verified', 'NoSignature', 'InvalidReference', 'Verified'],
    );
  });

  test('can not decide where the registry is out of reach', async () => {
    const ran = await runCaptured(['verify', '--key', keyFile('release'), registry.host + '/demo/signed:1.0']);
    assert.equal(ran.code, 3);
    assert.match(ran.out, /^ERROR .*\(RegistryUnavailable\)/);
  });

  test('uses the credentials of the docker configuration', async () => {
    const args = [
      'verify',
      '--key',
      keyFile('release'),
      '--insecure-registry',
      locked.host,
      `${locked.host}/demo/signed:1.0`,
    ];
    const refused = await runCaptured(args);
    assert.equal(refused.code, 3);
    assert.match(refused.out, /RegistryUnauthorized/);
    const auth = Buffer.from('reader:secret').toString('base64');
    await writeFile(path.join(folder, 'config.json'), JSON.stringify({ auths: { [locked.host]: { auth } } }));
    assert.equal((await runCaptured(args, { DOCKER_CONFIG: folder })).code, 0);
  });

  test('calls signers as their files are called, where that can be a name', async () => {
    const twin = path.join(folder, 'release.pub');
    const odd = path.join(folder, '-odd key-');
    await writeFile(twin, publicKeyFile('release'));
    await writeFile(odd, publicKeyFile('release'));
    assert.match((await ask(keyFile('release'))).out, /^ {2}signer {3}release\.pub /m);
    assert.match((await ask(odd)).out, /^ {2}signer {3}key-0 /m);
    assert.match((await ask(keyFile('other'), keyFile('release'))).out, /^ {2}signer {3}release\.pub /m);
    // Of two files with one name the first has it; names are unique in a policy.
    assert.equal((await ask(keyFile('release'), twin)).code, 0);
  });

  test('prints the same in JSON and YAML', async () => {
    const args = ['verify', '--key', keyFile('release'), ...insecure(), image('signed:1.0'), image('unsigned:1.0')];
    const json = await runCaptured([...args, '-o', 'json']);
    const yaml = await runCaptured([...args, '-o', 'yaml']);
    const lines: unknown[] = json.out.split('\n').map((line) => JSON.parse(line));
    assert.equal(lines.length, 2);
    assert.equal(withoutCount(parse(yaml.out)), withoutCount(lines));
    assert.deepEqual([json.code, yaml.code], [1, 1]);
  });

  test('shows how far it is where somebody looks, and takes it away before it answers', async () => {
    const shown: string[] = [];
    const out: string[] = [];
    const code = await run(
      ['verify', '--key', keyFile('release'), ...insecure(), image('signed:1.0'), image('bundle:1.0')],
      {
        out: (text) => out.push(text) && shown.push('answer'),
        err: (text) => assert.fail(text),
        progress: (text) => shown.push(text),
        input: () => Readable.from([]),
        environment: { HOME: '/nonexistent' },
        signal: new AbortController().signal,
      },
    );
    assert.equal(code, 0);
    assert.deepEqual(shown, ['1 of 2 images checked', '2 of 2 images checked', '', 'answer', 'answer']);
  });

  test('follows the configuration for images that no policy covers', async () => {
    const args = ['verify', '--policies', policies, 'nginx'];
    assert.equal((await runCaptured(args)).code, 1);
    const config = path.join(folder, 'config.yaml');
    await writeFile(config, 'unmatchedImages: Allow\n');
    assert.equal((await runCaptured([...args, '--config', config])).code, 0);
    await writeFile(config, 'unmatchedImages: Maybe\n');
    const wrong = await runCaptured([...args, '--config', config]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /config\.yaml:1: \$\.unmatchedImages: must be one of Deny, Warn, Allow/);
  });

  for (const [what, args, sentence] of [
    [
      'a kubeconfig that is not there',
      ['--kubeconfig', '/nonexistent', 'nginx'],
      /^cosignet: kubeconfig \/nonexistent: no such file or folder; to check without a cluster, give --policies$/,
    ],
    ['a folder as kubeconfig', ['--kubeconfig', '/', 'nginx'], /^cosignet: kubeconfig \/: is a folder, not a file; /],
    ['both', ['--policies', 'p', '--key', 'k', 'nginx'], /give either --policies or --key/],
    [
      'a key that is not there',
      ['--key', '/nonexistent.pub', 'nginx'],
      /--key \/nonexistent\.pub: no such file or folder$/,
    ],
    ['a key that is none', ['--key', path.join(vectors, 'made.json'), 'nginx'], /--key .*made\.json: no PEM block/],
    ['policies that are not there', ['--policies', '/nonexistent', 'nginx'], /\/nonexistent: no such file or folder$/],
    ['a folder without policies', ['--policies', path.join(vectors, 'keys'), 'nginx'], /there is no ImagePolicy in /],
  ] as const) {
    test(`refuses ${what} with a sentence and exit code 2`, async () => {
      const ran = await runCaptured(['verify', ...args]);
      assert.deepEqual([ran.code, ran.out], [2, '']);
      assert.match(ran.err, sentence);
      assert.doesNotMatch(ran.err, /\n\s+at /);
    });
  }
});
