// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { loadPolicies } from '../../../../../core/policy/documents/load.ts';

const root = mkdtempSync(join(tmpdir(), 'policies-'));
let folder = '';
let count = 0;

function put(path: string, text: string): string {
  const file = join(folder, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function policyText(name: string): string {
  return `apiVersion: cosignet.dev/v1\nkind: ImagePolicy\nmetadata:\n  name: ${name}\nspec: {images: ["**"], action: Deny}\n`;
}

async function namesAt(...paths: string[]): Promise<readonly string[]> {
  const { policies, faults } = await loadPolicies(paths);
  assert.deepEqual(faults, []);
  return policies.map(({ policy }) => policy.metadata.name);
}

describe('loadPolicies', () => {
  beforeEach(() => {
    folder = join(root, String(count++));
    mkdirSync(folder);
  });
  after(() => rmSync(root, { recursive: true }));

  test('reads a folder in the order of names, sub-folders too, and leaves out what is hidden or something else', async () => {
    put('b.yml', policyText('b'));
    put('a.yaml', policyText('a'));
    put(
      'c/d.json',
      JSON.stringify({
        apiVersion: 'cosignet.dev/v1',
        kind: 'ImagePolicy',
        metadata: { name: 'd' },
        spec: { images: ['a'], action: 'Deny' },
      }),
    );
    put('.hidden/x.yaml', policyText('x'));
    put('.y.yaml', policyText('y'));
    put('README.md', 'no policy');
    assert.deepEqual(await namesAt(folder), ['a', 'b', 'd']);
  });

  test('reads a mounted ConfigMap once', async () => {
    put('..2026_01_01/a.yaml', policyText('a'));
    symlinkSync('..2026_01_01', join(folder, '..data'));
    symlinkSync(join('..data', 'a.yaml'), join(folder, 'a.yaml'));
    assert.deepEqual(await namesAt(folder), ['a']);
  });

  test('reads a file that is named outright, whatever its name', async () => {
    assert.deepEqual(await namesAt(put('policy.txt', policyText('a'))), ['a']);
  });

  test('names a policy that is in two files', async () => {
    const first = put('a.yaml', policyText('same'));
    const second = put('b.yaml', `${policyText('other')}---\n${policyText('same')}`);
    const { faults } = await loadPolicies([folder]);
    assert.deepEqual(faults, [{ file: second, line: 10, message: `the policy same is also in ${first}, line 1` }]);
  });

  test('names what cannot be read', async () => {
    const missing = join(folder, 'missing.yaml');
    const latin = put('latin.yaml', '');
    writeFileSync(latin, Buffer.from([0x61, 0x3a, 0xe9, 0x0a]));
    const { policies, faults } = await loadPolicies([missing, latin, '/dev/zero']);
    assert.deepEqual(policies, []);
    assert.deepEqual(
      faults.map(({ file, line }) => [file, line]),
      [
        [missing, 0],
        [latin, 0],
        ['/dev/zero', 0],
      ],
    );
    assert.match(faults[0]?.message ?? '', /no such file/);
    assert.match(faults[1]?.message ?? '', /not valid/);
    assert.match(faults[2]?.message ?? '', /not a regular file/);
  });

  test('ends at a folder that leads back to itself', async () => {
    put('a.yaml', policyText('a'));
    symlinkSync('.', join(folder, 'loop'));
    const { faults } = await loadPolicies([folder]);
    assert.ok(faults.some(({ message }) => message.includes('nested')));
  });
});
