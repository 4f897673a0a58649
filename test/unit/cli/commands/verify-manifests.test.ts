// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { loadLayout, RegistryContent } from '../../../fakes/registry/registry-content.ts';
import { startFakeRegistry } from '../../../fakes/registry/registry.ts';
import type { FakeRegistry } from '../../../fakes/registry/registry.ts';
import { publicKeyFile } from '../../../vectors/cosign/layout-registry.ts';
import { runCaptured, type Ran } from '../captured-terminal.ts';
import { elementsOf, readMarkup } from '../scan/markup-reader.ts';

function policyOf(name: string, key: string, namespaceSelector: object) {
  const keys = [{ name: key, pem: publicKeyFile(key) }];
  return {
    apiVersion: 'cosignet.dev/v1',
    kind: 'ImagePolicy',
    metadata: { name },
    spec: { images: ['**'], keys, namespaceSelector },
  };
}

function namespaceWith(labels: string): string {
  return `apiVersion: v1\nkind: Namespace\nmetadata: {name: batch, labels: {${labels}}}\n---\n`;
}

const layout = path.resolve(import.meta.dirname, '../../../vectors/cosign/layout');

describe('cosignet verify --filename', () => {
  let registry: FakeRegistry;
  let folder: string;
  let manifests: string;
  const image = (name: string) => `${registry.host}/demo/${name}`;

  before(async () => {
    const content = new RegistryContent();
    await loadLayout(content, layout);
    registry = await startFakeRegistry({ content });
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    manifests = `# Source: shop/templates/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {spec: {containers: [
  {name: web, image: ${image('signed:1.0')}},
  {name: side, image: ${image('other-key:1.0')}}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: job, image: ${image('other-key:1.0')}}]}}}}}
`;
    const isShop = { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } };
    const isOther = { matchLabels: { tier: 'other' } };
    await writeFile(
      path.join(folder, 'policies.yaml'),
      [policyOf('shop', 'release', isShop), policyOf('other', 'other', isOther)]
        .map((one) => stringify(one))
        .join('---\n'),
    );
  });
  after(async () => {
    await registry.close();
    await rm(folder, { recursive: true });
  });

  function verify(text: string, ...args: readonly string[]): Promise<Ran> {
    const flags = ['--policies', path.join(folder, 'policies.yaml'), '--insecure-registry', registry.host];
    return runCaptured(['verify', '-f', '-', ...flags, ...args], {}, text);
  }

  test('checks each image for the namespace of its manifest, and for the given one where there is none', async () => {
    const ran = await verify(manifests, '-n', 'batch', '--namespace-label', 'tier=other', '-o', 'json');
    assert.equal(ran.code, 1, ran.err);
    const lines: { image: string; code: string; namespace: string; places: { line: number; object: string }[] }[] =
      ran.out.split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ image: named, code, namespace, places }) => [
        named,
        code,
        namespace,
        places.map(({ line, object }) => `${line} ${object}`).join(),
      ]),
      [
        [image('signed:1.0'), 'Verified', 'shop', '6 Deployment shop/web'],
        [image('other-key:1.0'), 'UntrustedSignature', 'shop', '7 Deployment shop/web'],
        [image('other-key:1.0'), 'Verified', 'batch', '12 CronJob nightly'],
      ],
    );
  });

  test('takes labels from a Namespace among the manifests', async () => {
    const job = manifests.slice(manifests.indexOf('---\n') + 4);
    assert.equal((await verify(namespaceWith('tier: other') + job, '-n', 'batch')).code, 0);
    assert.equal((await verify(namespaceWith('tier: none') + job, '-n', 'batch')).code, 1);
    const own = job.replace('{name: nightly}', '{name: nightly, namespace: batch}');
    assert.equal((await verify(namespaceWith('tier: other') + own)).code, 0);
    // Nobody chooses the label that names a namespace.
    const forged = namespaceWith('tier: none, kubernetes.io/metadata.name: shop') + own;
    assert.match((await verify(forged)).out, /NoPolicy/);
  });

  test('prints a table that names file and line of what fails', async () => {
    const { code, out } = await verify(manifests, '-n', 'shop');
    assert.equal(code, 1);
    assert.match(out, /^OUTCOME {2}/);
    assert.match(out, /^ {2}.*Written in -:7 \(Deployment\n? *shop\/web\),/m);
    assert.match(out, /2 images: 1 denied, 1 allowed$/);
    for (const line of out.split('\n')) assert.ok(line.length <= 100, line);
  });

  test('prints SARIF with a location for each place, and JUnit with a case for each image', async () => {
    const sarif = await verify(manifests, '-n', 'shop', '-o', 'sarif');
    const log = JSON.parse(sarif.out);
    assert.equal(log.version, '2.1.0');
    const [result] = log.runs[0].results;
    assert.equal(result.ruleId, 'UntrustedSignature');
    assert.deepEqual(
      result.locations.map(
        (location: { physicalLocation: { region: { startLine: number } } }) =>
          location.physicalLocation.region.startLine,
      ),
      [7, 12],
    );
    assert.equal(result.locations[0].logicalLocations[0].fullyQualifiedName, 'Deployment shop/web');
    const junit = readMarkup((await verify(manifests, '-n', 'shop', '-o', 'junit')).out);
    const cases = elementsOf(junit, 'testcase').map(({ attributes }) => attributes);
    assert.deepEqual(
      cases.map(({ name, file, line }) => [name, file, line]),
      [
        [image('other-key:1.0'), '-', '7'],
        [image('signed:1.0'), '-', '6'],
      ],
    );
    assert.equal(elementsOf(junit, 'failure').length, 1);
  });

  test('checks images that are named beside the manifests, and says where they are from in text', async () => {
    const { code, out } = await verify(manifests, '-n', 'shop', '-o', 'text', image('unsigned:1.0'));
    assert.equal(code, 1);
    assert.match(out, /^DENIED {2}.*unsigned:1\.0 {2}\(NoSignature\)/);
    assert.match(out, /^ {2}written {2}-:6 \(Deployment shop\/web\)$/m);
  });

  test('ends with 2 where something can not be read, and nothing is decided', async () => {
    const asked = registry.requests.length;
    const broken = await verify(`${manifests}---\nkind: [\n`);
    assert.equal(broken.code, 2);
    assert.match(broken.err, /^cosignet: -:1[45]: /);
    assert.equal(broken.out, '');
    assert.equal(registry.requests.length, asked);
    const none = await runCaptured(['verify', '--policies', path.join(folder, 'policies.yaml')]);
    assert.deepEqual([none.code, none.err], [2, 'cosignet: name an image, or manifests with --filename']);
  });

  test('is content with manifests that hold no image, and says so', async () => {
    const { code, err, out } = await verify('apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n');
    assert.equal(code, 0);
    assert.equal(err, 'cosignet: there is no image in -');
    assert.equal(out, '0 images: 0 allowed');
  });

  test('refuses manifests that are not there: the command before the pipe may have failed', async () => {
    for (const nothing of ['', '\n---\n# nothing\n']) {
      const { code, out, err } = await verify(nothing);
      assert.deepEqual([code, out, err], [2, '', 'cosignet: there is no manifest in -']);
    }
  });

  test('prints one empty report in every format', async () => {
    for (const format of ['json', 'junit', 'sarif', 'html', 'text']) {
      const { code } = await verify('apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n', '-o', format);
      assert.equal(code, 0, format);
    }
  });
});

