// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { readRuntimeLock } from '../../../../release/inputs/runtime-lock.ts';
import { buildProgram, holdsBundle } from '../../../../release/programs/program.ts';

test('a program that was signed elsewhere is known by the bundle in it', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'cosignet-program-'));
  const at = (name: string) => path.join(folder, name);
  try {
    await writeFile(at('bundle'), 'console.log(1)');
    await writeFile(at('same'), 'Node\0console.log(1)\0signature');
    await writeFile(at('other'), 'Node\0console.log(2)\0signature');
    const parts = { lock: readRuntimeLock(), bundle: at('bundle'), cache: folder };
    assert.equal(await holdsBundle(at('same'), parts), true);
    assert.equal(await holdsBundle(at('other'), parts), false);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a program is built by the Node that it holds, and by no other', async () => {
  const { node, debian } = readRuntimeLock();
  const lock = { debian, node: { ...node, version: '1.2.3' } };
  await assert.rejects(
    buildProgram('linux-amd64', { lock, bundle: '/nowhere', cache: '/nowhere' }, '/nowhere'),
    /Node 1\.2\.3 is needed/,
  );
});
