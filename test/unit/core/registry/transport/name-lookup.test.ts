// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { LookupAddress } from 'node:dns';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { LookupFunction } from 'node:net';
import { createNameLookup } from '../../../../../core/registry/transport/name-lookup.ts';
import { startDnsServer, type DnsServer } from '../../../../fakes/dns-server.ts';

const asked: string[] = [];
const system: LookupFunction = (hostname, _options, callback) => {
  asked.push(hostname);
  callback(null, [{ address: '192.0.2.1', family: 4 }]);
};

function find(lookup: LookupFunction, name: string): Promise<string | LookupAddress[]> {
  return new Promise((resolve, reject) =>
    lookup(name, { all: true }, (error, found) => (error ? reject(error) : resolve(found))),
  );
}

describe('createNameLookup', () => {
  let folder = '';
  let server: DnsServer;
  let lookup: LookupFunction;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'names-'));
    const hostsFile = path.join(folder, 'hosts');
    await writeFile(
      hostsFile,
      '# of this Pod\n10.1.2.3 Alias.example.com other.example.com # office\n::1 alias6.example\n',
    );
    server = await startDnsServer({
      'registry.example.com': ['203.0.113.7', '203.0.113.8'],
      'a.silent.example': 'silent',
      'alias.example.com': ['203.0.113.9'],
    });
    lookup = createNameLookup({ servers: [server.address], hostsFile, system });
  });
  after(async () => {
    server.stop();
    await rm(folder, { recursive: true });
  });

  test('asks name servers for absolute names, in both families', async () => {
    assert.deepEqual(await find(lookup, 'registry.example.com.'), [
      { address: '203.0.113.7', family: 4 },
      { address: '203.0.113.8', family: 4 },
    ]);
    assert.equal(server.asked.filter((name) => name === 'registry.example.com').length, 2);
  });

  test('gives one address where one is asked for', async () => {
    const found = await new Promise((resolve) =>
      lookup('registry.example.com.', {}, (_, address, family) => resolve([address, family])),
    );
    assert.deepEqual(found, ['203.0.113.7', 4]);
  });

  test('knows the names of the hosts file, and believes it over name servers', async () => {
    assert.deepEqual(await find(lookup, 'alias.example.com.'), [{ address: '10.1.2.3', family: 4 }]);
    assert.deepEqual(await find(lookup, 'ALIAS6.example.'), [{ address: '::1', family: 6 }]);
  });

  test('leaves names without a final dot to the system, with its search list', async () => {
    assert.deepEqual(await find(lookup, 'registry'), [{ address: '192.0.2.1', family: 4 }]);
    assert.deepEqual(asked, ['registry']);
  });

  test('says what is not there, and what nobody could tell', async () => {
    await assert.rejects(find(lookup, 'none.example.com.'), { code: 'ENOTFOUND' });
    await assert.rejects(find(lookup, 'a.silent.example.'), { code: 'EAI_AGAIN' });
  });

  test('names of a zone that does not answer hold up neither others nor files', async () => {
    const silent = Array.from({ length: 32 }, () => find(lookup, 'a.silent.example.').catch(() => undefined));
    let isOver = false;
    const all = Promise.all(silent).then(() => (isOver = true));
    await find(lookup, 'registry.example.com.');
    await find(createNameLookup(), 'localhost');
    await writeFile(path.join(folder, 'file'), 'content');
    // A silent server is waited for two seconds.
    assert.equal(isOver, false);
    await all;
  });
});
