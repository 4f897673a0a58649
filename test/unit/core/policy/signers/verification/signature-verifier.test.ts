// SPDX-License-Identifier: Apache-2.0
// What is asked once, and what may be forgotten once it is proven.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePublicKey } from '../../../../../../core/keys/public-key.ts';
import { parseTrustRoot } from '../../../../../../core/sigstore/trust/trust-root.ts';
import type { TrustRoot, TrustRoots } from '../../../../../../core/sigstore/trust/trust-root.ts';
import type { SignatureCandidate, VerificationMaterial } from '../../../../../../core/signatures/types.ts';
import type { KeySigner } from '../../../../../../core/policy/signers/key/key-signer.ts';
import { createSignatureVerifier } from '../../../../../../core/policy/signers/verification/signature-verifier.ts';
import { spkiOf, toPem } from '../../../../../fakes/sigstore/certificates.ts';
import { candidateFor, LATER, signKeyless, SIGNED_AT, SUBJECT } from '../../../../../fakes/sigstore/keyless.ts';
import { createSigstore } from '../../../../../fakes/sigstore/sigstore.ts';

const sigstore = createSigstore();
const keyed = signKeyless({ sigstore, withKey: true, message: true, entry: 'hashedrekord1' });
const keyless = signKeyless({ sigstore, entry: 'dsse1' });
const stamped = signKeyless({ sigstore, stampedAt: SIGNED_AT });
const root = parseTrustRoot(JSON.stringify(sigstore.trustedRoot));
const otherRoot = parseTrustRoot(JSON.stringify(createSigstore().trustedRoot));

function signerFor({ keys }: typeof keyed): KeySigner {
  const { key, algorithm, fingerprint } = parsePublicKey(toPem('PUBLIC KEY', spkiOf(keys.publicKey)));
  return { kind: 'key', name: 'a', fingerprint, algorithm, key };
}

const signer = signerFor(keyed);
const stranger = signerFor(keyless);

/** A candidate that counts how often its signature is looked at. */
function counted(candidate: SignatureCandidate): SignatureCandidate & { looks: number } {
  const { signature } = candidate;
  const spy = { ...candidate, looks: 0 };
  return Object.defineProperty(spy, 'signature', { get: () => ((spy.looks += 1), signature) });
}

const roots = (named: Readonly<Record<string, TrustRoot>>): TrustRoots => ({
  names: () => Object.keys(named),
  load: async (name) => {
    const found = named[name];
    if (found === undefined) throw new Error(`no trust root is called ${name}`);
    return found;
  },
});

describe('a signature', () => {
  test('that is verified once by a key is not verified by it again, and tried once with others', () => {
    const prover = createSignatureVerifier(roots({}));
    const candidate = counted(candidateFor(keyed, 'annotations'));
    assert.equal(prover.signedBy(candidate, signer), true);
    const { looks } = candidate;
    assert.ok(looks > 0);
    assert.equal(prover.signedBy(candidate, signer), true);
    assert.equal(candidate.looks, looks);
    assert.equal(prover.signedBy(candidate, stranger), false);
    const more = candidate.looks;
    assert.ok(more > looks);
    assert.equal(prover.signedBy(candidate, stranger), false);
    assert.equal(candidate.looks, more);
  });

  test('that is not by a key is tried with it once, and still found to be by another', () => {
    const prover = createSignatureVerifier(roots({}));
    const candidate = counted(candidateFor(keyed, 'annotations'));
    assert.equal(prover.signedBy(candidate, stranger), false);
    const { looks } = candidate;
    assert.equal(prover.signedBy(candidate, stranger), false);
    assert.equal(candidate.looks, looks);
    assert.equal(prover.signedBy(candidate, signer), true);
    assert.ok(candidate.looks > looks);
  });
});

describe('a certificate', () => {
  test('is proven under the named root, once for each root and demand', async () => {
    const prover = createSignatureVerifier(roots({ own: root, other: otherRoot }));
    const candidate = counted(candidateFor(keyless, 'bundle'));
    const proven = await prover.certifiedBy(candidate, 'own', 'Ignore');
    assert.ok(proven.ok);
    assert.equal(proven.value.subject, SUBJECT);
    const { looks } = candidate;
    assert.equal(await prover.certifiedBy(candidate, 'own', 'Ignore'), proven);
    assert.equal(candidate.looks, looks);
    assert.notEqual(await prover.certifiedBy(candidate, 'own', 'Require'), proven);
    assert.equal((await prover.certifiedBy(candidate, 'other', 'Ignore')).ok, false);
  });

  test('with a timestamp alone is proven where no log is demanded', async () => {
    const prover = createSignatureVerifier(roots({ own: root }));
    const candidate = candidateFor(stamped, 'bundle');
    assert.equal((await prover.certifiedBy(candidate, 'own', 'Ignore')).ok, true);
    assert.equal((await prover.certifiedBy(candidate, 'own', 'Require')).ok, false);
  });

  test('under an unknown root is not proven, and the reason is told', async () => {
    const answer = await createSignatureVerifier(roots({})).certifiedBy(
      candidateFor(keyless, 'bundle'),
      'none',
      'Ignore',
    );
    const unusable = 'trust root "none" can\'t be used: no trust root is called none';
    assert.deepEqual(answer, { ok: false, reason: 'no trust root is called none', unusable });
  });
});

