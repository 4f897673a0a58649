// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parseBundle } from '../../../../core/cosign/bundle-statement.ts';
import { EngineError } from '../../../../core/errors.ts';
import type { Descriptor } from '../../../../core/registry/types.ts';
import { createLayoutRegistry, freshScope, repositoryOf } from '../../../vectors/cosign/layout-registry.ts';
import { publicKey, signersOf } from '../../../vectors/cosign/read-evidence.ts';

const registry = createLayoutRegistry();
const repository = repositoryOf('demo/bundle');
const digest = registry.digest('demo/bundle:1.0');
const [listed] = (await registry.listReferrers(repository, digest, freshScope())).descriptors;
const bundleManifest = listed?.digest ?? '';
const referrer: { readonly layers: readonly [Descriptor] } = JSON.parse(
  Buffer.from((await registry.getManifest(repository, bundleManifest, 1 << 20, freshScope()))?.bytes ?? '').toString(),
);
const real: { readonly verificationMaterial: object; readonly dsseEnvelope: { readonly payload: string } } = JSON.parse(
  Buffer.from((await registry.getBlob(repository, referrer.layers[0], freshScope())) ?? '').toString(),
);

const parse = (value: unknown, maximumBytes = 1 << 20) =>
  parseBundle({ bytes: Buffer.from(JSON.stringify(value)), maximumBytes, digest, source: 'here' });
const besideEnvelope = (bundle: object) =>
  Object.fromEntries(Object.entries(bundle).filter(([name]) => name !== 'dsseEnvelope'));
const changed = (changes: object) => ({ ...real, ...changes });
const withPayload = (statement: object) =>
  changed({
    dsseEnvelope: { ...real.dsseEnvelope, payload: Buffer.from(JSON.stringify(statement)).toString('base64') },
  });
const statement: object = JSON.parse(Buffer.from(real.dsseEnvelope.payload, 'base64').toString());

describe('parseBundle', () => {
  test("reads cosign's bundle as a signature, with the hint of its key", () => {
    const { signatures, attestations, faults } = parse(real);
    assert.deepEqual([signatures.map(signersOf), attestations, faults], [[['release']], [], []]);
    assert.equal(signatures[0]?.keyHint, publicKey('release').hint);
    assert.equal(signatures[0]?.format, 'bundle');
    assert.equal(signatures[0]?.source, 'here');
    assert.deepEqual(signatures[0]?.material, { kind: 'bundle', bundle: besideEnvelope(real) });
  });

  test('reads the other media type of version 0.3', () => {
    assert.equal(
      parse(changed({ mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.3' })).signatures.length,
      1,
    );
  });

  test('reads spaces wherever protojson puts them', () => {
    const bytes = Buffer.from(JSON.stringify(real, null, 3));
    assert.equal(parseBundle({ bytes, maximumBytes: 1 << 20, digest, source: '' }).signatures.length, 1);
  });

  test('never reads another predicate type as a signature', () => {
    for (const predicateType of ['https://slsa.dev/provenance/v1', 'https://sigstore.dev/cosign/sign/v2', 'x']) {
      const { signatures, attestations } = parse(withPayload({ ...statement, predicateType }));
      assert.deepEqual([signatures.length, attestations.map((found) => found.predicateType)], [0, [predicateType]]);
    }
  });

  test('keeps a certificate as it is found', () => {
    const verificationMaterial = { certificate: { rawBytes: 'AA==' }, tlogEntries: [{ logIndex: '1' }] };
    const [found] = parse(changed({ verificationMaterial })).signatures;
    assert.equal(found?.keyHint, undefined);
    assert.deepEqual(found?.material, { kind: 'bundle', bundle: besideEnvelope(changed({ verificationMaterial })) });
  });

  test('keeps a certificate chain, as cosign 3 writes it with --certificate-chain: the signature may be by a key', () => {
    const verificationMaterial = { x509CertificateChain: { certificates: [{ rawBytes: 'AA==' }] } };
    const [found] = parse(changed({ verificationMaterial })).signatures;
    assert.equal(found?.keyHint, undefined);
    assert.deepEqual(found?.material, { kind: 'bundle', bundle: besideEnvelope(changed({ verificationMaterial })) });
  });

  const { verificationMaterial, dsseEnvelope } = real;
  for (const [what, value, message] of [
    [
      'is of version 0.2',
      changed({ mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' }),
      /not of version/,
    ],
    ['is of version 0.4', changed({ mediaType: 'application/vnd.dev.sigstore.bundle.v0.4+json' }), /not of version/],
    ['is of no version', changed({ mediaType: undefined }), /not of version/],
    ['signs a message', changed({ messageSignature: {}, dsseEnvelope: undefined }), /DSSE envelope/],
    ['signs a message as well', changed({ messageSignature: {} }), /DSSE envelope/],
    ['has no envelope', changed({ dsseEnvelope: undefined }), /DSSE envelope/],
    ['has a null envelope', changed({ dsseEnvelope: null }), /DSSE envelope/],
    ['has no material', changed({ verificationMaterial: undefined }), /no verificationMaterial/],
    ['has neither key nor certificate', changed({ verificationMaterial: {} }), /exactly one/],
    [
      'has key and certificate',
      changed({ verificationMaterial: { ...verificationMaterial, certificate: {} } }),
      /exactly one/,
    ],
    [
      'has a certificate and a chain',
      changed({ verificationMaterial: { certificate: {}, x509CertificateChain: {} } }),
      /exactly one/,
    ],
    [
      'has two signatures',
      changed({ dsseEnvelope: { ...dsseEnvelope, signatures: [{}, {}] } }),
      /exactly one signature/,
    ],
    ['names no image', withPayload({ ...statement, subject: [] }), /another image/],
    ['is a list', [], /not an object/],
  ] as const) {
    test(`refuses a bundle that ${what}`, () => {
      assert.throws(() => parse(value), { name: 'EngineError', code: 'MalformedSignature', message });
    });
  }

  test('refuses a bundle larger than allowed', () => {
    assert.throws(() => parse(real, 100), { code: 'ResponseTooLarge' });
  });

  test('throws an EngineError and nothing else where any part of a bundle is replaced', () => {
    const replaced = fc.record({
      mediaType: fc.oneof(fc.constant('application/vnd.dev.sigstore.bundle.v0.3+json'), fc.jsonValue()),
      verificationMaterial: fc.oneof(fc.constant(verificationMaterial), fc.jsonValue()),
      dsseEnvelope: fc.oneof(
        fc.jsonValue(),
        fc.record({
          payload: fc.base64String(),
          payloadType: fc.constant('application/vnd.in-toto+json'),
          signatures: fc.array(fc.record({ sig: fc.base64String() })),
        }),
      ),
    });
    fc.assert(fc.property(replaced, (value) => assert.throws(() => parse(value), EngineError)));
  });
});
