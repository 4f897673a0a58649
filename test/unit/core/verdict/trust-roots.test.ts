// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { ImagePolicySpec, PolicyIdentity } from '../../../../core/policy/documents/image-policy.gen.ts';
import { createTrustRoots, neededTrustRoots } from '../../../../core/verdict/trust-roots.ts';
import { compileContext, compiled, LAYOUT, publicKeyPem, startEngine } from '../../../fakes/engine.ts';
import type { TestEngine } from '../../../fakes/engine.ts';
import { putKeylessImage } from '../../../fakes/sigstore/keyless-image.ts';
import { ISSUER, SUBJECT } from '../../../fakes/sigstore/keyless.ts';
import { loadLayout, RegistryContent } from '../../../fakes/registry/registry-content.ts';
import { createSigstore } from '../../../fakes/sigstore/sigstore.ts';

const sigstore = createSigstore();
const GOOD = JSON.stringify(sigstore.trustedRoot);
const OTHER = JSON.stringify(createSigstore().trustedRoot);
const KEYLESS = 'demo/keyless:1.0';
const identity: PolicyIdentity = { name: 'ci', issuer: ISSUER, subject: SUBJECT, trustRoot: 'followed' };
const release = { name: 'release', pem: publicKeyPem('release') };

describe('a trust root that is followed', () => {
  let engine: TestEngine;
  /** Undefined: nothing was read yet. */
  let text: string | undefined;
  let asked: number;
  const context = compileContext({ trustRoots: new Set(['public-good', 'private', 'followed']) });
  const decide = async (image: string, spec: Partial<ImagePolicySpec>) => {
    engine.store.replace([compiled('ours', { images: ['**'], ...spec }, context)]);
    return engine.decide(image);
  };

  before(async () => {
    const content = new RegistryContent();
    await loadLayout(content, LAYOUT);
    putKeylessImage(content, KEYLESS, sigstore);
    engine = await startEngine({
      registry: { content, referrersApi: true },
      trustRoots: { private: GOOD },
      followed: async () => {
        asked += 1;
        if (text === undefined) throw new Error('the repository does not answer');
        return text;
      },
    });
  });
  after(() => engine.close());
  beforeEach(() => {
    text = undefined;
    asked = 0;
  });

  test('can not be checked by before it is there, and can at once when it is', async () => {
    const early = await decide(KEYLESS, { identities: [identity] });
    assert.deepEqual([early.outcome, early.code], ['error', 'TrustRootUnavailable']);
    assert.match(early.message, /trust root "followed" can't be used: the repository does not answer/);
    text = GOOD;
    assert.equal((await decide(KEYLESS, { identities: [identity] })).code, 'Verified');
  });

  test('that changed no longer vouches for what the former one did', async () => {
    text = GOOD;
    assert.equal((await decide(KEYLESS, { identities: [identity] })).code, 'Verified');
    text = OTHER;
    assert.equal((await decide(KEYLESS, { identities: [identity] })).code, 'UntrustedSignature');
    text = GOOD;
    assert.equal((await decide(KEYLESS, { identities: [identity] })).code, 'Verified');
  });

  test('that is no trusted root is no trust root', async () => {
    text = '{}';
    const verdict = await decide(KEYLESS, { identities: [identity] });
    assert.deepEqual([verdict.outcome, verdict.code], ['error', 'TrustRootUnavailable']);
  });

  test('does not matter where another root or a key is enough', async () => {
    const identities = [identity, { ...identity, name: 'private', trustRoot: 'private' }];
    assert.equal((await decide(KEYLESS, { identities })).code, 'Verified');
    assert.equal((await decide('demo/signed:1.0', { identities, keys: [release] })).code, 'Verified');
    const both = await decide(KEYLESS, { identities, threshold: 2 });
    assert.deepEqual([both.outcome, both.code], ['error', 'TrustRootUnavailable']);
  });

  test('is never asked for by key-only policies', async () => {
    for (const image of ['demo/signed:1.0', 'demo/bundle:1.0', 'demo/unsigned:1.0', KEYLESS]) {
      await decide(image, { keys: [release] });
    }
    assert.equal((await decide('demo/signed:1.0', { keys: [release] })).code, 'Verified');
    assert.equal(asked, 0);
  });

  test('may vouch for the log that a policy for keys demands', async () => {
    const demand = { keys: [release], transparencyLog: 'Require' } as const;
    assert.equal((await decide('demo/signed:1.0', demand)).code, 'TrustRootUnavailable');
    text = GOOD;
    assert.equal((await decide('demo/signed:1.0', demand)).code, 'TransparencyLogMissing');
  });

  test('may vouch for an attestation that is asked for', async () => {
    const attestations = [{ name: 'tests', predicateType: 'https://example.com/tests/v1', signers: ['ci'] }];
    const spec = { keys: [release], identities: [identity], attestations };
    const image = 'demo/signed-and-attested:bundle';
    assert.equal((await decide(image, { keys: [release] })).code, 'Verified');
    assert.equal((await decide(image, spec)).code, 'TrustRootUnavailable');
    text = GOOD;
    assert.equal((await decide(image, spec)).code, 'AttestationMissing');
  });
});

describe('trust roots', () => {
  test('are parsed once while their text is the same', async () => {
    let text = GOOD;
    const tuf = { url: '', rootFile: '', targetName: '', refreshSeconds: 60, insecure: false };
    const roots = createTrustRoots(
      [{ name: 'a', tuf }],
      async () => '',
      async () => text,
    );
    const first = await roots.load('a');
    // The same text, read again.
    text = Buffer.from(GOOD).toString();
    assert.equal(await roots.load('a'), first);
    text = OTHER;
    assert.notEqual(await roots.load('a'), first);
  });

  test('that are needed are those of the identities, and all for a log that is demanded of keys', () => {
    const context = compileContext({ trustRoots: new Set(['a', 'b', 'public-good']) });
    const needed = (spec: Partial<ImagePolicySpec>) =>
      [...neededTrustRoots([compiled('p', { images: ['**'], ...spec }, context)], ['a', 'b'])].toSorted();
    assert.deepEqual(needed({ keys: [release] }), []);
    assert.deepEqual(needed({ identities: [{ ...identity, trustRoot: 'b' }] }), ['b']);
    assert.deepEqual(needed({ identities: [{ ...identity, trustRoot: 'b' }], keys: [release] }), ['b']);
    assert.deepEqual(needed({ keys: [release], transparencyLog: 'Require' }), ['a', 'b']);
  });
});
