// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { createKubeApi } from '../../../../operator/kubernetes/api-client.ts';
import {
  createPolicySecrets,
  type PolicySecrets,
  type SecretName,
} from '../../../../operator/policies/policy-secrets.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { eventually } from '../eventually.ts';

const REFRESH = 40;
const secretsOf = (namespace: string) => `/api/v1/namespaces/${namespace}/secrets`;
const team: SecretName = { namespace: 'shop', name: 'team' };

describe('the Secrets of namespaced policies', () => {
  let server: FakeApiServer;
  let named: SecretName[];
  let changes: string[];
  let secrets: PolicySecrets;

  beforeEach(async () => {
    server = await new FakeApiServer().start();
    named = [];
    changes = [];
    secrets = createPolicySecrets({
      api: createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) }),
      named: () => named,
      onChange: ({ namespace, name }) => changes.push(`${namespace}/${name}`),
      log: silentLogger,
      refresh: REFRESH,
    });
  });
  afterEach(async () => {
    server.fault = () => undefined;
    await secrets.stop();
    await server.stop();
  });

  const put = ({ namespace, name }: SecretName, text: string) =>
    server.put(secretsOf(namespace), { metadata: { namespace, name }, data: { key: btoa(text) } });
  const lookup = (secret: SecretName = team) => secrets.lookup(secret, 'key');
  const numbered = (namespace: string, index: number) => lookup({ namespace, name: `s${index}` })?.unavailable ?? '';
  const requests = () => server.seen.length;

  test('are pending until they were read, and then tell their entries', async () => {
    put(team, 'a key');
    assert.equal(secrets.isPending(team), false);
    assert.match(lookup()?.unavailable ?? '', /not read yet/);
    assert.deepEqual([secrets.isPending(team), secrets.isSettled()], [true, false]);
    await eventually(() => changes.join() === 'shop/team');
    assert.deepEqual([secrets.isPending(team), secrets.isSettled()], [false, true]);
    assert.deepEqual(lookup(), { pem: 'a key' });
    assert.equal(secrets.lookup(team, 'other'), undefined);
    assert.equal(secrets.lookup(team, 'toString'), undefined);
    assert.equal(requests(), 1);
  });

  test('are read in the namespace that names them, and by names that Secrets can have', async () => {
    put({ namespace: 'cosignet', name: 'team' }, 'of the operator');
    for (const name of ['team', '../../cosignet/secrets/team', '..', 'a/b', '']) lookup({ namespace: 'shop', name });
    await eventually(() => changes.length === 5);
    assert.match(lookup()?.unavailable ?? '', /there is no Secret team/);
    assert.deepEqual(
      server.seen.map(({ path }) => path),
      ['/api/v1/namespaces/shop/secrets/team'],
    );
  });

  test('are read again while they are named, and forgotten after', async () => {
    put(team, 'first');
    named = [team];
    lookup();
    secrets.start();
    await eventually(() => lookup()?.pem === 'first');
    put(team, 'second');
    await eventually(() => lookup()?.pem === 'second');
    server.remove(secretsOf('shop'), 'team');
    await eventually(() => /there is no Secret/.test(lookup()?.unavailable ?? ''));
    named = [];
    await eventually(() => !secrets.isPending(team) && changes.length === 3);
    const before = requests();
    await new Promise((resolve) => setTimeout(resolve, 3 * REFRESH));
    assert.ok(requests() - before <= 1, `${requests() - before} requests for what nobody names`);
  });

  test('stay as they were read while the API server fails', async () => {
    put(team, 'a key');
    named = [team];
    lookup();
    await eventually(() => lookup()?.pem === 'a key');
    server.fault = () => ({ status: 500 });
    secrets.start();
    const before = requests();
    await eventually(() => requests() > before + 1);
    assert.equal(lookup()?.pem, 'a key');
    assert.deepEqual(changes, ['shop/team']);
  });

  test('that could never be read are no longer pending, and say why', async () => {
    server.fault = () => ({ status: 500 });
    lookup();
    await eventually(() => changes.length === 1);
    assert.match(lookup()?.unavailable ?? '', /the Secret team can't be read: .*500/);
    assert.equal(secrets.isPending(team), false);
  });

  test('that may not be read say what to grant, and a right that is taken away counts', async () => {
    put(team, 'a key');
    named = [team];
    lookup();
    await eventually(() => lookup()?.pem === 'a key');
    server.fault = () => ({ status: 403 });
    secrets.start();
    await eventually(() => /may not read the Secret team: grant/.test(lookup()?.unavailable ?? ''));
  });

  test('of a namespace are read one at a time, so that those of others are read meanwhile', async () => {
    server.fault = ({ path }) => (path.includes('/namespaces/hostile/') ? 'hang' : undefined);
    put(team, 'a key');
    for (let index = 0; index < 16; index += 1) numbered('hostile', index);
    lookup();
    await eventually(() => lookup()?.pem === 'a key');
    assert.equal(server.seen.filter(({ path }) => path.includes('/namespaces/hostile/')).length, 1);
  });

  test('are sixteen of a namespace at most, and others keep theirs', () => {
    for (let index = 0; index < 16; index += 1) assert.match(numbered('shop', index), /not read yet/);
    assert.match(numbered('shop', 16), /name more than 16 Secrets/);
    assert.match(numbered('shop', 3), /not read yet/);
    assert.match(numbered('other', 16), /not read yet/);
  });
});
