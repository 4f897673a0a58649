// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { EngineError } from '../../../../../core/errors.ts';
import type { FailureCode } from '../../../../../core/verdict-codes.ts';
import { createTestClient, insecure, scopeOf } from '../../../../fakes/registry/registry-client.ts';
import { HOSTILITIES, startHostileRegistry } from '../../../../fakes/registry/hostile-registry.ts';
import type { Hostility } from '../../../../fakes/registry/hostile-registry.ts';

const DIGEST = `sha256:${'a'.repeat(64)}` as const;
const closing: (() => Promise<void>)[] = [];
after(() => Promise.all(closing.map((close) => close())));

/** Milliseconds: short where the end of patience is what is waited for, and else out of the way. */
const PATIENCE = { short: 300, long: 20_000 };

async function meet(hostility: Hostility, requestMilliseconds = PATIENCE.long) {
  const registry = await startHostileRegistry(hostility);
  const { client } = createTestClient({
    settings: [insecure(registry.host)],
    limits: { requestMilliseconds, indexBytes: 100_000 },
  });
  closing.push(
    () => registry.close(),
    () => client.close(),
  );
  return { registry, client, repository: { registry: registry.host, path: 'team/app' } };
}

/** Code and the exact number of HTTP requests of a GET by digest. */
const FATAL: readonly (readonly [Hostility, FailureCode, number])[] = [
  ['endlessBody', 'ResponseTooLarge', 1],
  ['announcedHugeBody', 'ResponseTooLarge', 1],
  ['gzipBomb', 'RegistryUnavailable', 1],
  ['hugeHeaders', 'ResponseTooLarge', 1],
  ['tinyPieces', 'ResponseTooLarge', 1],
  ['endlessHints', 'ResponseTooLarge', 1],
  ['slowHeaders', 'DeadlineExceeded', 1],
  ['slowBody', 'DeadlineExceeded', 1],
  ['silence', 'DeadlineExceeded', 1],
  ['truncatedBody', 'RegistryUnavailable', 2],
  ['connectionReset', 'RegistryUnavailable', 2],
  ['notHttp', 'RegistryUnavailable', 1],
  ['wrongContentType', 'RegistryUnavailable', 1],
  ['webPage', 'RegistryUnavailable', 1],
  ['lyingDigest', 'RegistryUnavailable', 1],
  ['redirectLoop', 'RegistryUnavailable', 4],
  ['redirectToMetadata', 'RegistryUnavailable', 1],
  ['redirectToDecimalMetadata', 'RegistryUnavailable', 1],
  ['redirectToFile', 'RegistryUnavailable', 1],
  ['redirectNowhere', 'RegistryUnavailable', 1],
  ['realmOnMetadata', 'RegistryUnavailable', 1],
  ['realmOnMappedMetadata', 'RegistryUnavailable', 1],
  ['realmWithUserinfo', 'RegistryUnavailable', 1],
  ['rateLimited', 'RegistryRateLimited', 1],
  ['unavailable', 'RegistryUnavailable', 2],
  ['broken', 'RegistryUnavailable', 1],
];

