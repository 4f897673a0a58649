// SPDX-License-Identifier: Apache-2.0
// `signatureSecret`: a repository of signatures that the image's own credentials don't open. Signed by the real cosign.
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import type { CompileContext } from '../../../../core/policy/compile/compile-context.ts';
import type { ImagePolicySpec } from '../../../../core/policy/documents/image-policy.gen.ts';
import { anonymous, compileContext, compiled, publicKeyPem, startEngine } from '../../../fakes/engine.ts';
import type { TestEngine } from '../../../fakes/engine.ts';

const IMAGE = 'demo/elsewhere:simple-signing';
const SIGNATURES = 'demo/signatures';

/** A registry where only `signer` may read the repository of signatures, and anybody all others. */
async function within(work: (engine: TestEngine) => Promise<void>): Promise<void> {
  const engine = await startEngine({
    registry: {
      intercept: (request, response) => {
        if (!(request.url ?? '').includes(`/${SIGNATURES}/`) || isSigner(request)) return false;
        response.writeHead(401, { 'www-authenticate': 'Basic realm="signatures"' }).end();
        return true;
      },
    },
  });
  try {
    await work(engine);
  } finally {
    await engine.close();
  }
}

const isSigner = ({ headers }: IncomingMessage) => headers.authorization === `Basic ${btoa('signer:secret')}`;

const auths = (host: string, password = 'secret') => ({ [host]: { username: 'signer', password } });

const textOf = (value: object | string) => (typeof value === 'string' ? value : JSON.stringify(value));

function secrets(entries: Readonly<Record<string, object | string>>): Partial<CompileContext> {
  return {
    secret: (name, key) => {
      const value = name === 'pull' && Object.hasOwn(entries, key) ? entries[key] : undefined;
      return value === undefined ? undefined : { pem: textOf(value) };
    },
  };
}

const good = (engine: TestEngine, password?: string) =>
  secrets({ '.dockerconfigjson': { auths: auths(engine.registry.host, password) } });

function policyOf(engine: TestEngine, spec: Partial<ImagePolicySpec>, context?: Partial<CompileContext>) {
  const signatureRepository = `${engine.registry.host}/${SIGNATURES}`;
  const keys = [{ name: 'release', pem: publicKeyPem('release') }];
  return compiled('policy', { images: ['**'], keys, signatureRepository, ...spec }, compileContext(context));
}

const decide = (engine: TestEngine) => engine.decide(IMAGE, { keychain: anonymous });

describe('signatureSecret', () => {
  test('alone turns RegistryUnauthorized into Verified, for as many requests as anybody needs', () =>
    within(async (engine) => {
      engine.store.replace([policyOf(engine, {})]);
      assert.equal((await decide(engine)).code, 'RegistryUnauthorized');
      engine.store.replace([policyOf(engine, { signatureSecret: 'pull' }, good(engine))]);
      const verdict = await decide(engine);
      assert.equal(verdict.code, 'Verified', verdict.message);
      // How to log in was learned with the refusal: the manifest, and the payload that names another address.
      assert.equal(verdict.registryRequests, 2);
    }));

  test('is taken from the older kind of Secret as well', () =>
    within(async (engine) => {
      const context = secrets({ '.dockercfg': auths(engine.registry.host) });
      engine.store.replace([policyOf(engine, { signatureSecret: 'pull' }, context)]);
      assert.equal((await decide(engine)).code, 'Verified');
    }));

  test('is sent to the repository of signatures only, and nothing else is sent there', () =>
    within(async (engine) => {
      const pod = [{ username: 'pod', password: 'of the Pod' }];
      engine.store.replace([policyOf(engine, { signatureSecret: 'pull' }, good(engine))]);
      const verdict = await engine.decide(IMAGE, { keychain: { id: 'pod', resolve: async () => pod } });
      assert.equal(verdict.code, 'Verified', verdict.message);
      for (const { path, authorization } of engine.registry.requests) {
        const isSent = authorization === `Basic ${btoa('signer:secret')}`;
        assert.ok(!isSent || path.includes(`/${SIGNATURES}/`), path);
        if (path.includes(`/${SIGNATURES}/`))
          assert.doesNotMatch(authorization ?? '', new RegExp(btoa('pod:of the Pod')));
      }
    }));

  test('opens nothing for a policy that has none, or another, also what was read a moment ago', () =>
    within(async (engine) => {
      engine.store.replace([policyOf(engine, { signatureSecret: 'pull' }, good(engine))]);
      assert.equal((await decide(engine)).code, 'Verified');
      for (const other of [
        policyOf(engine, {}),
        policyOf(engine, { signatureSecret: 'pull' }, good(engine, 'guessed')),
      ]) {
        engine.store.replace([other]);
        assert.equal((await decide(engine)).code, 'RegistryUnauthorized');
      }
      engine.store.replace([policyOf(engine, { signatureSecret: 'pull' }, good(engine))]);
      assert.deepEqual(await decide(engine).then(({ code, registryRequests }) => [code, registryRequests]), [
        'Verified',
        0,
      ]);
    }));

  const unusable: readonly (readonly [string, (engine: TestEngine) => Partial<CompileContext>, string, RegExp])[] = [
    ['that is not there', () => secrets({}), 'SecretNotFound', /no Secret pull with an entry \.dockerconfigjson/],
    [
      'that may not be read',
      () => ({ secret: () => ({ unavailable: 'grant get on it' }) }),
      'SecretNotFound',
      /grant get on it/,
    ],
    ['that is no JSON', () => secrets({ '.dockerconfigjson': 'secret-text' }), 'InvalidSecret', /can not be read/],
    [
      'for another host',
      () => secrets({ '.dockerconfigjson': { auths: auths('other.example.com') } }),
      'InvalidSecret',
      /has no credentials for .*\/demo\/signatures/,
    ],
  ];
  for (const [what, context, reason, message] of unusable) {
    test(`${what} makes the policy not Ready, and its images denied`, () =>
      within(async (engine) => {
        const policy = policyOf(engine, { signatureSecret: 'pull' }, context(engine));
        const [problem] = policy.problems;
        assert.deepEqual([problem?.reason, problem?.path], [reason, 'spec.signatureSecret']);
        assert.match(problem?.message ?? '', message);
        assert.doesNotMatch(JSON.stringify(policy.problems), /secret-text/);
        engine.store.replace([policy]);
        assert.equal((await decide(engine)).code, 'PolicyNotReady');
      }));
  }

  test('without a repository of signatures is refused, as it would open nothing', () => {
    const spec = { images: ['**'], keys: [{ pem: publicKeyPem('release') }], signatureSecret: 'pull' };
    assert.deepEqual(
      compiled('policy', spec, compileContext()).problems.map(({ reason, path }) => [reason, path]),
      [['InvalidSpec', 'spec.signatureSecret']],
    );
  });
});
