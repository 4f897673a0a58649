// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { loadTufRepositories, type TufRepository } from '../../../../core/tuf/repository.ts';
import { TufState } from '../../../../core/tuf/state.ts';
import { createTufFollower, type TufFollower } from '../../../../operator/configuration/tuf-follower.ts';
import { createSigstore } from '../../../fakes/sigstore/sigstore.ts';
import { FakeTufRepository } from '../../../fakes/sigstore/tuf-repository.ts';
import { eventually as soon } from '../eventually.ts';

const [FIRST = '', SECOND = ''] = Array.from({ length: 2 }, () => JSON.stringify(createSigstore().trustedRoot));

/** The first refresh loads what all others use, on a machine that may be busy. */
const eventually = (condition: () => unknown) => soon(condition, 15_000);

describe('trust roots that are followed', () => {
  let cache: string;
  let server: FakeTufRepository;
  let repository: TufRepository;
  let follower: TufFollower;
  let changes: string[];
  let refreshes: boolean[];
  let errors: string[];

  beforeEach(async () => {
    cache = await mkdtemp(path.join(tmpdir(), 'tuf-'));
    server = await new FakeTufRepository().start();
    server.publishRoot();
    server.publish(FIRST);
    repository = await repositoryOf(0.05);
    [changes, refreshes, errors] = [[], [], []];
    follower = start();
  });
  afterEach(async () => {
    await follower.stop();
    await server.stop();
    await rm(cache, { recursive: true });
  });

  async function repositoryOf(refreshSeconds: number, name = 'ours'): Promise<TufRepository> {
    const { url } = server;
    const tuf = { url, rootFile: '', targetName: 'trusted_root.json', refreshSeconds, insecure: true };
    const [made] = await loadTufRepositories([{ name, tuf }], async () => server.rootText());
    assert.ok(made);
    return made;
  }

  function start(): TufFollower {
    return createTufFollower({
      cache,
      proxy: () => undefined,
      onChange: (name) => changes.push(name),
      onRefresh: (_, succeeded) => refreshes.push(succeeded),
      log: {
        ...silentLogger,
        error: (message, fields) => errors.push(`${message} ${JSON.stringify(fields)}`),
      },
      clock: Date.now,
      random: Math.random,
      backoff: { first: 20, most: 40 },
    });
  }

  const isText = (text: string) => {
    let found: string | undefined;
    return () => {
      void follower.text(repository).then(
        (now) => (found = now),
        () => undefined,
      );
      return found === text;
    };
  };
  const failures = () => refreshes.filter((succeeded) => !succeeded).length;

  test('are read at start and again, and a change is told once', async () => {
    follower.follow([repository]);
    await eventually(isText(FIRST));
    await eventually(() => refreshes.length > 2);
    assert.deepEqual(changes, ['ours']);
    server.publish(SECOND);
    await eventually(isText(SECOND));
    assert.deepEqual(changes, ['ours', 'ours']);
    assert.deepEqual(errors, []);
  });

  test('that never answered are missing with the reason, and there once they answer', async () => {
    const { port } = server;
    await server.stop();
    follower.follow([repository]);
    await eventually(() => failures() > 2);
    await assert.rejects(follower.text(repository), /nothing was read yet .*127\.0\.0\.1.*ECONNREFUSED/);
    assert.equal(errors.length, 1, 'the reason is told once');
    assert.match(errors[0] ?? '', /can not be checked.*"trustRoot":"ours"/);
    await server.start(port);
    await eventually(isText(FIRST));
    assert.deepEqual(changes, ['ours']);
  });

  test('that fail keep the last good one, whatever fails, and tell each reason once', async () => {
    follower.follow([repository]);
    await eventually(isText(FIRST));
    const good = server.backup();
    server.publish(SECOND, { served: SECOND.replace('rekor', 'rokor') });
    await eventually(() => failures() > 2);
    server.publish(SECOND, { expires: { timestamp: new Date(0).toISOString() } });
    await eventually(() => errors.length === 2);
    server.restore(good);
    await eventually(() => errors.length === 3);
    assert.equal(await follower.text(repository), FIRST);
    assert.deepEqual(
      errors.map((line) => /last good one stays/.test(line) && /Expected hash|expired|less than/.exec(line)?.[0]),
      ['Expected hash', 'expired', 'less than'],
    );
    assert.deepEqual(changes, ['ours']);
  });

  test('are used as they were kept by the process before, without waiting for the repository', async () => {
    follower.follow([repository]);
    await eventually(isText(FIRST));
    await follower.stop();
    server.answers.set('/timestamp.json', () => undefined);
    server.answers.set('/2.root.json', () => undefined);
    follower = start();
    follower.follow([repository]);
    assert.equal(await follower.text(repository), FIRST);
    server.answers.clear();
  });

  test('are not used as they were kept where that is no trusted root', async () => {
    follower.follow([repository]);
    await eventually(isText(FIRST));
    await follower.stop();
    await server.stop();
    await writeFile(path.join(cache, repository.id, 'trusted_root'), '{}');
    follower = start();
    follower.follow([repository]);
    await assert.rejects(follower.text(repository), /nothing was read yet/);
    assert.match(errors[0] ?? '', /not usable/);
  });

  test('begin and end with the configuration', async () => {
    await assert.rejects(follower.text(repository), /not followed yet/);
    follower.follow([repository]);
    await eventually(isText(FIRST));
    const slow = await repositoryOf(3600);
    follower.follow([slow]);
    assert.equal(await follower.text(slow), FIRST);
    await assert.rejects(follower.text(repository), /not followed/);
    await eventually(() => refreshes.length > 1);
    follower.follow([]);
    server.requests.length = 0;
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.deepEqual(server.requests, []);
  });

  test('of two names in one repository don’t disturb each other', async () => {
    const other = await repositoryOf(0.05, 'other');
    follower.follow([repository, other]);
    await eventually(() => changes.length === 2);
    assert.equal(await follower.text(repository), FIRST);
    assert.equal(await follower.text(other), FIRST);
    await eventually(() => refreshes.length > 6);
    assert.deepEqual(errors, []);
  });

  test('end while the repository keeps silent', async () => {
    server.answers.set('/2.root.json', () => undefined);
    follower.follow([repository]);
    await eventually(() => server.requests.length === 1);
    await follower.stop();
    assert.deepEqual([refreshes, errors], [[], []]);
    assert.equal(await new TufState(cache, repository.id).kept(), undefined);
  });
});
