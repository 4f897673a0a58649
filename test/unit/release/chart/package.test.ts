// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { packageChart } from '../../../../release/chart/package.ts';
import { contentOf, readTar } from '../../../../release/formats/tar.ts';

const helm = path.join(import.meta.dirname, '../../../../helm');
const image = { repository: 'registry.example.com/acme/cosignet', digest: `sha256:${'a'.repeat(64)}` };
const entries = readTar(gunzipSync(packageChart(image).archive));
const yaml = (name: string) => parse(contentOf(entries, `cosignet/${name}`).toString());

test('a packaged chart holds every file of the chart, and changes two', () => {
  const files = globSync('**/*', { cwd: helm, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = files.map((entry) => path.relative(helm, path.join(entry.parentPath, entry.name))).toSorted();
  assert.deepEqual(
    entries.map((one) => one.path),
    names.map((name) => `cosignet/${name}`),
  );
  const changed = names.filter(
    (name) => !contentOf(entries, `cosignet/${name}`).equals(readFileSync(path.join(helm, name))),
  );
  assert.deepEqual(changed, ['Chart.yaml', 'values.yaml']);
});

test('a packaged chart starts its image by digest, and is otherwise what the sources say', () => {
  const source = parse(readFileSync(path.join(helm, 'values.yaml'), 'utf8'));
  assert.deepEqual(yaml('values.yaml'), { ...source, image: { ...source.image, ...image } });
  assert.deepEqual(parse(yaml('Chart.yaml').annotations['artifacthub.io/images']), [
    { name: 'cosignet', image: `${image.repository}@${image.digest}` },
  ]);
});

test('a packaged chart has the same digest for the same image, and another for another', () => {
  const digestWith = (digest: string) => packageChart({ ...image, digest }).layout.root.digest;
  assert.equal(digestWith(image.digest), digestWith(image.digest));
  assert.notEqual(digestWith(image.digest), digestWith(`sha256:${'b'.repeat(64)}`));
});
