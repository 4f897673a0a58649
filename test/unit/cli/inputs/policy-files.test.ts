// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { publicKeyFile } from '../../../vectors/cosign/layout-registry.ts';
import { runCaptured } from '../captured-terminal.ts';

const indented = publicKeyFile('release').trimEnd().replaceAll(/^/gm, '      ');
const good = `apiVersion: cosignet.dev/v1
kind: ImagePolicy
metadata: { name: good }
spec:
  images: ['ghcr.io/acme/**']
  keys:
  - name: release
    pem: |
${indented}
`;

describe('commands that read policy files', () => {
  let folder: string;
  const file = (name: string) => path.join(folder, name);

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    await writeFile(file('good.yaml'), good);
    await writeFile(file('tag.yaml'), good.replace('good', 'tag').replace('acme/**', 'acme/app:1'));
    await writeFile(file('unknown.yaml'), good.replace('good', 'unknown').replace('  keys:', '  kyes: []\n  keys:'));
    await writeFile(
      file('secret.yaml'),
      good.replace('good', 'secret').replace(/ {4}pem: [^]*/, '    secretRef: { name: s, key: cosign.pub }\n'),
    );
    await writeFile(
      file('root.yaml'),
      `${good.replace('good', 'root').replace(/ {2}keys:[^]*/, '')}  identities:\n  - { issuer: 'https://i.example', subject: s, trustRoot: ours }\n`,
    );
    await writeFile(file('broken.yaml'), 'kind: [ImagePolicy\n');
    await writeFile(file('config.json'), '{"trustRoots": [{"name": "theirs", "file": "r.json"}]}');
  });
  after(() => rm(folder, { recursive: true }));

  test('lint finds nothing wrong with a good file', async () => {
    const { code, out, err } = await runCaptured(['lint', file('good.yaml')]);
    assert.deepEqual([code, out, err], [0, '', '1 policy read, 0 errors']);
  });

  for (const [name, fault] of [
    ['tag.yaml', /tag\.yaml:5: spec\.images\[0\]: .*has a tag/],
    ['unknown.yaml', /unknown\.yaml:6: .*kyes/],
    ['broken.yaml', /broken\.yaml:\d: /],
  ] as const) {
    test(`lint names file and line of what is wrong in ${name}`, async () => {
      const { code, out } = await runCaptured(['lint', file('good.yaml'), file(name)]);
      assert.equal(code, 1);
      assert.match(out, fault);
      assert.doesNotMatch(out, /good\.yaml/);
    });
  }

  test('lint hints at what is valid and hardly meant, which is no error', async () => {
    const hinted = file('hinted.yaml');
    await writeFile(hinted, good.replace("'ghcr.io/acme/**'", "'ghcr.io', '*/*', '**'"));
    const { code, out, err } = await runCaptured(['lint', hinted]);
    assert.deepEqual([code, err], [0, '1 policy read, 0 errors, 2 hints']);
    assert.match(out, /^\S+hinted\.yaml:5: hint: spec\.images\[0\]: .*did you mean "ghcr\.io\/\*\*"\?$/m);
    const read: { faults: object[]; hints: { path: string; line: number }[] } = JSON.parse(
      (await runCaptured(['lint', hinted, '-o', 'json'])).out,
    );
    assert.deepEqual([read.faults.length, read.hints.map(({ line }) => line)], [0, [5, 5]]);
    const sarif = (await runCaptured(['lint', hinted, '-o', 'sarif'])).out;
    assert.equal(sarif.match(/"level": "note"/g)?.length, 2);
    assert.match((await runCaptured(['lint', hinted, '-o', 'yaml'])).out, /^policies: 1\nfaults: \[\]\nhints:\n/);
  });

  test('lint tells how a key in a Secret is named, which cosign spells as if it were a service', async () => {
    const keyed = file('keyed.yaml');
    const kms = ['k8s://prod/release', 'vault://release'].map((text) => `    kms: ${text}\n`);
    await writeFile(keyed, good.replace(/ {4}pem: [^]*/, kms.join('  - name: other\n')));
    const { code, out } = await runCaptured(['lint', keyed]);
    assert.equal(code, 1);
    assert.match(
      out,
      /^\S+:8: spec\.keys\[0\]\.kms: .* in place of kms write secretRef: \{name: release, key: cosign\.pub\}$/m,
    );
    assert.match(out, /^\S+:10: hint: spec\.keys\[1\]\.kms: .*did you mean hashivault:\/\/\?$/m);
  });

  test('lint leaves to the cluster what only the cluster knows', async () => {
    assert.equal((await runCaptured(['lint', file('secret.yaml'), file('root.yaml')])).code, 0);
    const withConfig = await runCaptured(['lint', '--config', file('config.json'), file('root.yaml')]);
    assert.equal(withConfig.code, 1);
    assert.match(withConfig.out, /root\.yaml:7: .*trustRoot.*ours/s);
  });

  test('lint has nothing to read: wrong input', async () => {
    assert.equal((await runCaptured(['lint', '/nonexistent'])).code, 2);
    assert.equal((await runCaptured(['lint', path.join(import.meta.dirname, '../../../vectors/cosign/keys')])).code, 2);
  });

  test('explain tells who speaks, and for which namespace', async () => {
    const { code, out } = await runCaptured([
      'explain',
      '--policies',
      file('good.yaml'),
      '--namespace',
      'prod',
      'ghcr.io/acme/app:1',
    ]);
    assert.equal(code, 0);
    assert.match(
      out,
      /^ghcr\.io\/acme\/app:1 {2}in namespace prod\n.*ghcr\.io\/acme\/\*\*.*\n {4}good: requires a signature by key "release"/,
    );
  });

  test('explain refuses what is no image, and an answer without policies', async () => {
    for (const args of [
      ['explain', '--policies', file('good.yaml'), 'NO:'],
      ['explain', 'nginx'],
    ]) {
      const { code, out, err } = await runCaptured(args);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, /^cosignet: /);
    }
  });
});
