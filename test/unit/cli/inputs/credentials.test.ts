// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { dockerKeychain } from '../../../../cli/inputs/credentials.ts';
import { UsageError } from '../../../../cli/output/exit.ts';

const repository = { registry: 'registry.example.com', path: 'team/app' };
const configFor = (user: string) => {
  const auth = Buffer.from(`${user}:secret`).toString('base64');
  return JSON.stringify({ auths: { 'registry.example.com': { auth } } });
};

async function users(environment: Record<string, string>): Promise<readonly string[]> {
  const keychain = await dockerKeychain(environment);
  return (await keychain.resolve(repository)).map(({ username }) => username);
}

describe('docker credentials', () => {
  test('come from DOCKER_CONFIG, else from the home folder', async (t) => {
    const home = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    t.after(() => rm(home, { recursive: true }));
    const other = path.join(home, 'other');
    for (const [folder, user] of [
      [path.join(home, '.docker'), 'home'],
      [other, 'other'],
    ] as const) {
      await mkdir(folder);
      await writeFile(path.join(folder, 'config.json'), configFor(user));
    }
    assert.deepEqual(await users({ HOME: home }), ['home']);
    assert.deepEqual(await users({ HOME: home, DOCKER_CONFIG: other }), ['other']);
    assert.deepEqual(await users({ HOME: '/nonexistent' }), []);
    assert.deepEqual(await users({}), []);
  });

  test("come from podman's files too, and from the one that is named before all", async (t) => {
    const home = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    t.after(() => rm(home, { recursive: true }));
    const place = async (file: string, user: string) => {
      await mkdir(path.dirname(path.join(home, file)), { recursive: true });
      await writeFile(path.join(home, file), configFor(user));
    };
    await place('run/containers/auth.json', 'runtime');
    await place('.config/containers/auth.json', 'kept');
    await place('.docker/config.json', 'docker');
    await place('named.json', 'named');
    assert.deepEqual(await users({ XDG_RUNTIME_DIR: path.join(home, 'run') }), ['runtime']);
    const all = {
      HOME: home,
      XDG_RUNTIME_DIR: path.join(home, 'run'),
      REGISTRY_AUTH_FILE: path.join(home, 'named.json'),
    };
    assert.deepEqual(await users(all), ['named', 'docker', 'runtime', 'kept']);
  });

  test('tell a person how to get some', async () => {
    const keychain = await dockerKeychain({});
    assert.equal(keychain.remedy?.('registry.example.com'), 'Log in: docker login registry.example.com');
    assert.equal(keychain.remedy?.('docker.io'), 'Log in: docker login');
  });

  test('a file that is broken is said to be, without its content', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    t.after(() => rm(folder, { recursive: true }));
    await writeFile(path.join(folder, 'config.json'), '{"auths": secret');
    await assert.rejects(dockerKeychain({ DOCKER_CONFIG: folder }), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.ok(error.message.includes(path.join(folder, 'config.json')));
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });
});
