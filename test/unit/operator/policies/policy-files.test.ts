// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, symlink, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { compilePolicy } from '../../../../core/policy/compile/compile.ts';
import { createPolicyStore, type PolicyStore } from '../../../../core/policy/store/store.ts';
import type { FollowKms } from '../../../../operator/kms/kms-keys.ts';
import { createFileDemands } from '../../../../operator/host/file-demands.ts';
import { followPolicyFiles, PolicyFilesError, type PolicyFiles } from '../../../../operator/policies/policy-files.ts';
import { compileContext, publicKeyPem } from '../../../fakes/engine.ts';
import { eventually } from '../eventually.ts';
import { replaceFile } from '../replace-file.ts';

function policy(name: string, image: string, action = 'Deny'): string {
  return `apiVersion: cosignet.dev/v1\nkind: ImagePolicy\nmetadata: {name: ${name}}\nspec: {images: ["${image}"], action: ${action}}\n`;
}

/** For policies that name none. */
const noKms: FollowKms = () => ({
  lookup: () => ({ unavailable: 'no KMS here' }),
  isPending: () => false,
  isSettled: () => true,
  reconfigured: () => undefined,
  stop: async () => undefined,
});

/** Nothing is evaluated here. */
const evaluator = {
  compile: async () => [],
  check: () => Promise.reject(new Error('asked')),
  stop: async () => undefined,
};

interface FollowOptions {
  readonly poll?: number;
  readonly namespacedPolicies?: boolean;
}

