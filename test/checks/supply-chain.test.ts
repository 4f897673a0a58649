// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import packageFile from '../../package.json' with { type: 'json' };
import { findDenied, readAdvisories, staleAcceptances } from '../../release/advisories.ts';
import { dependenciesPage, PAGE, usersOf } from '../../release/dependencies.ts';
import { isAllowedLicence } from '../../release/inputs/licences.ts';
import { packagesOf, productionPackages, readLockFile } from '../../release/inputs/lockfile.ts';
import { ARCHITECTURES, readRuntimeLock } from '../../release/inputs/runtime-lock.ts';
import { billOfMaterials, programsBillOfMaterials } from '../../release/sbom.ts';
import { isInRange } from '../../release/inputs/versions.ts';
import { ROOT } from './sources.ts';

const lock = readLockFile();
const packages = packagesOf(lock);
const runtime = readRuntimeLock();

describe('the lock file', () => {
  test('pins every package by SHA-512', () => {
    assert.ok(packages.length > 100, 'the packages were found');
    const unpinned = packages.filter(({ integrity }) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''));
    assert.deepEqual(unpinned, []);
  });

  test('takes every package from the registry that npm is set to, none from git or an address of its own', () => {
    assert.deepEqual(
      packages.filter(({ resolved }) => resolved !== undefined),
      [],
    );
  });

  test('names exact versions of what package.json asks for', () => {
    const asked = Object.entries({ ...packageFile.dependencies, ...packageFile.devDependencies });
    assert.deepEqual(
      asked.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
      [],
    );
    for (const [name, version] of asked) assert.equal(lock.packages[`node_modules/${name}`]?.version, version, name);
  });

  test('runs install scripts of node and esbuild, and of nothing else', () => {
    const scripted = packages.filter(({ hasInstallScript }) => hasInstallScript === true).map(({ name }) => name);
    assert.deepEqual(scripted, ['esbuild', 'node']);
    assert.deepEqual(packageFile.allowScripts, { node: true, esbuild: true });
  });
});

describe('what is released', () => {
  test('is under licences that allow it', () => {
    const others = productionPackages(lock).filter(({ license }) => !isAllowedLicence(license));
    assert.deepEqual(others, []);
  });

  test('holds no dependency that nothing imports', () => {
    const unused = [...usersOf(lock)].filter(([, users]) => users.length === 0).map(([name]) => name);
    assert.deepEqual(unused, []);
  });

  test('is what docs/reference/dependencies.md says', async () => {
    assert.equal(readFileSync(PAGE, 'utf8'), await dependenciesPage(lock, runtime), 'run node release/dependencies.ts');
  });

  test('runs on the Node that the tests run on', () => {
    assert.equal(packageFile.devDependencies.node, runtime.node.version);
    const architecture = process.arch === 'x64' ? 'amd64' : 'arm64';
    const installed = readFileSync(path.join(ROOT, 'node_modules/node/bin/node'));
    // What npm's install script fetched is pinned by no lock file of npm: this is where a changed one shows.
    if (process.platform === 'linux') assert.equal(sha256(installed), runtime.node.packages[architecture].binarySha256);
  });
});

