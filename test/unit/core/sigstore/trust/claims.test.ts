// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { readLeaf } from '../../../../../core/sigstore/trust/certificate.ts';
import { CLAIM_NAMES } from '../../../../../core/sigstore/trust/claims.ts';
import { emailName, extension, generateKeys } from '../../../../fakes/sigstore/certificates.ts';
import { sequence, utf8String } from '../../../../fakes/sigstore/der.ts';
import type { Der } from '../../../../fakes/sigstore/der.ts';
import { ISSUER, SUBJECT, VALID_FROM, VALID_UNTIL } from '../../../../fakes/sigstore/keyless.ts';
import { createSigstore, fulcioExtensions, issuerV1, issuerV2 } from '../../../../fakes/sigstore/sigstore.ts';

const sigstore = createSigstore();
const ARC = '1.3.6.1.4.1.57264.1';

function claimsOf(...extensions: readonly Der[]): Readonly<Record<string, string>> {
  const { publicKey } = generateKeys('P-256');
  const times = { notBefore: VALID_FROM, notAfter: VALID_UNTIL };
  const der = sigstore.fulcio.issue({ publicKey, subject: emailName(SUBJECT), issuer: ISSUER, extensions, ...times });
  return readLeaf(der).identity.claims;
}

/** fulcio, docs/oid-info.md; written down here a second time. */
const NUMBERS: Readonly<Record<string, number>> = {
  githubWorkflowTrigger: 2,
  githubWorkflowSHA: 3,
  githubWorkflowName: 4,
  githubWorkflowRepository: 5,
  githubWorkflowRef: 6,
  issuer: 8,
  buildSignerURI: 9,
  buildSignerDigest: 10,
  runnerEnvironment: 11,
  sourceRepositoryURI: 12,
  sourceRepositoryDigest: 13,
  sourceRepositoryRef: 14,
  sourceRepositoryIdentifier: 15,
  sourceRepositoryOwnerURI: 16,
  sourceRepositoryOwnerIdentifier: 17,
  buildConfigURI: 18,
  buildConfigDigest: 19,
  buildTrigger: 20,
  runInvocationURI: 21,
  sourceRepositoryVisibilityAtSigning: 22,
  deploymentEnvironment: 23,
  tokenSubject: 24,
};

describe("a certificate's claims", () => {
  test('are read by name, each from its own extension', () => {
    const values = Object.fromEntries(Object.values(NUMBERS).map((number) => [number, `value ${number} é`]));
    const expected = Object.fromEntries(Object.entries(NUMBERS).map(([name, number]) => [name, `value ${number} é`]));
    assert.deepEqual(claimsOf(...fulcioExtensions(values)), expected);
  });

  test('have the names that policies may use', () => {
    const text = readFileSync(new URL('../../../../../crds/imagepolicies.cosignet.dev.yaml', import.meta.url), 'utf8');
    const { spec } = parse(text).spec.versions[0].schema.openAPIV3Schema.properties;
    const { name } = spec.properties.identities.items.properties.claims.items.properties;
    assert.deepEqual(name.enum, CLAIM_NAMES);
    assert.deepEqual(CLAIM_NAMES, Object.keys(NUMBERS));
  });

  const unreadable: readonly (readonly [string, Der])[] = [
    ['bare where it must be a UTF8String', extension(`${ARC}.14`, Buffer.from('refs/heads/main'))],
    ['another type', extension(`${ARC}.14`, Buffer.from([0x16, 1, 0x61]))],
    ['two texts', extension(`${ARC}.14`, Buffer.concat([utf8String('a'), utf8String('b')]))],
    ['a sequence', extension(`${ARC}.14`, sequence(utf8String('a')))],
    ['empty', extension(`${ARC}.14`, utf8String(''))],
    ['with a control character', extension(`${ARC}.14`, utf8String('a\nb'))],
    ['not UTF-8', extension(`${ARC}.14`, Buffer.from([0x0c, 1, 0xff]))],
    ['longer than a name', extension(`${ARC}.14`, utf8String('a'.repeat(1025)))],
    ['bare, and not UTF-8', extension(`${ARC}.6`, Buffer.from([0x61, 0xff]))],
  ];
  for (const [what, one] of unreadable) {
    test(`are left out where one is ${what}, and the others stay`, () => {
      const claims = claimsOf(issuerV2(ISSUER), one, ...fulcioExtensions({ 12: 'https://github.com/acme/app' }));
      assert.deepEqual(claims, { issuer: ISSUER, sourceRepositoryURI: 'https://github.com/acme/app' });
    });
  }

  test('make the certificate unusable where one is there twice', () => {
    const [first, second] = [
      ...fulcioExtensions({ 14: 'refs/heads/main' }),
      ...fulcioExtensions({ 14: 'refs/heads/x' }),
    ];
    assert.ok(first && second);
    assert.throws(
      () => claimsOf(issuerV2(ISSUER), first, second),
      /has the extension 1\.3\.6\.1\.4\.1\.57264\.1\.14 twice/,
    );
  });

  test('name the issuer once, whichever extension it is in', () => {
    for (const extensions of [[issuerV1(ISSUER)], [issuerV2(ISSUER)], [issuerV1(ISSUER), issuerV2(ISSUER)]]) {
      assert.deepEqual(claimsOf(...extensions), { issuer: ISSUER });
    }
  });
});