describe('followPolicyFiles', () => {
  let folder: string;
  let store: PolicyStore;
  let reloads: boolean[];
  let files: PolicyFiles | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'policies-'));
    store = createPolicyStore();
    reloads = [];
  });
  afterEach(async () => {
    await files?.stop();
    files = undefined;
    await rm(folder, { recursive: true });
  });

  async function follow(paths = [folder], { poll, namespacedPolicies = true }: FollowOptions = {}): Promise<void> {
    const { load, prepareDemand } = createFileDemands(evaluator);
    files = await followPolicyFiles({
      paths,
      compile: (document) => compilePolicy(document, compileContext({ prepareDemand })),
      load,
      followKms: noKms,
      namespacedPolicies,
      store,
      log: silentLogger,
      onReload: (succeeded) => reloads.push(succeeded),
      ...(poll !== undefined && { poll }),
    });
  }
  const write = (name: string, text: string) => replaceFile(path.join(folder, name), text);
  const names = () => [...store.snapshot().policies.keys()].toSorted().join();
  const actionOf = (name: string) => store.snapshot().policies.get(name)?.action;
  const problemsOf = (name: string) => store.snapshot().policies.get(name)?.problems;

  test('leaves the policies of namespaces out where the configuration does', async () => {
    await write('a.yaml', policy('a', 'docker.io/a/*'));
    const own = policy('own', '**')
      .replace('ImagePolicy', 'NamespacedImagePolicy')
      .replace('{name: own', '{namespace: shop, name: own');
    await write('own.yaml', own);
    await follow([folder], { namespacedPolicies: false });
    assert.equal(names(), 'a');
    await files?.stop();
    await follow();
    assert.equal(names(), 'a,shop/own');
  });

  test('compiles what is asked of attestations, of a file that was there and of one that comes', async () => {
    const asking = (name: string) => {
      const attestations = `[{name: t, predicateType: "https://example.com/t", conditions: [{expression: "predicate.ok"}]}]`;
      const keys = `[{pem: ${JSON.stringify(publicKeyPem('release'))}}]`;
      return policy(name, '**').replace(', action: Deny', `, keys: ${keys}, attestations: ${attestations}`);
    };
    await write('a.yaml', asking('a'));
    await follow();
    assert.deepEqual(problemsOf('a'), []);
    await files?.stop();
    await rm(path.join(folder, 'a.yaml'));
    await write('b.yaml', policy('b', '**'));
    await follow([folder], { poll: 10 });
    await write('a.yaml', asking('a'));
    await eventually(() => problemsOf('a') !== undefined);
    assert.deepEqual(problemsOf('a'), []);
  });

  test('follows files that come, change and go', async () => {
    await write('a.yaml', policy('a', 'docker.io/a/*'));
    await follow();
    assert.equal(names(), 'a');
    await write('b.yaml', policy('b', 'docker.io/b/*'));
    await eventually(() => names() === 'a,b');
    await write('a.yaml', policy('a', 'docker.io/a/*', 'Allow'));
    await eventually(() => actionOf('a') === 'Allow');
    await rm(path.join(folder, 'b.yaml'));
    await eventually(() => names() === 'a');
    assert.ok(reloads.every(Boolean));
  });

  test('does not start with part of the policies', async () => {
    await write('a.yaml', policy('a', 'docker.io/a/*'));
    await write('b.yaml', 'kind: [');
    await assert.rejects(
      follow(),
      (thrown) => thrown instanceof PolicyFilesError && /b\.yaml:1: /.test(thrown.message),
    );
    await assert.rejects(follow([path.join(folder, 'missing')]), PolicyFilesError);
  });

  test('a file that breaks keeps what it said, and the others are followed', async () => {
    await write('a.yaml', policy('a', 'docker.io/a/*'));
    await write('b.yaml', policy('b', 'docker.io/b/*'));
    await follow();
    await write('a.yaml', 'kind: [');
    await eventually(() => reloads.length === 1);
    assert.equal(reloads[0], false);
    await write('b.yaml', policy('b', 'docker.io/b/*', 'Allow'));
    await eventually(() => actionOf('b') === 'Allow');
    assert.equal(actionOf('a'), 'Deny');
    await write('a.yaml', policy('a', 'docker.io/a/*', 'Allow'));
    await eventually(() => actionOf('a') === 'Allow');
    assert.equal(reloads.at(-1), true);
  });

  test('a folder that can not be read keeps all that was in it', async () => {
    await mkdir(path.join(folder, 'team'));
    await write('team/a.yaml', policy('a', 'docker.io/a/*'));
    await follow([path.join(folder, 'team')]);
    await rename(path.join(folder, 'team'), path.join(folder, 'gone'));
    await write('unrelated', '');
    await files?.stop();
    await follow([path.join(folder, 'gone')], { poll: 30 });
    await rename(path.join(folder, 'gone'), path.join(folder, 'team'));
    await eventually(() => reloads.includes(false));
    assert.equal(names(), 'a');
  });

  test('of two files with one policy, the first counts and the second is a fault', async () => {
    await write('a.yaml', policy('a', 'docker.io/a/*'));
    await follow();
    await write('b.yaml', policy('a', 'docker.io/a/*', 'Allow'));
    await eventually(() => reloads.length === 1);
    assert.deepEqual(reloads, [false]);
    assert.equal(actionOf('a'), 'Deny');
  });

  test('follows the way in which a mounted ConfigMap changes', async () => {
    for (const version of ['1', '2']) await mkdir(path.join(folder, `..${version}`));
    await write('..1/a.yaml', policy('a', 'docker.io/a/*'));
    await write('..2/a.yaml', policy('a', 'docker.io/a/*', 'Allow'));
    await symlink('..1', path.join(folder, '..data'));
    await symlink('..data/a.yaml', path.join(folder, 'a.yaml'));
    await follow();
    assert.equal(actionOf('a'), 'Deny');
    await symlink('..2', path.join(folder, '..data_tmp'));
    await rename(path.join(folder, '..data_tmp'), path.join(folder, '..data'));
    await eventually(() => actionOf('a') === 'Allow');
  });

  test('a file that is named is followed through replacement', async () => {
    await write('one', policy('a', 'docker.io/a/*'));
    await follow([path.join(folder, 'one')]);
    await write('next', policy('a', 'docker.io/a/*', 'Allow'));
    await rename(path.join(folder, 'next'), path.join(folder, 'one'));
    await eventually(() => actionOf('a') === 'Allow');
  });
});