describe('a hostile registry', () => {
  for (const [hostility, code, requests] of FATAL) {
    test(`with ${hostility} gives ${code} after ${requests} request(s), in time`, async () => {
      const patience = code === 'DeadlineExceeded' ? PATIENCE.short : PATIENCE.long;
      const { registry, client, repository } = await meet(hostility, patience);
      const scope = scopeOf();
      const started = Date.now();
      await assert.rejects(client.getManifest(repository, DIGEST, 100_000, scope), (error: unknown) => {
        assert.ok(error instanceof EngineError, String(error));
        assert.equal(error.code, code, error.message);
        return true;
      });
      assert.equal(scope.requests, requests);
      assert.equal(registry.requests.length, requests);
      assert.ok(Date.now() - started < PATIENCE.long);
    });
  }

  test('is met by a test for each of its ways', () => {
    const pages = ['paginationLoop', 'endlessPages', 'pageElsewhere', 'missingPage', 'pageThatIsNone'];
    const elsewhere = ['endlessErrorBody', ...pages];
    const met = [...FATAL.map(([hostility]) => hostility), ...elsewhere];
    assert.deepEqual(met.toSorted(), Object.keys(HOSTILITIES).toSorted());
  });

  test('with an endless error body is left after its first kilobytes', async () => {
    const { client, repository } = await meet('endlessErrorBody');
    assert.equal(await client.getManifest(repository, DIGEST, 100_000, scopeOf()), undefined);
  });

  test('with endlessPages gets a truncated list of referrers after 8 requests', async () => {
    const { registry, client, repository } = await meet('endlessPages');
    const found = await client.listReferrers(repository, DIGEST, scopeOf());
    assert.deepEqual(found, { descriptors: [], truncated: true });
    assert.equal(registry.requests.length, 8);
  });

  for (const [hostility, requests] of [
    ['paginationLoop', 2],
    ['pageElsewhere', 1],
    ['missingPage', 2],
    ['pageThatIsNone', 2],
  ] as const) {
    test(`with ${hostility} gets a list of referrers that breaks off after ${requests} request(s)`, async () => {
      const { registry, client, repository } = await meet(hostility);
      const { descriptors, truncated, failure } = await client.listReferrers(repository, DIGEST, scopeOf());
      assert.deepEqual([descriptors, truncated, failure?.code], [[], false, 'RegistryUnavailable']);
      assert.match(failure?.message ?? '', /names a next page of its list of referrers that is none$/);
      assert.equal(registry.requests.length, requests);
    });
  }

  test('that is a web page is told apart, and where it stands, whatever it is asked for', async () => {
    const { registry, client, repository } = await meet('webPage');
    const page = (error: unknown) => {
      assert.ok(error instanceof EngineError);
      const message = `${registry.host} answered with a web page (text/html): a proxy or a sign-in page answers in its place`;
      assert.deepEqual([error.code, error.message], ['RegistryUnavailable', message]);
      assert.match(error.remedy ?? '', new RegExp(`^Find out what answers at ${registry.host}, and have it let`));
      return true;
    };
    const blob = { mediaType: 'text/plain', digest: DIGEST, size: 1000 };
    await assert.rejects(client.resolveTag(repository, '1.0', scopeOf()), page);
    await assert.rejects(client.getManifest(repository, 'sha256-x.sig', 100_000, scopeOf()), page);
    await assert.rejects(client.getManifest(repository, DIGEST, 100_000, scopeOf()), page);
    await assert.rejects(client.getBlob(repository, blob, scopeOf()), page);
    await assert.rejects(client.listReferrers(repository, DIGEST, scopeOf()), page);
  });

  test('says when to come back, in the message', async () => {
    const { client, repository } = await meet('rateLimited');
    await assert.rejects(client.resolveTag(repository, '1.0', scopeOf()), /retry after 17 s/);
  });

  test('with endless bodies does not fill the memory', async () => {
    const { client, repository } = await meet('endlessBody');
    const before = process.memoryUsage.rss();
    for (let round = 0; round < 50; round += 1) {
      await client.getManifest(repository, DIGEST, 1024 * 1024, scopeOf()).catch(() => undefined);
    }
    assert.ok(process.memoryUsage.rss() - before < 150 * 1024 * 1024);
  });
});

describe('a registry out of reach', () => {
  test('that refuses connections is unavailable after one request', async () => {
    const { registry, client, repository } = await meet('silence');
    await registry.close();
    const scope = scopeOf();
    await assert.rejects(client.resolveTag(repository, '1.0', scope), /RegistryUnavailable|connection refused/);
    assert.equal(scope.requests, 1);
  });

  test('whose name is unknown is unavailable', async () => {
    const { client } = createTestClient({
      settings: [],
      lookup: (hostname, _options, callback) =>
        callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), ''),
    });
    closing.push(() => client.close());
    const repository = { registry: 'registry.example.com', path: 'app' };
    await assert.rejects(client.resolveTag(repository, '1.0', scopeOf()), /registry.example.com: host name not found/);
  });

  test('is not connected to when its name leads to loopback, link-local or metadata', async () => {
    const { registry } = await meet('silence');
    const port = registry.host.split(':')[1] ?? '';
    for (const address of ['127.0.0.1', '169.254.169.254', '::ffff:127.0.0.1', 'fe80::1', '::1']) {
      const { client } = createTestClient({
        settings: [],
        lookup: (_hostname, _options, callback) => callback(null, [{ address, family: address.includes(':') ? 6 : 4 }]),
      });
      closing.push(() => client.close());
      const repository = { registry: `registry.example.com:${port}`, path: 'app' };
      await assert.rejects(
        client.resolveTag(repository, '1.0', scopeOf()),
        /refused unless registries\[\] of the configuration names it/,
        address,
      );
    }
    assert.deepEqual(registry.requests, []);
  });
});
