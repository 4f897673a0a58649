// SPDX-License-Identifier: Apache-2.0
// What the real `cosign save` writes, checked without the registry that it came from.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startRegistry } from '../workbench/registry.ts';
import { output, requireTools, run } from '../workbench/tools.ts';

requireTools('cosign', 'crane', 'referrers-registry');

test('images that cosign saved get the same verdict once their registry is gone', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'oci-layout-'));
  const registry = await startRegistry(path.join(folder, 'registry'));
  try {
    const env = { COSIGN_PASSWORD: '', HOME: folder, DOCKER_CONFIG: folder };
    const [release, other] = [await registry.keyPair('release'), await registry.keyPair('other')];
    const saved: Record<string, string> = {};
    for (const format of ['simple-signing', 'bundle'] as const) {
      const image = (await registry.push(`demo/${format}:1.0`)).trim();
      await registry.sign(image, release, { format });
      saved[format] = path.join(folder, format);
      await output(['cosign', 'save', '--dir', saved[format], image], { env });
    }
    await registry.stop();
    const local = ['--local-image', '--key', release.publicFile, '--insecure-ignore-tlog=true'];
    assert.equal((await run(['cosign', 'verify', ...local, saved['simple-signing'] ?? ''], { env })).code, 0);
    for (const [format, layout] of Object.entries(saved)) {
      for (const [{ publicFile }, code] of [
        [release, 'Verified'],
        [other, 'UntrustedSignature'],
      ] as const) {
        await expectCode(code, [layout, '--key', publicFile]);
        await expectCode(code, [layout, '--key', publicFile, `registry.example.com/demo/${format}:1.0`]);
      }
    }
  } finally {
    await registry.stop();
    await rm(folder, { recursive: true });
  }
});

async function expectCode(code: string, layout: readonly string[]): Promise<void> {
  const command = ['cli/main.ts', 'verify', '-o', 'json', '--oci-layout', ...layout];
  const { stdout, stderr } = await run([process.execPath, ...command]);
  assert.notEqual(stdout, '', stderr);
  const verdict: { code: string; registryRequests: number; message: string } = JSON.parse(stdout);
  assert.deepEqual([verdict.code, verdict.registryRequests], [code, 0], verdict.message);
}