describe('the log entry of a key', () => {
  test('counts by any of the roots', async () => {
    const prover = createSignatureVerifier(roots({ other: otherRoot, own: root }));
    assert.deepEqual(await prover.loggedBy(candidateFor(keyed, 'bundle'), signer), { ok: true, value: true });
  });

  test('that none of them knows is told with each of their reasons', async () => {
    const prover = createSignatureVerifier(roots({ one: otherRoot, two: otherRoot }));
    const answer = await prover.loggedBy(candidateFor(keyed, 'bundle'), signer);
    assert.ok(!answer.ok);
    assert.match(answer.reason, /^one: .+; two: .+$/);
  });

  test('counts nowhere without a root', async () => {
    const answer = await createSignatureVerifier(roots({})).loggedBy(candidateFor(keyed, 'bundle'), signer);
    assert.deepEqual(answer, { ok: false, reason: 'no trust root is configured' });
  });
});

describe('the time of a signature by a key', () => {
  const later = signKeyless({ sigstore, withKey: true, stampedAt: LATER });
  const both = { ...keyed, timestamps: [sigstore.tsa.stamp(keyed.signature, LATER)] };
  const timeOf = (signing: typeof keyed, known: Parameters<typeof roots>[0] = { other: otherRoot, own: root }) =>
    createSignatureVerifier(roots(known)).timedBy(candidateFor(signing, 'bundle'), signerFor(signing));

  test('is the earliest that a log or an authority of any root proves', async () => {
    assert.deepEqual(await timeOf(keyed), { ok: true, value: SIGNED_AT.getTime() });
    assert.deepEqual(await timeOf(later), { ok: true, value: LATER.getTime() });
    assert.deepEqual(await timeOf(both), { ok: true, value: SIGNED_AT.getTime() });
  });

  test('is not known where nothing that is trusted proves it', async () => {
    const reason = 'no trusted log or timestamp authority proves its time';
    assert.deepEqual(await timeOf(signKeyless({ sigstore, withKey: true })), { ok: false, reason });
    assert.deepEqual(await timeOf(keyed, { other: otherRoot }), { ok: false, reason });
    assert.deepEqual(await timeOf(keyed, {}), { ok: false, reason });
  });

  test('is not taken from an entry about another signature', async () => {
    const moved = { ...later, entries: keyed.entries };
    assert.equal((await timeOf(moved)).ok, false);
  });

  test('is not told by those that can be used where another root, which might know an earlier one, can not', async () => {
    const verifier = createSignatureVerifier({
      names: () => ['own', 'gone'],
      load: async (name) => (name === 'own' ? root : Promise.reject(new Error('its file is gone'))),
    });
    const answer = await verifier.timedBy(candidateFor(keyed, 'bundle'), signer);
    assert.match(answer.ok ? '' : (answer.unusable ?? ''), /trust root "gone" can't be used: its file is gone/);
  });
});

const withMaterial = (material: VerificationMaterial): SignatureCandidate => ({
  ...candidateFor(keyed, 'annotations'),
  annotations: { environment: 'production' },
  material,
});
const bundle = (verificationMaterial: unknown): VerificationMaterial => ({
  kind: 'bundle',
  bundle: { verificationMaterial },
});

describe('a compacted candidate', () => {
  for (const [what, material] of [
    ['nothing beside its signature', { kind: 'annotations' }],
    ['the hint of a key alone', bundle({ publicKey: { hint: 'x' } })],
  ] as const) {
    test(`with ${what} stays its maker's, without its material, and can be tried with other keys`, () => {
      const prover = createSignatureVerifier(roots({}));
      const candidate = withMaterial(material);
      assert.equal(prover.signedBy(candidate, signer), true);
      const slim = prover.compacted(candidate);
      assert.notEqual(slim, candidate);
      assert.deepEqual(slim.material, { kind: 'annotations' });
      assert.deepEqual(
        [Buffer.from(slim.signedBytes), Buffer.from(slim.signature)],
        [Buffer.from(candidate.signedBytes), Buffer.from(candidate.signature)],
      );
      assert.deepEqual(slim.annotations, candidate.annotations);
      assert.equal(slim.format, candidate.format);
      assert.equal(prover.signedBy(slim, signer), true);
      assert.equal(prover.signedBy(slim, stranger), false);
    });
  }

  for (const [what, material] of [
    ['a certificate', { kind: 'annotations', certificate: 'x' }],
    ['a log entry', { kind: 'annotations', rekorBundle: 'x' }],
    ['log entries in its bundle', bundle({ publicKey: {}, tlogEntries: [] })],
    ['a bundle that cannot be read', { kind: 'bundle', bundle: 'x' }],
  ] as const) {
    test(`with ${what} is the whole one: more may be asked of it`, () => {
      const prover = createSignatureVerifier(roots({}));
      const candidate = withMaterial(material);
      assert.equal(prover.signedBy(candidate, signer), true);
      assert.equal(prover.compacted(candidate), candidate);
    });
  }

  test('of an unknown maker is the whole one: somebody may still turn out to be it', () => {
    const prover = createSignatureVerifier(roots({}));
    const candidate = withMaterial({ kind: 'annotations' });
    assert.equal(prover.signedBy(candidate, stranger), false);
    assert.equal(prover.compacted(candidate), candidate);
    assert.equal(prover.signedBy(candidate, signer), true);
  });
});
