// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import type { RegistrySettings } from '../../../core/registry/transport/endpoints.ts';
import type { Credential } from '../../../core/registry/types.ts';
import { NODE_PATH, PROGRAM_PATH } from '../../../release/image/rootfs.ts';
import { NODE_FLAGS } from '../../../release/image.ts';
import { createTestClient, insecure, scopeOf } from '../../fakes/registry/registry-client.ts';
import { makeAuthority } from '../../fakes/tls.ts';
import { startTokenServer, type TokenServer } from '../../fakes/registry/token-server.ts';
import { freePort } from '../../control-plane/ports.ts';
import { publish, startDistribution, type Distribution } from '../workbench/distribution.ts';
import { admitted, install, openInstallation, tryPod, type Installation } from '../workbench/installation.ts';
import { output, requireTools } from '../workbench/tools.ts';

requireTools('registry', 'crane', 'cosign');

const PASSWORDS = { alice: 'alices-secret-word', bob: 'bobs-secret-word', carol: 'carols-secret-word' };
const REFRESH_TOKEN = 'carols-refresh-token';
const NAME = 'team/app';
const TAG = '1.0';

let here: Installation;
let caFile: string;
let tokens: TokenServer;
/** Three doors to the same images. */
let first: Distribution;
let second: Distribution;
let third: Distribution;
/** The same images without TLS and without asking for credentials. */
let plain: Distribution;
let digest: string;
const authority = makeAuthority();

before(async () => {
  here = await openInstallation();
  const { dir } = here.bench;
  caFile = path.join(dir, 'private-ca.pem');
  writeFileSync(caFile, authority.pem);
  const tls = authority.certify('127.0.0.1');
  const repositories = [NAME];
  tokens = await startTokenServer({
    tls,
    users: {
      alice: { password: PASSWORDS.alice, repositories },
      bob: { password: PASSWORDS.bob, repositories: ['other/app'] },
      carol: { password: PASSWORDS.carol, repositories, refreshToken: REFRESH_TOKEN },
    },
  });
  const storage = path.join(dir, 'images');
  const start = (name: string) => startDistribution({ dir: path.join(dir, name), storage, tokens, tls });
  first = await start('first');
  second = await start('second');
  third = await start('third');
  plain = await startDistribution({ dir: path.join(dir, 'plain'), storage });
  digest = await publish(`${plain.host}/${NAME}:${TAG}`, path.join(dir, 'publisher'), here.release);
});
after(async () => {
  await Promise.all([first, second, third, plain].map((server) => server.stop()));
  await tokens.close();
  await here.close();
});

const trusted = (host: string, mirrors: readonly string[] = []): RegistrySettings => ({
  host,
  mirrors,
  insecure: false,
  ca: authority.pem,
});
const alice = { username: 'alice', password: PASSWORDS.alice };

const at = (registry: string) => ({ registry, path: NAME });
const image = ({ host }: Distribution) => `${host}/${NAME}:${TAG}`;

function reader(settings: readonly RegistrySettings[], credentials: readonly Credential[] = [alice]) {
  const { client } = createTestClient({ settings: [trusted(tokens.host), ...settings] });
  const scope = scopeOf(credentials);
  return {
    client,
    scope,
    async resolve(host: string) {
      try {
        return await client.resolveTag(at(host), TAG, scope);
      } finally {
        await client.close();
      }
    },
  };
}

/** Requests to the token server while something runs. */
async function tokenRequests(run: () => Promise<unknown>): Promise<readonly string[]> {
  const start = tokens.requests.length;
  await run();
  return tokens.requests.slice(start);
}

