// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { digestOf, hexOf } from '../../../core/image/digest.ts';
import { RegistryContent, loadLayout } from '../../fakes/registry/registry-content.ts';

const name = (text: string) => ({ annotations: { 'org.opencontainers.image.ref.name': text } });

describe('loadLayout', () => {
  test('brings manifests, what they point to and their names', async (context) => {
    const directory = await mkdtemp(join(tmpdir(), 'layout-'));
    context.after(() => rm(directory, { recursive: true }));
    const blobs = join(directory, 'blobs', 'sha256');
    await mkdir(blobs, { recursive: true });
    const store = async (content: string) => {
      const digest = digestOf(Buffer.from(content));
      await writeFile(join(blobs, hexOf(digest)), content);
      return { digest, size: content.length };
    };
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const indexType = 'application/vnd.oci.image.index.v1+json';
    const layer = await store('layer');
    const config = await store('{}');
    const image = { mediaType, ...(await store(JSON.stringify({ mediaType, config, layers: [layer] }))) };
    const missing = { mediaType, digest: digestOf(Buffer.from('missing')), size: 7 };
    const list = await store(JSON.stringify({ mediaType: indexType, manifests: [image, missing] }));
    const manifests = [
      { mediaType: indexType, ...list, ...name('team/app:1.0') },
      { ...image, ...name(`team/other@${image.digest}`) },
    ];
    await writeFile(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));

    const content = new RegistryContent();
    await loadLayout(content, directory);
    assert.equal(content.manifest('team/app', '1.0')?.digest, list.digest);
    assert.equal(content.manifest('team/app', '1.0')?.mediaType, indexType);
    assert.ok(content.manifest('team/app', image.digest));
    assert.equal(Buffer.from(content.blob('team/app', layer.digest) ?? []).toString(), 'layer');
    assert.ok(content.blob('team/other', config.digest));
    assert.equal(content.manifest('team/other', '1.0'), undefined);
    assert.ok(content.manifest('team/other', image.digest));
  });
});
