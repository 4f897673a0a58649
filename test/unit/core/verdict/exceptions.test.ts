// SPDX-License-Identifier: Apache-2.0
// Policies that allow until a time: from then on their images are what they would be without them.
import { UNBOUNDED } from '../../../../core/registry/read-budget.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Configuration } from '../../../../core/config/types.ts';
import type { ImagePolicySpec } from '../../../../core/policy/documents/image-policy.gen.ts';
import { anonymous, compiled, publicKeyPem, startEngine } from '../../../fakes/engine.ts';
import type { TestEngine } from '../../../fakes/engine.ts';

const END = '2026-07-01T00:00:00Z';
const exception: ImagePolicySpec = {
  images: ['**/demo/unsigned'],
  action: 'Allow',
  expiresAt: END,
  reason: 'the vendor signs\u202e from 2.0 on',
};
const keys = [{ name: 'release', pem: publicKeyPem('release') }];
const everything: ImagePolicySpec = { images: ['**'], keys };

async function within(
  policies: Readonly<Record<string, ImagePolicySpec>>,
  work: (engine: TestEngine) => Promise<void>,
  configuration: Partial<Configuration> = {},
): Promise<void> {
  const engine = await startEngine({ policies, configuration });
  try {
    await work(engine);
  } finally {
    await engine.close();
  }
}

const answered = async (engine: TestEngine) => {
  const { outcome, mode, code } = await engine.decide('demo/unsigned:1.0');
  return `${outcome} ${mode} ${code}`;
};

describe('an exception', () => {
  test('allows until its time, and says until when and why', () =>
    within({ exception, everything }, async (engine) => {
      engine.time.now = Date.parse(END) - 1;
      const { code, message } = await engine.decide('demo/unsigned:1.0');
      assert.equal(code, 'AllowedByPolicy');
      assert.match(
        message,
        /by policy "exception" until 2026-07-01T00:00:00Z \("the vendor signs\\u202e from 2\.0 on"\)$/,
      );
    }));

  test('covers nothing from its time on: the next policy decides, and the refusal tells of it', () =>
    within({ exception, everything }, async (engine) => {
      engine.time.now = Date.parse(END);
      const { code, message, policies } = await engine.decide('demo/unsigned:1.0');
      assert.deepEqual([code, policies], ['NoSignature', ['everything']]);
      assert.match(message, /; policy "exception", which allowed it, has expired at 2026-07-01T00:00:00Z$/);
    }));

  test('that no other policy follows leaves its images to the configuration, with a code of its own where it denies', async () => {
    const expected = {
      Deny: 'denied Enforce PolicyExpired',
      Warn: 'denied Warn PolicyExpired',
      Allow: 'allowed Enforce NoPolicy',
    };
    for (const unmatchedImages of ['Deny', 'Warn', 'Allow'] as const) {
      await within(
        { exception },
        async (engine) => {
          engine.time.now = Date.parse(END);
          assert.equal(await answered(engine), expected[unmatchedImages]);
          assert.equal((await engine.decide('demo/signed:1.0')).code, 'NoPolicy');
        },
        { unmatchedImages },
      );
    }
  });

  test('that has expired is told with what can be done', () =>
    within({ exception }, async (engine) => {
      engine.time.now = Date.parse(END);
      const { remedy, message } = await engine.decide('demo/unsigned:1.0');
      assert.match(remedy, /change spec\.expiresAt of policy exception/);
      assert.match(message, /no ImagePolicy covers image .*; policy "exception", which allowed it, has expired/);
    }));

  test('is not told of where it would not have admitted the image anyway', () =>
    within({ exception, tied: { ...everything, images: exception.images } }, async (engine) => {
      engine.time.now = Date.parse(END);
      assert.doesNotMatch((await engine.decide('demo/unsigned:1.0')).message, /expired/);
    }));

  test('for a digest ends too, and no tag is resolved for it any more', () =>
    within({ everything: { ...everything, action: 'Deny' } }, async (engine) => {
      const digest =
        (await engine.client.resolveTag({ registry: engine.registry.host, path: 'demo/unsigned' }, '1.0', {
          signal: AbortSignal.timeout(60_000),
          keychain: anonymous,
          budget: UNBOUNDED,
          count: () => undefined,
        })) ?? assert.fail();
      engine.store.set(compiled('exception', { ...exception, images: [`**/demo/unsigned@${digest}`] }));
      assert.equal((await engine.decide('demo/unsigned:1.0')).code, 'AllowedByPolicy');
      engine.time.now = Date.parse(END);
      const { code, registryRequests } = await engine.decide('demo/unsigned:1.0');
      assert.deepEqual([code, registryRequests], ['DeniedByPolicy', 0]);
      const byDigest = await engine.decide(`demo/unsigned@${digest}`);
      assert.match(byDigest.message, /policy "exception", which allowed it, has expired/);
    }));

  test('with a fault denies its images, also when its time is over', () =>
    within({ exception: { ...exception, images: ['**/demo/unsigned', 'a:b:c'] }, everything }, async (engine) => {
      for (const now of [Date.parse(END) - 1, Date.parse(END)]) {
        engine.time.now = now;
        assert.equal((await engine.decide('demo/unsigned:1.0')).code, 'PolicyNotReady');
      }
    }));

  test('that has expired lends no mode to what can not be parsed', () =>
    within(
      { exception: { ...exception, images: ['**'], mode: 'Audit' } },
      async (engine) => {
        const mode = async () => (await engine.decide('demo/unsigned:1.0:2')).mode;
        assert.equal(await mode(), 'Audit');
        engine.time.now = Date.parse(END);
        assert.equal(await mode(), 'Enforce');
      },
      { unmatchedImages: 'Deny' },
    ));
});