describe('a registry with tokens behind its own certificate authority', () => {
  test('costs one refusal and one token, then one request a question', async (t) => {
    const { client, scope } = reader([trusted(first.host)]);
    t.after(() => client.close());
    await first.forget();
    const asked = await tokenRequests(async () => {
      assert.equal(await client.resolveTag(at(first.host), TAG, scope), digest);
      const manifest = await client.getManifest(at(first.host), digest, 100_000, scope);
      assert.equal(manifest?.digest, digest);
    });
    assert.deepEqual(asked, [`GET alice repository:${NAME}:pull`]);
    assert.deepEqual(await first.requests(), [
      `HEAD /v2/${NAME}/manifests/${TAG} 401`,
      `HEAD /v2/${NAME}/manifests/${TAG} 200`,
      `GET /v2/${NAME}/manifests/${digest} 200`,
    ]);
    assert.equal(scope.requests, 4);
  });

  test('takes a refresh token', async () => {
    const carol = { username: '<token>', password: '', identityToken: REFRESH_TOKEN };
    const asked = await tokenRequests(async () => {
      assert.equal(await reader([trusted(first.host)], [carol]).resolve(first.host), digest);
    });
    assert.deepEqual(asked, [`POST carol repository:${NAME}:pull`]);
  });

  test('tries the next credential where the token server refuses one, or grants it nothing', async () => {
    const candidates = [{ username: 'alice', password: 'wrong' }, { username: 'bob', password: PASSWORDS.bob }, alice];
    const asked = await tokenRequests(async () => {
      assert.equal(await reader([trusted(first.host)], candidates).resolve(first.host), digest);
    });
    assert.deepEqual(
      asked.map((line) => line.split(' ')[1]),
      // Bob is asked for twice: he might have been granted more since his first token.
      ['-', 'bob', 'bob', 'alice'],
    );
  });

  for (const [who, credentials] of [
    ['nobody', []],
    ['a wrong password', [{ username: 'alice', password: 'wrong' }]],
    ['a user without rights', [{ username: 'bob', password: PASSWORDS.bob }]],
    ['a wrong refresh token', [{ username: '<token>', password: '', identityToken: 'wrong' }]],
  ] as const) {
    test(`shows nothing to ${who}`, async () => {
      const asked = reader([trusted(first.host)], credentials).resolve(first.host);
      await assert.rejects(asked, { code: 'RegistryUnauthorized' });
    });
  }

  test('is not believed without its certificate authority, and is sent nothing', async () => {
    await first.forget();
    const asked = await tokenRequests(() =>
      assert.rejects(reader([{ ...trusted(first.host), ca: makeAuthority().pem }]).resolve(first.host), {
        code: 'RegistryUnavailable',
      }),
    );
    assert.deepEqual([...asked, ...(await first.requests())], []);
  });
});

describe('mirrors', () => {
  test('are asked first, and then nobody else', async () => {
    await first.forget();
    await plain.forget();
    const found = await reader([trusted(first.host, [plain.host]), insecure(plain.host)]).resolve(first.host);
    assert.equal(found, digest);
    assert.deepEqual(await plain.requests(), [`HEAD /v2/${NAME}/manifests/${TAG} 200`]);
    assert.deepEqual(await first.requests(), []);
  });

  test('that are down cost one attempt, and the registry answers', async (t) => {
    const down = `127.0.0.1:${await freePort()}`;
    const { client, scope } = reader([trusted(first.host, [down]), insecure(down)]);
    t.after(() => client.close());
    assert.equal(await client.resolveTag(at(first.host), TAG, scope), digest);
    const cold = scope.requests;
    assert.equal(await client.resolveTag(at(first.host), TAG, scope), digest);
    // The mirror, a refusal, a token and the answer; then only the answer.
    assert.deepEqual([cold, scope.requests - cold], [4, 1]);
  });

  test('that refuse us do not keep the registry from answering', async (t) => {
    const ours = (host: string) => (host === first.host ? [alice] : []);
    const { client } = createTestClient({
      settings: [trusted(first.host, [second.host]), trusted(second.host), trusted(tokens.host)],
    });
    t.after(() => client.close());
    const scope = scopeOf({ resolve: async ({ registry }) => ours(registry) });
    assert.equal(await client.resolveTag(at(first.host), TAG, scope), digest);
  });
});

describe('a registry that speaks plain HTTP', () => {
  test('is asked only where the configuration says so', async () => {
    await plain.forget();
    const asked = reader([{ host: plain.host, mirrors: [], insecure: false }]).resolve(plain.host);
    await assert.rejects(asked, { code: 'RegistryUnavailable' });
    assert.deepEqual(await plain.requests(), []);
    assert.equal(await reader([insecure(plain.host)]).resolve(plain.host), digest);
  });
});

