// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Agent, request } from 'undici';
import { NODE_FLAGS } from '../../../release/image.ts';
import { startProgram, waitFor, type Running } from '../../control-plane/process.ts';
import { LAYOUT, publicKeyPem } from '../../fakes/engine.ts';
import { putKeylessImage } from '../../fakes/sigstore/keyless-image.ts';
import { ISSUER, SUBJECT } from '../../fakes/sigstore/keyless.ts';
import { loadLayout, RegistryContent } from '../../fakes/registry/registry-content.ts';
import { startFakeRegistry, type FakeRegistry } from '../../fakes/registry/registry.ts';
import { createSigstore } from '../../fakes/sigstore/sigstore.ts';
import { FakeTufRepository, newKey } from '../../fakes/sigstore/tuf-repository.ts';
import { podReview } from '../../unit/webhook/reviews.ts';
import { ROOT } from '../workbench/tools.ts';

/**
 * The program as the chart runs it where a trust root is followed: confined by Node's permission model, with one folder
 * to write to. One story; each test begins where the one before ends.
 */
const OURS = createSigstore();
const THEIRS = createSigstore();
const PROGRAM = path.resolve(ROOT, process.env['COSIGNET_PROGRAM'] ?? 'cli/main.ts');

describe('a trust root in a TUF repository, from the first day to the day after', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'trust-roots-'));
  const file = (name: string) => path.join(folder, name);
  const loopback = new Agent({ connect: { rejectUnauthorized: false } });
  const repository = new FakeTufRepository();
  let port: number;
  let registry: FakeRegistry;
  let program: Running | undefined;
  let starts = 0;

  before(async () => {
    const content = new RegistryContent();
    await loadLayout(content, LAYOUT);
    putKeylessImage(content, 'demo/keyless:1.0', OURS);
    registry = await startFakeRegistry({ content, referrersApi: true });
    await repository.start();
    ({ port } = repository);
    repository.publishRoot();
    repository.publish(JSON.stringify(OURS.trustedRoot));
    writeFileSync(file('root.json'), repository.rootText());
    const tuf = { url: repository.url, rootFile: 'root.json', refreshSeconds: 10, insecure: true };
    const registries = [{ host: registry.host, insecure: true }];
    writeFileSync(
      file('config.yaml'),
      JSON.stringify({ trustRoots: [{ name: 'ours', tuf }], registries, cache: { rejected: 0 } }),
    );
    const identities = [{ name: 'ci', issuer: ISSUER, subject: SUBJECT, trustRoot: 'ours' }];
    const keys = [{ name: 'release', pem: publicKeyPem('release') }];
    mkdirSync(file('policies'));
    mkdirSync(file('cache'));
    writePolicy('keyless', { images: [`${registry.host}/demo/keyless`], identities });
    writePolicy('keys', { images: [`${registry.host}/demo/signed`], keys });
    await repository.stop();
  });
  after(async () => {
    await program?.stop();
    await loopback.destroy();
    await registry.close();
    await repository.stop().catch(() => undefined);
    rmSync(folder, { recursive: true });
  });

  function writePolicy(name: string, spec: object): void {
    const policy = { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name }, spec };
    writeFileSync(path.join(file('policies'), `${name}.json`), JSON.stringify(policy));
  }

  /** Until it serves. What ships runs as the image runs it; sources need more of Node than that allows. */
  async function start(): Promise<void> {
    const confined = PROGRAM.startsWith(path.join(ROOT, 'dist'));
    starts += 1;
    program = startProgram({
      command: [
        process.execPath,
        ...(confined ? [...NODE_FLAGS, `--allow-fs-write=${file('cache')}`] : []),
        PROGRAM,
        'serve',
        `--policies=${file('policies')}`,
        `--config=${file('config.yaml')}`,
        `--tuf-cache=${file('cache')}`,
        '--listen=127.0.0.1:0',
        '--metrics-listen=127.0.0.1:0',
      ],
      log: file(`${starts}.log`),
    });
    await waitFor('the program serves', async () => addresses());
  }

  /** What the present program has written. */
  const log = () => readFileSync(file(`${starts}.log`), 'utf8');

  function addresses(): { webhook: string; metrics: string } | undefined {
    const line = log()
      .split('\n')
      .find((text) => text.includes('"message":"serving"'));
    return line === undefined ? undefined : JSON.parse(line);
  }

  /** Empty: allowed. */
  async function refusal(name: string): Promise<string> {
    const body = JSON.stringify(podReview([`${registry.host}/demo/${name}`]));
    const headers = { 'content-type': 'application/json' };
    const url = `${addresses()?.webhook}/mutate?timeout=25s`;
    const answer = await request(url, { method: 'POST', headers, body, dispatcher: loopback });
    const { response }: { response: { allowed: boolean; status?: { message: string } } } = JSON.parse(
      await answer.body.text(),
    );
    return response.allowed ? '' : (response.status?.message ?? 'refused');
  }

  async function count(result: 'success' | 'failure'): Promise<number> {
    const text = await (await fetch(`${addresses()?.metrics}/metrics`)).text();
    const name = `cosignet_trust_root_refreshes_total{name="ours",result="${result}"} `;
    const line = text.split('\n').find((one) => one.startsWith(name));
    return Number(line?.slice(name.length) ?? 0);
  }

  test('refuses what needs it while nothing was read, and nothing else', async () => {
    await start();
    assert.match(await refusal('keyless:1.0'), /trust root "ours" can't be used: nothing was read yet/);
    assert.equal(await refusal('signed:1.0'), '');
    await waitFor('a failure is counted', async () => ((await count('failure')) > 0 ? true : undefined));
  });

  test('counts as soon as the repository answers, without a restart', async () => {
    await repository.start(port);
    await waitFor('a refresh', async () => ((await count('success')) > 0 ? true : undefined));
    assert.equal(await refusal('keyless:1.0'), '', log());
  });

  test('is there at once after a restart without the repository', async () => {
    await program?.stop();
    await repository.stop();
    await start();
    assert.equal(await refusal('keyless:1.0'), '', log());
    assert.equal(await count('success'), 0);
  });

  test('is replaced by a new one under new keys, and what the former one vouched for is refused', async () => {
    repository.publishRoot({ root: newKey(), timestamp: newKey(), targets: newKey() });
    repository.publish(JSON.stringify(THEIRS.trustedRoot));
    await repository.start(port);
    await waitFor('a refresh', async () => ((await count('success')) > 0 ? true : undefined));
    assert.match(await refusal('keyless:1.0'), /not by a signer that the policy trusts/);
    assert.equal(await refusal('signed:1.0'), '');
  });

  test('does not go back to the former one, also after a restart', async () => {
    const attacker = new FakeTufRepository();
    // Whoever stole the keys of timestamp, snapshot and targets, but has nothing newer than the first versions.
    attacker.keys = repository.keys;
    attacker.publish(JSON.stringify(OURS.trustedRoot));
    for (const [name, content] of attacker.files) repository.files.set(name, content);
    await program?.stop();
    await start();
    await waitFor('a failure', async () => ((await count('failure')) > 0 ? true : undefined));
    await waitFor(
      'its reason',
      async () => /timestamp version 1 is less than current version 2/.test(log()) || undefined,
    );
    assert.match(await refusal('keyless:1.0'), /not by a signer that the policy trusts/);
    assert.equal(await refusal('signed:1.0'), '');
  });
});
