// SPDX-License-Identifier: Apache-2.0
// What is said of a signature that a signer of the policy made in a way that does not count.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import type { PublicKey } from '../../../../../core/keys/public-key.ts';
import { hexOf } from '../../../../../core/image/digest.ts';
import { createSignatureVerifier } from '../../../../../core/policy/signers/verification/signature-verifier.ts';
import type { AttestationCandidate, SignatureCandidate } from '../../../../../core/signatures/types.ts';
import type { VerdictCode } from '../../../../../core/verdict-codes.ts';
import { tellUnaccepted } from '../../../../../core/verdict/evaluation/unaccepted.ts';
import { denialText } from '../../../../../core/verdict/denial.ts';
import { ImageEvidence } from '../../../../../core/verdict/evidence/evidence.ts';
import { compiled, publicKeyPem, startEngine } from '../../../../fakes/engine.ts';
import { putImage } from '../../../../fakes/sigstore/keyless-image.ts';
import { RegistryContent } from '../../../../fakes/registry/registry-content.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ours = { name: 'release', pem: publicKey.export({ format: 'pem', type: 'spki' }) };
const stranger = { name: 'other', pem: publicKeyPem('other') };
const WHY = /made one over SHA-1, which is not accepted: use ECDSA over SHA-256, SHA-384 or SHA-512 as ASN\.1 DER/;

describe('an image that its signer signed over SHA-1', () => {
  test('is refused, and whose signature it is, what is wrong with it and what is accepted are said', async () => {
    const content = new RegistryContent();
    const digest = putImage(content, 'demo/old:1.0');
    const payload = JSON.stringify({
      critical: {
        identity: { 'docker-reference': 'demo/old' },
        image: { 'docker-manifest-digest': digest },
        type: 'cosign container image signature',
      },
      optional: null,
    });
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const annotations = {
      'dev.cosignproject.cosign/signature': sign('sha1', Buffer.from(payload), privateKey).toString('base64'),
    };
    const layer = { mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', annotations };
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', ...content.putBlob('demo/old', '{}') };
    const layers = [{ ...layer, ...content.putBlob('demo/old', payload) }];
    content.putManifest('demo/old', { schemaVersion: 2, mediaType, config, layers }, `sha256-${hexOf(digest)}.sig`);
    const engine = await startEngine({ registry: { content } });
    try {
      engine.store.replace([compiled('default', { images: ['**'], keys: [stranger, ours] })]);
      const verdict = await engine.decide('demo/old:1.0');
      assert.equal(verdict.code, 'UntrustedSignature');
      assert.match(
        verdict.message,
        /1 signature\(s\), none that counts: key "release" \(sha256:[0-9a-f]{12}\) made one/,
      );
      assert.match(verdict.message, WHY);
      assert.match(verdict.remedy, /^Sign it again in a way that is accepted/);
      const denial = denialText(verdict, { namespace: 'shop' });
      assert.match(denial, /is signed, but no signature of it counts: key "release" \(sha256:[0-9a-f]{12}\) made one/);
      assert.match(denial, WHY);
      assert.doesNotMatch(denial, /not by a signer that the policy trusts/);
    } finally {
      await engine.close();
    }
  });
});

describe('what is told of a refused image', () => {
  const bytes = Buffer.from('signed');
  const old = candidate(sign('sha1', bytes, privateKey));
  const another = candidate(Buffer.from([0x30, 0]));

  function candidate(signature: Buffer): AttestationCandidate {
    const material = { kind: 'annotations' } as const;
    const found = { format: 'simple-signing', source: 'test', annotations: {}, material } as const;
    return { ...found, signedBytes: bytes, signature, predicateType: 'scan' };
  }

  interface Scene {
    readonly code?: VerdictCode;
    readonly signatures?: readonly SignatureCandidate[];
    readonly attestations?: readonly AttestationCandidate[];
    readonly now?: number;
    readonly signal?: AbortSignal;
  }

  const asked: string[] = [];
  const real = createSignatureVerifier({ names: () => [], load: () => Promise.reject(new Error('there is none')) });
  const verifier = {
    ...real,
    unaccepted: (one: SignatureCandidate, signer: Pick<PublicKey, 'key' | 'algorithm' | 'fingerprint'>) => {
      asked.push(signer.fingerprint);
      return real.unaccepted(one, signer);
    },
  };

  function told(scene: Scene = {}): Promise<string | undefined> {
    asked.length = 0;
    const { code = 'UntrustedSignature', signatures = [], attestations = [] } = scene;
    const { now = 0, signal = new AbortController().signal } = scene;
    const evidence = new ImageEvidence([], () => now);
    evidence.signatures = signatures;
    evidence.attestations = attestations;
    const demands = [{ name: 'scan', predicateType: 'scan' }];
    const keys = [{ ...ours, notAfter: '1970-01-01T00:01:00Z' }];
    const policy = compiled('default', { images: ['**'], keys, attestations: demands });
    return tellUnaccepted({ policy, code, evidence }, { verifier, now, signal });
  }

  test('is of signatures where one is missing, of attestations where one is', async () => {
    assert.match((await told({ signatures: [another, old] })) ?? '', WHY);
    assert.match((await told({ code: 'AttestationMissing', attestations: [old] })) ?? '', WHY);
    assert.equal(await told({ attestations: [old] }), undefined);
    assert.equal(await told({ code: 'AttestationMissing', signatures: [old] }), undefined);
    assert.equal(
      await told({ code: 'AttestationMissing', attestations: [{ ...old, predicateType: 'other' }] }),
      undefined,
    );
    assert.equal(await told({ code: 'MalformedSignature', signatures: [old] }), undefined);
  });

  test('is of signers that count now', async () => {
    assert.equal(await told({ signatures: [old], now: 60_001 }), undefined);
    assert.deepEqual(asked, []);
  });

  test('is looked for in the first few only, and no longer than the decision lasts', async () => {
    const many = Array.from({ length: 1000 }, () => candidate(Buffer.from([0x30, 0])));
    assert.equal(await told({ signatures: [...many, old] }), undefined);
    assert.equal(asked.length, 8);
    assert.equal(await told({ signatures: [old], signal: AbortSignal.abort() }), undefined);
    assert.equal(asked.length, 0);
  });

  test('is worked out once for each signature and key', () => {
    let read = 0;
    const counting = {
      ...old,
      get signature() {
        read += 1;
        return old.signature;
      },
    };
    const [signer] = compiled('default', { images: ['**'], keys: [ours] }).signers;
    assert.ok(signer?.kind === 'key');
    const first = real.unaccepted(counting, signer);
    assert.match(first ?? '', /^over SHA-1/);
    assert.equal(real.unaccepted(counting, signer), first);
    assert.equal(read, 1);
  });
});