describe('credentials of the operator', () => {
  let programs: string;

  before(async () => {
    programs = path.join(here.bench.dir, 'programs');
    mkdirSync(programs);
    const response = {
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      kind: 'CredentialProviderResponse',
      cacheKeyType: 'Registry',
      auth: { [second.host]: { username: 'alice', password: PASSWORDS.alice } },
    };
    program(
      'provider',
      `cat >> provider.requests\nenv > provider.environment\nprintf '%s' '${JSON.stringify(response)}'`,
    );
    const secret = { ServerURL: third.host, Username: '<token>', Secret: REFRESH_TOKEN };
    program('docker-credential-cloud', `cat >> helper.requests\nprintf '%s' '${JSON.stringify(secret)}'`);
    writeFileSync(
      path.join(programs, 'providers.yaml'),
      stringify({
        apiVersion: 'kubelet.config.k8s.io/v1',
        kind: 'CredentialProviderConfig',
        providers: [
          {
            name: 'provider',
            apiVersion: response.apiVersion,
            matchImages: [`127.*.0.1:${second.host.split(':')[1]}/team`],
            defaultCacheDuration: '1h',
            env: [{ name: 'REGION', value: 'here' }],
          },
        ],
      }),
    );
    const config = {
      // The first is overwritten with the registry of all tests.
      registries: [
        { host: 'unused.example.com' },
        ...[first, second, third, tokens].map(({ host }) => ({ host, caFile })),
      ],
      credentialProviders: { configFile: path.join(programs, 'providers.yaml'), binDir: programs },
      credentialHelpers: { binDir: programs, hosts: { [third.host]: 'cloud' } },
    };
    const values = path.join(here.bench.dir, 'values.yaml');
    writeFileSync(
      values,
      stringify({ logLevel: 'debug', replicas: 1, config, extraEnv: [{ name: 'OTHERS_SECRET', value: 'x' }] }),
    );
    await install(here, `--values=${values}`, '--set=config.registries[1].credentialsSecret=central');
  });

  function program(name: string, script: string): void {
    writeFileSync(path.join(programs, name), `#!/bin/sh\ncd ${programs}\n${script}\n`, { mode: 0o755 });
  }

  test('of a Secret beside it are used for its registry, once the Secret is there', async () => {
    assert.match(await here.refused(...tryPod(image(first))), /no credentials were found for it/);
    const login = ['--docker-username=alice', `--docker-password=${PASSWORDS.alice}`, `--docker-server=${first.host}`];
    await here.kubectl('--namespace=cosignet', 'create', 'secret', 'docker-registry', 'central', ...login);
    await admitted(here, image(first));
  });

  test("come from a program by the kubelet's protocol, which is asked once", async () => {
    await here.kubectl(...tryPod(image(second)));
    await here.kubectl(...tryPod(image(second)), '--labels=again=yes');
    assert.deepEqual(JSON.parse(readFileSync(path.join(programs, 'provider.requests'), 'utf8')), {
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      kind: 'CredentialProviderRequest',
      image: `${second.host}/${NAME}`,
    });
  });

  test('are asked for with little of the environment', () => {
    const environment = readFileSync(path.join(programs, 'provider.environment'), 'utf8');
    assert.match(environment, /^REGION=here$/m);
    assert.match(environment, /^PATH=/m);
    assert.doesNotMatch(environment, /OTHERS_SECRET|KUBECONFIG|POD_NAME/);
  });

  test("come from a program by docker's protocol", async () => {
    await here.kubectl(...tryPod(image(third)));
    assert.equal(readFileSync(path.join(programs, 'helper.requests'), 'utf8'), third.host);
  });

  test('that a Pod brings count before them', async () => {
    const login = ['--docker-username=carol', `--docker-password=${PASSWORDS.carol}`, `--docker-server=${second.host}`];
    await here.kubectl('create', 'secret', 'docker-registry', 'carols', ...login);
    const spec = JSON.stringify({ spec: { imagePullSecrets: [{ name: 'carols' }] } });
    const untagged = `${second.host}/${NAME}@${digest}`;
    await here.kubectl(...tryPod(untagged), `--overrides=${spec}`);
  });

  test('are nowhere in its log, not even at the level debug', () => {
    const logs = globSync(path.join(here.bench.dir, 'cluster/**/output.log')).filter((file) =>
      readFileSync(file, 'utf8').includes('"message":"serving"'),
    );
    assert.equal(logs.length, 1);
    const log = logs.map((file) => readFileSync(file, 'utf8')).join('');
    assert.match(log, /"code":"RegistryUnauthorized"/);
    const passwords = Object.entries(PASSWORDS).flatMap(([user, password]) => [password, btoa(`${user}:${password}`)]);
    assert.ok(tokens.tokens.length > 3);
    for (const secret of [...passwords, REFRESH_TOKEN, ...tokens.tokens, 'Bearer ', 'Basic ']) {
      assert.ok(!log.includes(secret), `the log holds ${secret}`);
    }
  });

  test('that programs know need a chart that lets Cosignet start them, as it otherwise may not', async () => {
    const expected = [NODE_PATH, ...NODE_FLAGS, '--allow-child-process', '--disable-warning=PERM0002', PROGRAM_PATH];
    const helpers = ['--set=config.credentialHelpers.binDir=/bin', '--set=config.credentialHelpers.hosts.a=b'];
    assert.deepEqual(await commandOfChart(...helpers), expected);
    assert.equal(await commandOfChart(), undefined);
  });
});

/** Undefined: the image's own. */
async function commandOfChart(...flags: readonly string[]): Promise<readonly string[] | undefined> {
  const named = '--set=image.repository=registry.example/cosignet';
  const template = ['helm', 'template', 'cosignet', 'helm', '--show-only=templates/deployment.yaml', named] as const;
  const deployment: { spec: { template: { spec: { containers: { command?: string[] }[] } } } } = parse(
    await output([...template, ...flags]),
  );
  return deployment.spec.template.spec.containers[0]?.command;
}
