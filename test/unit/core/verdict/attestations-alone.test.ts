// SPDX-License-Identifier: Apache-2.0
// `threshold: 0`: what GitHub, SLSA generators and makers of hardened images write, who attest and don't sign.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ImagePolicySpec } from '../../../../core/policy/documents/image-policy.gen.ts';
import type { CompiledPolicy } from '../../../../core/policy/types.ts';
import { compileContext, compiled, publicKeyPem, startEngine } from '../../../fakes/engine.ts';
import type { TestEngine, TestEngineOptions } from '../../../fakes/engine.ts';

const TESTS = 'https://example.com/tests/v1';
const keys = [{ name: 'release', pem: publicKeyPem('release') }];
const attested: ImagePolicySpec = {
  images: ['**'],
  keys,
  threshold: 0,
  attestations: [{ name: 'tests', predicateType: TESTS }],
};

async function within(options: TestEngineOptions, work: (engine: TestEngine) => Promise<void>): Promise<void> {
  const engine = await startEngine({ policies: { attested }, ...options });
  try {
    await work(engine);
  } finally {
    await engine.close();
  }
}

describe('attestations alone', () => {
  for (const format of ['simple-signing', 'bundle'] as const) {
    test(`admit, and the verdict names who attested (${format})`, () =>
      within({}, async (engine) => {
        const verdict = await engine.decide(`demo/attested:${format}`);
        assert.equal(verdict.code, 'Verified', verdict.message);
        assert.match(verdict.message, /is attested by "release" as policy "attested" requires/);
        assert.deepEqual(
          verdict.signers.map((signer) => [signer.name, signer.format]),
          [['release', format]],
        );
      }));
  }

  test('are not what a signature is: it admits nobody', () =>
    within({}, async (engine) => {
      for (const image of ['demo/signed:1.0', 'demo/bundle:1.0', 'demo/unsigned:1.0']) {
        assert.equal((await engine.decide(image)).code, 'AttestationMissing', image);
      }
    }));

  const demand = { name: 'tests', predicateType: TESTS };
  const refused: readonly (readonly [string, Partial<ImagePolicySpec>, string])[] = [
    ['by a key that is not trusted', { keys: [{ name: 'other', pem: publicKeyPem('other') }] }, 'AttestationMissing'],
    [
      'by a key that counts no more',
      { keys: [{ ...keys[0], notAfter: '2026-01-01T00:00:00Z' }] },
      'AttestationMissing',
    ],
    ['in no log where one is required', { transparencyLog: 'Require' }, 'AttestationMissing'],
    [
      'that fail their condition',
      { attestations: [{ ...demand, conditions: [{ expression: 'predicate.approved == false' }] }] },
      'AttestationFailed',
    ],
    [
      'of which one is missing',
      { attestations: [demand, { name: 'scan', predicateType: 'https://example.com/scan/v1' }] },
      'AttestationMissing',
    ],
  ];
  for (const [what, change, code] of refused) {
    test(`are refused ${what}`, () =>
      within({}, async (engine) => {
        engine.store.replace([compiled('attested', { ...attested, ...change }, compileContext())]);
        const verdict = await engine.decide('demo/attested:bundle');
        assert.equal(verdict.code, code, verdict.message);
      }));
  }

  test('tell why those that are there do not count', () =>
    within({}, async (engine) => {
      engine.store.replace([compiled('attested', { ...attested, transparencyLog: 'Require' })]);
      const { message } = await engine.decide('demo/attested:bundle');
      assert.match(message, /1 found, none by a trusted signer \(release: .*no transparency log entry comes with it/);
    }));

  test('never cost a request for a signature, found or not', () =>
    within({}, async (engine) => {
      for (const image of ['demo/attested:bundle', 'demo/attested:simple-signing', 'demo/signed:1.0']) {
        await engine.decide(image);
      }
      assert.deepEqual(
        engine.registry.lines().filter((line) => line.endsWith('.sig')),
        [],
      );
    }));

  test('cost as many requests as a signature in the same place', () =>
    within({ registry: { referrersApi: true } }, async (engine) => {
      const { registryRequests } = await engine.decide('demo/attested:bundle');
      // The tag, the list of referrers, the manifest, the bundle.
      assert.equal(registryRequests, 4);
    }));

  test('are read before a signature beside them', () =>
    within({ registry: { referrersApi: true } }, async (engine) => {
      const verdict = await engine.decide('demo/signed-and-attested:bundle');
      assert.deepEqual([verdict.code, verdict.registryRequests], ['Verified', 4]);
    }));

  test('stand by what was read before while the registry is away', () =>
    within({}, async (engine) => {
      assert.equal((await engine.decide('demo/attested:bundle')).code, 'Verified');
      engine.time.now += engine.configuration.cache.verified * 1000 + 1;
      await engine.registry.close();
      const verdict = await engine.decide('demo/attested:bundle');
      assert.equal(verdict.code, 'Verified', verdict.message);
      assert.match(verdict.remedy, /rests on what was verified before/);
    }));

  test('are not taken for granted where a policy asks for nothing at all', () =>
    within({}, async (engine) => {
      // No definition and no file can make such a policy; if one came to be all the same, it must not admit.
      const hollow: CompiledPolicy = { ...compiled('hollow', attested), attestations: [] };
      engine.store.replace([hollow]);
      assert.equal((await engine.decide('demo/unsigned:1.0')).code, 'NoSignature');
      assert.equal((await engine.decide('demo/signed:1.0')).code, 'Verified');
    }));
});
