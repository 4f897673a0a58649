// SPDX-License-Identifier: Apache-2.0
// What who deploys an image reads; the verdicts are those of the engine on the vectors.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ImagePolicySpec } from '../../../../core/policy/documents/image-policy.gen.ts';
import { demandOf, denialText } from '../../../../core/verdict/denial.ts';
import { VERDICT_CODES, factsOf } from '../../../../core/verdict-codes.ts';
import { compiled, publicKeyPem, startEngine } from '../../../fakes/engine.ts';
import type { TestEngine } from '../../../fakes/engine.ts';

const key = (name: string) => ({ name, pem: publicKeyPem(name) });
const by = (...names: readonly string[]): ImagePolicySpec => ({ images: ['**'], keys: names.map(key) });
const READERS = { namespace: 'shop', contact: 'platform@example.com' };

describe('a denial', () => {
  let engine: TestEngine;
  before(async () => {
    engine = await startEngine();
  });
  after(() => engine.close());

  async function denial(
    policies: Readonly<Record<string, ImagePolicySpec>>,
    image: string,
    readers: Parameters<typeof denialText>[1] = READERS,
  ) {
    engine.store.replace(Object.entries(policies).map(([name, spec]) => compiled(name, spec)));
    const verdict = await engine.decide(image);
    assert.notEqual(verdict.outcome, 'allowed');
    const digest = verdict.resolved?.split('@')[1] ?? '';
    const text = denialText(verdict, readers);
    assert.ok(digest === '' || text.split(digest).length === 2, `one digest, once: ${text}`);
    assert.doesNotMatch(text, /cosign sign/, 'how to sign is for the owner of the key');
    // Each run has another port, each image its digest.
    return text.replaceAll(engine.registry.host, 'HOST').replaceAll(/sha256:[0-9a-f]{64}/g, 'DIGEST');
  }

  test('of an unsigned image says what the policy requires, whom to ask, and where to read on', async () => {
    assert.equal(
      await denial({ default: by('release') }, 'demo/unsigned:1.0'),
      'HOST/demo/unsigned:1.0 is not signed. Policy "default" requires a signature by "release". Your pipeline usually ' +
        'signs: ask platform@example.com. Details: cosignet verify --namespace shop HOST/demo/unsigned:1.0@DIGEST',
    );
  });

  test('names the administrators where the configuration names nobody', async () => {
    const text = await denial({ default: by('release') }, 'demo/unsigned:1.0', { namespace: 'shop' });
    assert.match(text, /: ask the cluster's administrators\. Details/);
  });

  test('of an image that somebody else signed says whose signature counts', async () => {
    assert.match(
      await denial({ default: by('other') }, 'demo/signed:1.0'),
      /^HOST\/demo\/signed:1\.0 is signed, but not by a signer that the policy trusts\. Policy "default" requires a signature by "other"\. Use an image from the approved pipeline, or ask platform@example\.com\. Details: /,
    );
  });

  test('of an image with too few signatures says how many there are', async () => {
    assert.match(
      await denial({ default: { ...by('release', 'other'), threshold: 2 } }, 'demo/signed:1.0'),
      /^HOST\/demo\/signed:1\.0 lacks signatures: 1 distinct .*; 2 are needed\. Policy "default" requires signatures by "release" and "other"\. Ask /,
    );
  });

  test('without a policy says that none allows it', async () => {
    assert.equal(
      await denial({}, 'demo/signed:1.0'),
      'No policy allows HOST/demo/signed:1.0 in this cluster. Use an approved image, or ask platform@example.com to add ' +
        'one. Details: cosignet explain --namespace shop HOST/demo/signed:1.0',
    );
  });

  test('by a broken policy says that it is not the image’s fault, and what is', async () => {
    assert.match(
      await denial({ x: { ...by('release'), images: ['**', 'acme/app:1'] } }, 'demo/signed:1.0'),
      /^Policy "x" is broken, so its images are blocked; this is not your image's fault\. Tell platform@example\.com: spec\.images\[1\]: .*has a tag.*\. Details: kubectl describe imagepolicies\.cosignet\.dev x$/,
    );
  });

  test('by several policies names the others, too', async () => {
    const deny: ImagePolicySpec = { images: ['**'], action: 'Deny' };
    assert.match(
      await denial({ a: deny, b: deny, c: deny }, 'demo/signed:1.0'),
      /^Policy "a" blocks HOST\/demo\/signed:1\.0\. Use another image, or ask .*\. "b" and "c" refused it, too\. Details: /,
    );
  });

  test('of an image that is not there helps to find the slip', async () => {
    assert.match(
      await denial({ default: by('release') }, 'demo/missing:1.0'),
      /^HOST\/demo\/missing:1\.0 was not found: .*\. Check the spelling of repository and tag/,
    );
  });

  test('where the registry fails says that the image may be fine', async () => {
    engine.registry.behaviour.intercept = (_request, response) => {
      response.writeHead(503).end();
      return true;
    };
    const text = await denial({ default: by('release') }, 'demo/unsigned:2.0');
    assert.match(
      text,
      /^Cosignet could not check HOST\/demo\/unsigned:2\.0: .*503.*\. Your image may be fine\. Try again in a minute; if that does not help, tell platform@/,
    );
  });
});

test('each code has a denial of whole sentences', () => {
  const parts = {
    image: 'IMAGE',
    policy: 'Policy "p"',
    demand: 'DEMAND',
    reason: 'REASON',
    remedy: 'REMEDY.',
    contact: 'CONTACT',
  };
  for (const code of VERDICT_CODES) {
    const text = factsOf(code).denial(parts);
    assert.match(text, /^\S.*\.$/, code);
    assert.match(text, /IMAGE|REASON/, code);
  }
});

test('each code says what can be done, and by whom: never just whom to ask, nor what only others can do', () => {
  const parts = { image: 'IMAGE', policy: 'P', demand: 'DEMAND', reason: 'REASON', contact: 'CONTACT' };
  const refused = VERDICT_CODES.filter((code) => factsOf(code).outcome !== 'allowed');
  for (const code of refused) {
    for (const unaccepted of [undefined, 'UNACCEPTED']) {
      const given = { ...parts, ...(unaccepted !== undefined && { unaccepted }) };
      const text = factsOf(code).denial({ ...given, remedy: 'REMEDY.' });
      assert.match(text, /CONTACT|REMEDY/, code);
      assert.doesNotMatch(text, /(?<!build again|usually signs)[.:] Ask CONTACT\.$/, code);
      // What the failure could not do is seldom for who deploys: that it is worth another try is.
      if (factsOf(code).outcome === 'error' && code !== 'RegistryUnauthorized') {
        assert.match(text, /Try again in a minute; if that does not help, tell CONTACT: REMEDY\.$/, code);
        assert.match(factsOf(code).denial({ ...given, remedy: '' }), /tell CONTACT\.$/, code);
      }
    }
  }
});

function demand(spec: Partial<ImagePolicySpec>): string {
  return demandOf(compiled('p', { ...by('release', 'other', 'p384'), ...spec }));
}

test('a demand counts the signers as the policy does', () => {
  assert.equal(demand({}), 'a signature by "release", "other" or "p384"');
  const attestations = [{ name: 'sbom', predicateType: 'https://spdx.dev/Document' }];
  assert.equal(demand({ threshold: 0, attestations }), 'attestations by "release", "other" or "p384"');
  assert.equal(demand({ threshold: 2 }), 'signatures by 2 of "release", "other" and "p384"');
  assert.equal(demand({ threshold: 3 }), 'signatures by "release", "other" and "p384"');
  assert.equal(demand({ required: ['release', 'other', 'p384'] }), demand({ threshold: 3 }));
  assert.equal(demand({ required: ['other'] }), 'a signature by "release", "other" or "p384", "other" among them');
});
