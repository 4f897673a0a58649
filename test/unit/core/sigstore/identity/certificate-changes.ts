// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { flipped } from '../../../../fakes/sigstore/keyless.ts';
import { elsewhere, type Change, other } from './proving.ts';

/** What holds wherever there is a certificate. */
export const CERTIFICATE: readonly Change[] = [
  {
    name: 'a bit of the signature',
    change: (s) => (s.signature = flipped(s.signature)),
    reason: /not by its certificate's key/,
  },
  { name: 'the signature of another statement', change: (s) => (s.signature = other.signature), reason: /signature/ },
  {
    name: 'other signed bytes',
    change: (s) => {
      s.payload = other.payload;
      s.signedBytes = other.signedBytes;
    },
    reason: /not by its certificate's key/,
  },
  {
    name: "another signer's certificate",
    change: (s) => (s.verifier = other.verifier),
    reason: /not by its certificate's key/,
  },
  {
    name: 'a bit of the certificate',
    change: (s) => {
      assert.ok('certificate' in s.verifier);
      s.verifier = { certificate: flipped(s.verifier.certificate) };
    },
    reason: /certificate/,
  },
  {
    name: 'another certificate authority',
    change: (s) => (s.root.certificateAuthorities = elsewhere.trustedRoot.certificateAuthorities),
    reason: /certificate path/,
  },
  {
    name: 'no certificate authority',
    change: (s) => (s.root.certificateAuthorities = []),
    reason: /certificate chain/,
  },
  {
    name: 'an authority that was retired before',
    change: (s) =>
      (s.root.certificateAuthorities = s.root.certificateAuthorities.map((one) => ({
        ...one,
        validFor: { start: '2020-01-01T00:00:00Z', end: '2026-05-01T00:00:00Z' },
      }))),
    reason: /certificate chain/,
  },
  {
    name: 'a chain without its intermediate',
    change: (s) => s.root.certificateAuthorities[0]?.certChain.certificates.shift(),
    reason: /certificate path/,
  },
  { name: 'another certificate log', change: (s) => (s.root.ctlogs = elsewhere.trustedRoot.ctlogs), reason: /SCT/ },
  {
    name: 'a certificate log of another key under the same id',
    change: (s) => {
      const [log] = s.root.ctlogs;
      const [strange] = elsewhere.trustedRoot.ctlogs;
      assert.ok(log && strange);
      log.publicKey.rawBytes = strange.publicKey.rawBytes;
    },
    reason: /SCT/,
  },
  {
    name: 'a certificate log that was retired before',
    change: (s) =>
      (s.root.ctlogs = s.root.ctlogs.map((one) => ({
        ...one,
        publicKey: { ...one.publicKey, validFor: { start: '2020-01-01T00:00:00Z', end: '2026-05-01T00:00:00Z' } },
      }))),
    reason: /SCT/,
  },
];
