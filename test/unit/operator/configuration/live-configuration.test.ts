// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ConfigurationError } from '../../../../core/config/faults.ts';
import { silentLogger } from '../../../../core/observe.ts';
import { followConfiguration, type LiveConfiguration } from '../../../../operator/configuration/live-configuration.ts';
import { issueCertificateAuthority } from '../../../../operator/certificates/issue.ts';
import { eventually } from '../eventually.ts';
import { replaceFile } from '../replace-file.ts';

describe('followConfiguration', () => {
  let folder: string;
  let file: string;
  let reloads: boolean[];
  let live: LiveConfiguration | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'configuration-'));
    file = path.join(folder, 'config.yaml');
    reloads = [];
  });
  afterEach(async () => {
    await live?.stop();
    live = undefined;
    await rm(folder, { recursive: true });
  });

  async function follow(poll?: number): Promise<LiveConfiguration> {
    live = await followConfiguration({
      path: file,
      log: silentLogger,
      onReload: (succeeded) => reloads.push(succeeded),
      ...(poll !== undefined && { poll }),
    });
    return live;
  }

  test('follows the file, and keeps the last good one', async () => {
    await replaceFile(file, 'unmatchedImages: Warn\n');
    const { configuration } = await follow();
    assert.equal(configuration().unmatchedImages, 'Warn');
    await replaceFile(file, 'unmatchedImages: Allow\n');
    await eventually(() => configuration().unmatchedImages === 'Allow');
    await replaceFile(file, 'unmatchedImages: Perhaps\n');
    await eventually(() => reloads.includes(false));
    assert.equal(configuration().unmatchedImages, 'Allow');
    await replaceFile(file, 'unmatchedImages: Deny\n');
    await eventually(() => configuration().unmatchedImages === 'Deny');
    assert.deepEqual(reloads, [true, false, true]);
  });

  test('does not start with a file that is not usable, or that is not there', async () => {
    await assert.rejects(follow(), ConfigurationError);
    await replaceFile(file, 'unmatchedImages: Perhaps\n');
    await assert.rejects(follow(), ConfigurationError);
    await replaceFile(file, 'trustRoots: [{name: own, file: missing.json}]\n');
    await assert.rejects(follow(), ConfigurationError);
    await replaceFile(file, 'registries: [{host: r.example.com, caFile: missing.crt}]\n');
    await assert.rejects(follow(), ConfigurationError);
  });

  test('reads the first root of TUF repositories, and names what is wrong with it', async () => {
    const root = path.join(folder, 'root.json');
    await replaceFile(file, 'trustRoots: [{name: ours, tuf: {url: "https://tuf.example.com", rootFile: root.json}}]\n');
    await assert.rejects(follow(50), /trustRoots\[0\]\.tuf\.rootFile: .*ENOENT/);
    await replaceFile(root, '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}');
    await assert.rejects(follow(50), /tuf\.rootFile: .*is not the root\.json of a TUF repository/);
    await replaceFile(root, '{"signed": {"_type": "root"}}');
    const { tufRepositories, trustRoots } = await follow(50);
    const [first] = tufRepositories();
    assert.equal(first?.root, '{"signed": {"_type": "root"}}');
    assert.deepEqual(trustRoots.names(), ['public-good', 'ours']);
    await assert.rejects(trustRoots.load('ours'), /nothing follows/);
    await replaceFile(root, '{"signed": {"_type": "root", "version": 2}}');
    await eventually(() => reloads.length === 1);
    assert.notEqual(tufRepositories()[0]?.id, first.id);
  });

  test('follows the file of credential providers, and names what is wrong in it', async () => {
    const image = { registry: 'registry.example.com', path: 'app' };
    const program = path.join(folder, 'provider');
    const auth = { 'registry.example.com': { username: 'alice', password: 'wonderland' } };
    const apiVersion = 'credentialprovider.kubelet.k8s.io/v1';
    const answer = { apiVersion, kind: 'CredentialProviderResponse', cacheKeyType: 'Global', auth };
    await replaceFile(program, `#!/bin/sh\nprintf '%s' '${JSON.stringify(answer)}'\n`, { mode: 0o755 });
    const providers = (host: string) =>
      replaceFile(
        path.join(folder, 'providers.yaml'),
        JSON.stringify({
          apiVersion: 'kubelet.config.k8s.io/v1',
          kind: 'CredentialProviderConfig',
          providers: [{ name: 'provider', matchImages: [host], defaultCacheDuration: '1h', apiVersion }],
        }),
      );
    await replaceFile(file, 'credentialProviders: {configFile: providers.yaml, binDir: .}\n');
    await assert.rejects(follow(50), /credentialProviders\.configFile/);
    await providers('other.example.com');
    const { credentials } = await follow(50);
    assert.deepEqual(await credentials.resolve(image), []);
    await providers('*.example.com');
    await eventually(() => reloads.length === 1);
    assert.deepEqual(await credentials.resolve(image), [{ username: 'alice', password: 'wonderland' }]);
  });

  test('follows the files that the file names', async () => {
    const dates = { notBefore: Date.now() - 1000, notAfter: Date.now() + 3_600_000 };
    const [first, second] = await Promise.all([
      issueCertificateAuthority({ commonName: 'first', ...dates }),
      issueCertificateAuthority({ commonName: 'second', ...dates }),
    ]);
    await replaceFile(path.join(folder, 'ca.crt'), first.certificate);
    await replaceFile(file, 'registries: [{host: r.example.com, caFile: ca.crt}]\n');
    const { settings } = await follow(50);
    assert.equal(settings('r.example.com')?.ca, first.certificate);
    await replaceFile(path.join(folder, 'ca.crt'), second.certificate);
    await eventually(() => settings('r.example.com')?.ca === second.certificate);
  });
});
