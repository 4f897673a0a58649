// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { loadLayout, RegistryContent } from '../../../fakes/registry/registry-content.ts';
import { startFakeRegistry, type FakeRegistry } from '../../../fakes/registry/registry.ts';
import { publicKeyFile } from '../../../vectors/cosign/layout-registry.ts';
import { runCaptured } from '../captured-terminal.ts';

const layout = path.resolve(import.meta.dirname, '../../../vectors/cosign/layout');

describe('cosignet scan with a list of images', () => {
  let registry: FakeRegistry;
  let folder: string;
  const file = (name: string) => path.join(folder, name);
  const image = (name: string) => `${registry.host}/demo/${name}:1.0`;

  before(async () => {
    const content = new RegistryContent();
    await loadLayout(content, layout);
    registry = await startFakeRegistry({ content });
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    const spec = { images: [`${registry.host}/demo/**`], mode: 'Audit', keys: [{ pem: publicKeyFile('release') }] };
    const shop = {
      ...spec,
      images: ['**'],
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } },
    };
    const documents = Object.entries({ demo: spec, shop }).map(([name, each]) =>
      stringify({ apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name }, spec: each }),
    );
    await writeFile(file('policies.yaml'), documents.join('---\n'));
    await writeFile(
      file('images'),
      `# what we run\n${image('signed')}\n\n  ${image('unsigned')}  \r\n${image('bundle')}\n${image('signed')}\n`,
    );
  });
  after(async () => {
    await registry.close();
    await rm(folder, { recursive: true });
  });

  const scan = (list: string, ...more: string[]) => {
    const what = ['--images', file(list), '--policies', file('policies.yaml'), '--insecure-registry', registry.host];
    return runCaptured(['scan', ...what, ...more]);
  };

  test('checks each image once, and ends with the worst code', async () => {
    const { code, out, err } = await scan('images');
    assert.deepEqual([code, err], [1, '']);
    assert.match(out, /^denied {3}NoSignature +- +\S+\/demo\/unsigned:1\.0$/m);
    assert.match(out, /Policy: demo \(Audit\)/);
    assert.equal(out.split('\n').at(-1), '3 images: 1 denied, 2 allowed');
  });

  test('ends with 0 where every image is allowed, 3 where one could not be checked, 2 where one is none', async () => {
    await writeFile(file('good'), image('signed'));
    assert.equal((await scan('good')).code, 0);
    await writeFile(file('out-of-reach'), `${image('signed')}\n127.0.0.1:1/demo/app\n`);
    assert.equal((await scan('out-of-reach', '--namespace', 'shop')).code, 3);
    await writeFile(file('none'), `${image('signed')}\nNOT:\n`);
    assert.equal((await scan('none')).code, 2);
  });

  test('writes the report to a file, and a summary to standard error', async () => {
    const { code, out, err } = await scan('images', '-o', 'json', '--output-file', file('report.json'));
    assert.deepEqual([code, out], [1, '']);
    assert.equal(err, `3 images: 1 denied, 2 allowed; see ${file('report.json')}`);
    const text = await readFile(file('report.json'), 'utf8');
    assert.ok(text.endsWith('}\n'));
    const report: { images: { verdict: { code: string }; line: number }[] } = JSON.parse(text);
    assert.deepEqual(Object.keys(report.images[0]?.verdict ?? {}), [
      'image',
      'resolved',
      'outcome',
      'mode',
      'code',
      'policies',
      'message',
      'remedy',
      'signers',
      'registryRequests',
    ]);
    assert.deepEqual(
      report.images.map(({ verdict: { code: each }, line }) => [each, line]),
      [
        ['NoSignature', 4],
        ['Verified', 5],
        ['Verified', 2],
      ],
    );
  });

  test('checks for the namespace that is named', async () => {
    await writeFile(file('elsewhere'), '127.0.0.1:1/elsewhere/app\n');
    assert.match((await scan('elsewhere')).out, /NoPolicy/);
    assert.match((await scan('elsewhere', '-n', 'shop')).out, /RegistryUnavailable/);
  });

  for (const [format, start] of [
    ['junit', '<?xml version="1.0"'],
    ['sarif', '{'],
    ['html', '<!doctype html>'],
  ] as const) {
    test(`prints ${format}`, async () => {
      const { out } = await scan('images', '-o', format);
      assert.ok(out.startsWith(start), out.slice(0, 100));
      assert.ok(out.includes('NoSignature'));
    });
  }

  for (const [what, args, sentence] of [
    ['a list without policies', ['--images', 'x'], /give --policies with --images/],
    ['a selector for a list', ['--images', 'x', '--policies', 'p', '-l', 'a=b'], /a list of images has none/],
    [
      'a list that is not there',
      ['--images', '/nonexistent', '--policies', 'p'],
      /--images \/nonexistent: no such file or folder$/,
    ],
    ['a format that is not there', ['-o', 'pdf'], /Allowed choices are table, json, yaml, junit, sarif, html/],
    ['an unreadable configuration', ['--config', '/nonexistent.yaml'], /nonexistent\.yaml/],
  ] as const) {
    test(`refuses ${what} with a sentence and exit code 2`, async () => {
      const { code, out, err } = await runCaptured(['scan', ...args]);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, sentence);
    });
  }

  test('refuses a list without an image, and a file that can not be written', async () => {
    await writeFile(file('empty'), '# nothing\n\n');
    const empty = await scan('empty');
    assert.deepEqual([empty.code, empty.out], [2, '']);
    assert.match(empty.err, /there is no image in it/);
    const unwritable = await scan('good', '--output-file', path.join(folder, 'no', 'such', 'folder'));
    assert.equal(unwritable.code, 2);
    assert.match(unwritable.err, /--output-file .*folder: no such file or folder$/);
  });
});