describe('cosignet lint --output', () => {
  let file: string;
  let folder: string;
  let text: string;
  /** The line that holds this, counted from 1. */
  const at = (part: string) => text.split('\n').findIndex((line) => line.includes(part)) + 1;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    file = path.join(folder, 'policies.yaml');
    const good = { images: ['**'], keys: [{ pem: publicKeyFile('release') }] };
    const bad = { images: ['example.com/app:1.0'], keys: [{ pem: publicKeyFile('release') }] };
    const [one, two] = [good, bad].map((spec, index) =>
      stringify({ apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name: `p${index}` }, spec }),
    );
    text = `${one}---\n${two}---\nkind: Other\n`;
    await writeFile(file, text);
  });
  after(() => rm(folder, { recursive: true }));

  async function lint(format: string): Promise<string> {
    const { code, out, err } = await runCaptured(['lint', file, '-o', format]);
    assert.equal(code, 1, err);
    assert.equal(err, '2 policies read, 2 errors');
    return out;
  }

  test('sarif: a result for each fault, with rule, file and line', async () => {
    const { runs, version } = JSON.parse(await lint('sarif'));
    assert.equal(version, '2.1.0');
    const { results, tool } = runs[0];
    assert.deepEqual(
      results.map(({ ruleId, ruleIndex, locations: [{ physicalLocation }] }: SarifResult) => [
        ruleId,
        tool.driver.rules[ruleIndex].id,
        physicalLocation.artifactLocation.uri,
        physicalLocation.region.startLine,
      ]),
      [
        ['InvalidDocument', 'InvalidDocument', file, at('kind: Other')],
        ['InvalidPattern', 'InvalidPattern', file, at('example.com/app:1.0')],
      ],
    );
  });

  test('junit: a case for each policy, and for what is none', async () => {
    const root = readMarkup(await lint('junit'));
    const cases = elementsOf(root, 'testcase').map(({ attributes: { name, file: named, line } }) => [
      name,
      named,
      line,
    ]);
    assert.deepEqual(cases, [
      ['p0', file, '1'],
      ['p1', file, String(text.slice(0, text.lastIndexOf('apiVersion')).split('\n').length)],
      ['InvalidDocument', file, String(at('kind: Other'))],
    ]);
    assert.equal(elementsOf(root, 'failure').length, 2);
    assert.equal(elementsOf(root, 'testsuite')[0]?.attributes['failures'], '2');
  });

  test('json: all faults', async () => {
    const { policies, faults } = JSON.parse(await lint('json'));
    assert.equal(policies, 2);
    assert.deepEqual(
      faults.map(({ line, reason, policy = '' }: { line: number; reason: string; policy?: string }) => [
        line,
        reason,
        policy,
      ]),
      [
        [at('kind: Other'), 'InvalidDocument', ''],
        [at('example.com/app:1.0'), 'InvalidPattern', 'p1'],
      ],
    );
  });
});

interface SarifResult {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly locations: readonly [
    {
      readonly physicalLocation: {
        readonly artifactLocation: { readonly uri: string };
        readonly region: { readonly startLine: number };
      };
    },
  ];
}