describe('known weaknesses', () => {
  const policy = readAdvisories();

  test('are in no package of the lock file', () => {
    assert.deepEqual(findDenied(lock, policy), []);
  });

  test('have ranges that can be read, of packages that are used, and reasons', () => {
    for (const { package: name, versions, reason } of policy.denied) {
      assert.ok(!isInRange('999.0.0', versions), `${name}: no version would ever do`);
      assert.ok(isInRange('0.0.1', versions) || versions.startsWith('>='), `${name} ${versions}`);
      assert.ok(
        packages.some((one) => one.name === name),
        `${name} is not used any more`,
      );
      assert.ok(reason.length > 10, name);
    }
  });

  test('are accepted only where they are still there', () => {
    assert.deepEqual(staleAcceptances(lock, policy), []);
  });

  test('are found where a package is older, unless that version was accepted', () => {
    const old = { integrity: '', license: 'MIT', version: '1.3.1' };
    const changed = { ...lock, packages: { ...lock.packages, 'node_modules/x/node_modules/node-forge': old } };
    const found = findDenied(changed, policy);
    assert.ok(found.length > 0);
    for (const finding of found) assert.match(finding, /^node_modules\/x\/node_modules\/node-forge is 1\.3\.1/);
    const accepted = [{ package: 'node-forge', version: '1.3.1', reason: 'a test' }];
    assert.deepEqual(findDenied(changed, { ...policy, accepted }), []);
    assert.deepEqual(staleAcceptances(lock, { ...policy, accepted }), ['node-forge@1.3.1']);
  });
});

describe('the bill of materials', () => {
  const bom = billOfMaterials(lock, runtime);

  test('has exactly the packages that npm would install for production', () => {
    const args = ['ls', '--omit=dev', '--all', '--parseable', '--long', '--package-lock-only'];
    const lines = execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8' }).trim().split('\n').slice(1);
    const wanted = new Set(lines.map((line) => line.slice(line.lastIndexOf(':') + 1)));
    const npm = bom.components.filter(({ type, purl }) => type === 'library' && purl.startsWith('pkg:npm/'));
    assert.deepEqual(npm.map(({ name, version }) => `${name}@${version}`).toSorted(), [...wanted].toSorted());
  });

  test('has Node and the libraries of each architecture', () => {
    assert.equal(bom.components.filter(({ name }) => name === 'Node.js').length, ARCHITECTURES.length);
    for (const { name, sha256: digests } of runtime.debian.packages) {
      const hashes = bom.components.filter((one) => one.name === name).map((one) => one.hashes?.[0]?.content);
      assert.deepEqual(hashes, [digests.amd64, digests.arm64], name);
    }
  });

  test('has, of the programs, the same packages, the Node of each platform, and no libraries', () => {
    const of = (one: typeof bom, kind: string) => one.components.filter(({ type }) => type === kind);
    const programs = programsBillOfMaterials(lock, runtime);
    assert.deepEqual(
      of(programs, 'library'),
      of(bom, 'library').filter(({ purl }) => purl.startsWith('pkg:npm/')),
    );
    const nodes = [...Object.values(runtime.node.packages), ...Object.values(runtime.node.programs)];
    assert.deepEqual(
      of(programs, 'platform')
        .map(({ purl }) => purl)
        .toSorted(),
      nodes.map(({ name }) => `pkg:npm/${name}@${runtime.node.version}`).toSorted(),
    );
  });

  test('tells of each component a licence and a checksum, and of each dependency a component', () => {
    const refs = new Set([bom.metadata.component['bom-ref'], ...bom.components.map((one) => one['bom-ref'])]);
    assert.equal(refs.size, bom.components.length + 1, 'references are unique');
    for (const { name, licenses, hashes } of bom.components) {
      assert.ok(licenses[0]?.expression, name);
      assert.match(hashes?.[0]?.content ?? '', /^(?:[0-9a-f]{64}|[0-9a-f]{128})$/, name);
    }
    for (const { ref, dependsOn } of bom.dependencies) {
      for (const one of [ref, ...dependsOn]) assert.ok(refs.has(one), one);
    }
  });

  test('leads from the program to every npm package', () => {
    const edges = new Map(bom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
    const seen = new Set<string>();
    const open = [bom.metadata.component['bom-ref']];
    for (let ref = open.pop(); ref !== undefined; ref = open.pop()) {
      if (seen.has(ref)) continue;
      seen.add(ref);
      open.push(...(edges.get(ref) ?? []));
    }
    assert.deepEqual(
      bom.components.map((one) => one['bom-ref']).filter((ref) => !seen.has(ref)),
      [],
    );
  });
});

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
