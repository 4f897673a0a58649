// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { IdentitySigner } from '../../../../../core/policy/signers/identity/identity-signer.ts';
import type { KeySigner } from '../../../../../core/policy/signers/key/key-signer.ts';
import { countDistinct } from '../../../../../core/verdict/evaluation/distinct-signers.ts';
import type { Proof } from '../../../../../core/verdict/evaluation/distinct-signers.ts';
import { signerIdentity } from '../../../../../core/policy/signers/signers.ts';

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

function key(name: string, fingerprint: string): KeySigner {
  return { kind: 'key', name, fingerprint: `sha256:${fingerprint}`, algorithm: 'ECDSA-P256', key: publicKey };
}

function identity(name: string): IdentitySigner {
  const any = { source: '/.*/', matches: () => true };
  return { kind: 'identity', name, issuer: any, subject: any, trustRoot: 'public-good', claims: [] };
}

describe('countDistinct', () => {
  test('counts one key once, however often it signed and however it is named', () => {
    const proofs: Proof[] = [
      { signer: key('a', '01'), holder: 'key 01' },
      { signer: key('a', '01'), holder: 'key 01' },
      { signer: key('b', '01'), holder: 'key 01' },
    ];
    assert.equal(countDistinct(proofs), 1);
  });

  test('counts two keys twice', () => {
    assert.equal(
      countDistinct([
        { signer: key('a', '01'), holder: 'key 01' },
        { signer: key('b', '02'), holder: 'key 02' },
      ]),
      2,
    );
  });

  test('counts one certificate holder once where two identities match it', () => {
    assert.equal(
      countDistinct([
        { signer: identity('a'), holder: 'x' },
        { signer: identity('b'), holder: 'x' },
      ]),
      1,
    );
  });

  test('finds the assignment that serves most identities', () => {
    // a matches x only; b matches x and y: a must get x for both to count.
    assert.equal(
      countDistinct([
        { signer: identity('b'), holder: 'x' },
        { signer: identity('b'), holder: 'y' },
        { signer: identity('a'), holder: 'x' },
      ]),
      2,
    );
  });

  test('never counts more than there are holders or signers', () => {
    const edge = fc.record({ signer: fc.nat(5), holder: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 20 }), (edges) => {
        const proofs = edges.map(({ signer, holder }) => ({ signer: identity(`i${signer}`), holder: `h${holder}` }));
        const count = countDistinct(proofs);
        assert.ok(count <= new Set(edges.map((e) => e.holder)).size);
        assert.ok(count <= new Set(edges.map((e) => e.signer)).size);
        assert.equal(count > 0, edges.length > 0);
      }),
    );
  });
});

test('keys are told apart by fingerprint and identities by name', () => {
  assert.equal(signerIdentity(key('a', '01')), 'key sha256:01');
  assert.equal(signerIdentity(identity('a')), 'identity a');
});

test('an identity keeps each holder that was proven for it', () => {
  const proofs = [
    { signer: identity('b'), holder: 'x' },
    { signer: identity('b'), holder: 'y' },
    { signer: identity('a'), holder: 'y' },
  ];
  assert.equal(countDistinct(proofs), 2);
});
