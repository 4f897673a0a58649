// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { loadTufRepositories, type TufRepository } from '../../../../core/tuf/repository.ts';
import { refreshTrustRoot } from '../../../../core/tuf/refresh.ts';
import { TufState } from '../../../../core/tuf/state.ts';
import { createSigstore } from '../../../fakes/sigstore/sigstore.ts';
import { FakeTufRepository, newKey } from '../../../fakes/sigstore/tuf-repository.ts';

const [FIRST = '', SECOND = ''] = Array.from({ length: 2 }, () => JSON.stringify(createSigstore().trustedRoot));
const YESTERDAY = new Date(Date.now() - 86_400_000).toISOString();
/** Longer than any sound answer on loopback takes, even on a busy machine. */
const PATIENCE = { file: 15_000, all: 30_000 };

describe('a refresh from a TUF repository', () => {
  let cache: string;
  let server: FakeTufRepository;
  let repository: TufRepository;

  beforeEach(async () => {
    cache = await mkdtemp(path.join(tmpdir(), 'tuf-'));
    server = await new FakeTufRepository().start();
    server.publishRoot();
    server.publish(FIRST);
    repository = await repositoryOf(server);
  });
  afterEach(async () => {
    await server.stop();
    await rm(cache, { recursive: true });
  });

  async function repositoryOf({ url }: FakeTufRepository, root = server.rootText()): Promise<TufRepository> {
    const tuf = { url, rootFile: 'root.json', targetName: 'trusted_root.json', refreshSeconds: 60, insecure: true };
    const [made] = await loadTufRepositories([{ name: 'ours', tuf }], async () => root);
    assert.ok(made);
    return made;
  }

  const refresh = (patience = PATIENCE) =>
    refreshTrustRoot(repository, { cache, signal: new AbortController().signal, patience });
  const kept = async () => (await new TufState(cache, repository.id).kept())?.text;
  const file = (name: string) => path.join(cache, repository.id, name);

  /** Refused for this reason, and what was kept before is kept still. */
  async function refused(reason: RegExp, before: string | undefined): Promise<void> {
    await assert.rejects(refresh(), reason);
    assert.equal(await kept(), before);
  }

  test('gives the target, and keeps it with the metadata and nothing else', async () => {
    assert.equal(await refresh(), FIRST);
    assert.equal(await kept(), FIRST);
    const names = ['root.json', 'snapshot.json', 'targets.json', 'timestamp.json', 'trusted_root'];
    assert.deepEqual((await readdir(file(''))).toSorted(), names);
    assert.equal(await readFile(file('root.json'), 'utf8'), server.rootText());
  });

  test('asks for what changed and no more: without a change for the next root and the timestamp', async () => {
    await refresh();
    server.requests.length = 0;
    assert.equal(await refresh(), FIRST);
    assert.deepEqual(server.requests, ['/2.root.json', '/timestamp.json']);
  });

  test('gives a new version of the target', async () => {
    await refresh();
    server.publish(SECOND);
    assert.equal(await refresh(), SECOND);
    assert.equal(await kept(), SECOND);
  });

  test('follows the root from key to key, also several at once', async () => {
    await refresh();
    server.publishRoot({ root: newKey(), timestamp: newKey() });
    server.publishRoot({ root: newKey(), targets: newKey(), snapshot: newKey() });
    server.publish(SECOND);
    assert.equal(await refresh(), SECOND);
    assert.equal(await readFile(file('root.json'), 'utf8'), server.rootText(3));
  });

  test('tells a web page in place of a file', async () => {
    await refresh();
    server.answers.set('/timestamp.json', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    });
    await refused(/\/timestamp\.json answers with a web page \(text\/html\): a proxy or a sign-in page/, FIRST);
  });

  test('refuses a root that the former one did not sign', async () => {
    await refresh();
    server.keys = { root: newKey(), timestamp: newKey(), snapshot: newKey(), targets: newKey() };
    server.publishRoot();
    server.publish(SECOND);
    await refused(/root was signed by 0\/1 keys/, FIRST);
  });

  test('refuses a root that leaves one out', async () => {
    await refresh();
    server.publishRoot();
    server.publishRoot();
    server.files.set('/2.root.json', server.files.get('/3.root.json') ?? Buffer.alloc(0));
    await refused(/Expected version 2, got 3/, FIRST);
  });

  test('refuses metadata by a key that the newest root no longer names', async () => {
    await refresh();
    const former = server.keys;
    server.publishRoot({ timestamp: newKey() });
    server.keys = { ...server.keys, timestamp: former.timestamp };
    server.publish(SECOND);
    await refused(/timestamp was signed by 0\/1 keys/, FIRST);
  });

  test('begins with nobody but the root that it is given', async () => {
    const stranger = new FakeTufRepository();
    stranger.publishRoot();
    repository = await repositoryOf(server, stranger.rootText());
    await refused(/signed by 0\/1 keys/, undefined);
  });

  test('refuses a first root that is not signed by itself', async () => {
    const { signed } = JSON.parse(server.rootText());
    repository = await repositoryOf(server, JSON.stringify({ signed, signatures: [] }));
    await refused(/the root.json that trust begins with can't be used/, undefined);
  });

  for (const role of ['timestamp', 'snapshot', 'targets'] as const) {
    test(`refuses a ${role} that has expired, and keeps what it has`, async () => {
      server.publish(SECOND, { expires: { [role]: YESTERDAY } });
      await refused(/expired/, undefined);
      server.publish(FIRST);
      await refresh();
      server.publish(SECOND, { expires: { [role]: YESTERDAY } });
      await refused(/expired/, FIRST);
    });
  }

  test('refuses a last root that has expired', async () => {
    await refresh();
    server.publishRoot({}, YESTERDAY);
    await refused(/Final root\.json is expired/, FIRST);
  });

  test('refuses an older timestamp, also in a process that only has what was kept', async () => {
    const old = server.backup();
    await refresh();
    server.publish(SECOND);
    await refresh();
    server.restore(old);
    await refused(/timestamp version 1 is less than current version 2/, SECOND);
  });

  test('refuses an older snapshot under a newer timestamp', async () => {
    await refresh();
    server.publish(SECOND);
    await refresh();
    server.versions = { ...server.versions, snapshot: 0 };
    server.publish(FIRST);
    await refused(/snapshot version 1 is less than current version 2/, SECOND);
  });

  test('refuses older targets under a newer snapshot', async () => {
    await refresh();
    server.publish(SECOND);
    await refresh();
    server.versions = { ...server.versions, targets: 0 };
    server.publish(FIRST);
    await refused(/1 of targets\.json is less than current version 2/, SECOND);
  });

  test('refuses targets that are not those of the snapshot', async () => {
    await refresh();
    const before = server.backup();
    server.publish(SECOND);
    server.files.set('/2.targets.json', before.get('/1.targets.json') ?? Buffer.alloc(0));
    await refused(/Unable to load targets/, FIRST);
  });

  test('remembers newer metadata also where the target fails', async () => {
    const old = server.backup();
    await refresh();
    server.publish(SECOND, { served: SECOND.replace('rekor', 'rokor') });
    await refused(/Expected hash/, FIRST);
    server.restore(old);
    await refused(/timestamp version 1 is less than current version 2/, FIRST);
  });

  test('refuses a target with one other byte, and one that is cut short', async () => {
    server.publish(FIRST, { served: FIRST.replace('rekor', 'rokor') });
    await refused(/Expected hash/, undefined);
    server.publish(FIRST, { served: FIRST.slice(1) });
    await refused(/Expected length/, undefined);
  });

  test('refuses a target that is signed for and is no trusted root', async () => {
    await refresh();
    server.publish('{"mediaType": "application/json"}');
    await refused(/mediaType/, FIRST);
  });

  test('wants a SHA-2 hash of the target', async () => {
    server.publish(FIRST, { hashes: {} });
    await refused(/no SHA-2 hash/, undefined);
    server.publish(FIRST, { hashes: { sha1: createHash('sha1').update(FIRST).digest('hex') } });
    await refused(/no SHA-2 hash/, undefined);
  });

  test('does not look for the target in delegated roles', async () => {
    const key = newKey();
    const role = { name: 'other', keyids: [key.id], threshold: 1, terminating: false, paths: ['*'] };
    server.publish(FIRST, { targets: { targets: {}, delegations: { keys: { [key.id]: key.public }, roles: [role] } } });
    await refused(/has no target trusted_root\.json in its own targets\.json/, undefined);
    assert.ok(!server.requests.some((name) => name.includes('other')));
  });

  for (const name of ['/timestamp.json', '/2.root.json', 'target'] as const) {
    const place = () =>
      name === 'target' ? ([...server.files.keys()].find((one) => one.startsWith('/targets/')) ?? '') : name;

    test(`stops reading what does not end (${name})`, async () => {
      let sent = 0;
      server.answers.set(place(), (_, response) => {
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(16_384, ' '))) sent += 16_384;
        };
        response.on('drain', more);
        more();
      });
      await refused(/is longer than [0-9]+ bytes/, undefined);
      assert.ok(sent < 8 * 1024 * 1024, `${sent} bytes were read`);
    });

    test(`waits for no more than its time (${name})`, async () => {
      server.answers.set(place(), (_, response) => void response.write('{'));
      const started = performance.now();
      await assert.rejects(refresh({ ...PATIENCE, file: 500 }), /timeout/);
      assert.ok(performance.now() - started < 10_000);
      assert.equal(await kept(), undefined);
    });

    test(`follows no redirect (${name})`, async () => {
      const other = await new FakeTufRepository().start();
      server.answers.set(place(), (request, response) => {
        response.writeHead(302, { location: `${other.url}${request.url}` }).end();
      });
      await refused(/HTTP status 302/, undefined);
      assert.deepEqual(other.requests, []);
      await other.stop();
    });

    test(`an error of the server is no answer (${name})`, async () => {
      server.answers.set(place(), (_, response) => void response.writeHead(500).end());
      await refused(/HTTP status 500/, undefined);
    });
  }

  test('does not read a large target, though it is signed for', async () => {
    server.publish(`${FIRST}${' '.repeat(1024 * 1024)}`);
    await refused(/targets.*json is longer than 1048576 bytes/, undefined);
  });

  test('all files together have their time, too', async () => {
    for (const name of ['/2.root.json', '/timestamp.json']) {
      server.answers.set(name, (_, response) => {
        setTimeout(() => response.writeHead(404).end(), 700);
      });
    }
    await assert.rejects(refresh({ ...PATIENCE, all: 1_000 }), /timeout/);
  });

  test('keeps what it has while the server is down, and goes on when it is back', async () => {
    await refresh();
    const { port } = server;
    await server.stop();
    await refused(/ECONNREFUSED/, FIRST);
    server.publish(SECOND);
    await server.start(port);
    assert.equal(await refresh(), SECOND);
  });

  test('refuses metadata that would keep the process busy before any signature is looked at', async () => {
    const { signed, signatures } = JSON.parse(server.rootText());
    const keys = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`k${index}`, {}]));
    server.files.set('/2.root.json', Buffer.from(JSON.stringify({ signed: { ...signed, keys }, signatures })));
    await refused(/more than 1000 members/, undefined);
  });

  test('refuses metadata that two readers could read differently', async () => {
    const text = server.files.get('/timestamp.json')?.toString() ?? '';
    server.files.set('/timestamp.json', Buffer.from(text.replace('"signed":', '"signed":{},"signed":')));
    await refused(/timestamp\.json .*twice/, undefined);
  });

  test('another first root, address or target begins anew', async () => {
    await refresh();
    const ids = new Set([repository.id]);
    server.publishRoot();
    ids.add((await repositoryOf(server, server.rootText(2))).id);
    const tuf = { url: repository.url, rootFile: '', targetName: 'other.json', refreshSeconds: 60, insecure: true };
    for (const changed of [tuf, { ...tuf, url: `${repository.url}/`, targetName: 'trusted_root.json' }]) {
      const [other] = await loadTufRepositories([{ name: 'ours', tuf: changed }], async () => repository.root);
      ids.add(other?.id ?? '');
    }
    assert.equal(ids.size, 4);
  });

  test('a kept root.json that is broken is dropped, and the next refresh begins with the first one', async () => {
    await refresh();
    await writeFile(file('root.json'), '{');
    await refused(/can't be used/, undefined);
    assert.equal(await refresh(), FIRST);
  });
});
