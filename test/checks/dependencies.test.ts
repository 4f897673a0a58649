// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { circularFiles, circularFolders, crowdedFolders, importFault, importsOf } from './dependency-rules.ts';
import { projectFiles, read } from './sources.ts';

const sources = projectFiles().filter((file) => /^(core|crds|webhook|operator|cli)\/.*\.ts$/.test(file));

describe('dependencies point one way', () => {
  test('no source imports what is not its to import', () => {
    const faults = sources.flatMap((file) => importsOf(read(file)).flatMap((name) => importFault(file, name) ?? []));
    assert.deepEqual(faults, []);
    assert.ok(sources.length > 20, 'the sources were found');
  });

  test('no files and no folders import each other in a circle', () => {
    const graph = new Map(sources.map((file) => [file, importsOf(read(file))]));
    assert.deepEqual(circularFiles(graph), []);
    assert.deepEqual(circularFolders(graph), []);
  });

  test('no folder has more than 15 sources of its own', () => {
    assert.deepEqual(crowdedFolders(sources, 15), []);
  });

  test('a circle of files is seen, also within a folder', () => {
    const graph = new Map([
      ['a/one.ts', ['./two.ts']],
      ['a/two.ts', ['../b/three.ts', './four.ts']],
      ['b/three.ts', ['../a/one.ts', 'node:path']],
      ['a/four.ts', ['./five.ts']],
      ['a/five.ts', []],
    ]);
    assert.deepEqual(circularFiles(graph), ['a/one.ts', 'a/two.ts', 'b/three.ts']);
  });

  test('a crowded folder is seen; what is in folders of its own is not counted', () => {
    const files = ['a/one.ts', 'a/two.ts', 'a/b/three.ts', 'a/b/four.ts', 'a/b/five.ts'];
    assert.deepEqual(crowdedFolders(files, 2), ['a/b: 3 files']);
  });

  test('a circle of folders is seen, also by way of a third', () => {
    const folders = circularFolders(
      new Map([
        ['a/one.ts', ['../b/two.ts', './other.ts']],
        ['b/two.ts', ['../c/d/three.ts', 'node:path']],
        ['c/d/three.ts', ['../../a/other.ts']],
        ['e/four.ts', ['../a/one.ts']],
      ]),
    );
    assert.deepEqual(folders, ['a', 'b', 'c/d']);
  });

  test('only the command line reads the environment', () => {
    const readers = sources.filter((file) => /process\.env\b/.test(read(file)));
    assert.deepEqual(
      readers.filter((file) => !file.startsWith('cli/')),
      [],
    );
  });

  test('the rules refuse what they are there to refuse', () => {
    assert.match(importFault('core/verdict/decide.ts', '../../operator/main.ts') ?? '', /from there only core/);
    assert.match(importFault('core/policy/store/store.ts', '@kubernetes/client-node') ?? '', /belongs to operator/);
    assert.match(importFault('core/policy/store/store.ts', 'node:http') ?? '', /belongs to webhook/);
    assert.match(
      importFault('webhook/http/server.ts', '../../operator/telemetry/metrics.ts') ?? '',
      /from there only webhook/,
    );
    assert.match(importFault('operator/status.ts', '../webhook/http/server.ts') ?? '', /from there only operator/);
    assert.match(importFault('cli/commands/verify.ts', '../../operator/main.ts') ?? '', /from there only cli/);
    assert.equal(importFault('operator/main.ts', '../webhook/http/server.ts'), undefined);
    assert.equal(importFault('cli/commands/serve.ts', '../../operator/main.ts'), undefined);
    assert.equal(importFault('core/verdict/decide.ts', '../errors.ts'), undefined);
  });

  test('imports of every form are seen', () => {
    const source = [
      "import a from 'one';",
      "import type { B } from 'two';",
      "export { c } from 'three';",
      "const d = await import('four');",
      "import 'five';",
    ].join('\n');
    assert.deepEqual(importsOf(source), ['one', 'two', 'three', 'four', 'five']);
  });
});
