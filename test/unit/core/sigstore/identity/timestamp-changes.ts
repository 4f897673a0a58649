// SPDX-License-Identifier: Apache-2.0
import { flipped, LATER } from '../../../../fakes/sigstore/keyless.ts';
import { elsewhere, type Change, other } from './proving.ts';

export const TIMESTAMP: readonly Change[] = [
  {
    name: 'a timestamp over another signature',
    change: (s) => (s.timestamps = other.timestamps),
    reason: /timestamp could not be verified/,
  },
  {
    name: 'a bit of the timestamp',
    change: (s) => (s.timestamps = s.timestamps.map((one) => flipped(one))),
    reason: /timestamp/,
  },
  {
    name: 'a timestamp that is none',
    change: (s) => (s.timestamps = [Buffer.from('3003020100', 'hex')]),
    reason: /not a valid RFC 3161 response/,
  },
  {
    name: 'a refusal of a timestamp',
    change: (s) =>
      (s.timestamps = s.timestamps.map((one) =>
        Buffer.from(one.toString('hex').replace('3003020100', '3003020102'), 'hex'),
      )),
    reason: /not a valid RFC 3161 response/,
  },
  {
    name: 'a timestamp after the certificate had expired',
    change: (s) => (s.timestamps = [s.sigstore.tsa.stamp(s.signature, LATER)]),
    reason: /expired/,
  },
  {
    name: 'an authority that was retired before',
    change: (s) =>
      (s.root.timestampAuthorities = s.root.timestampAuthorities.map((one) => ({
        ...one,
        validFor: { start: '2020-01-01T00:00:00Z', end: '2026-05-01T00:00:00Z' },
      }))),
    reason: /outside of the time in which its authority is trusted/,
  },
  {
    name: 'an authority of another key under the same name and number',
    change: (s) => (s.root.timestampAuthorities = elsewhere.trustedRoot.timestampAuthorities),
    reason: /timestamp could not be verified/,
  },
  { name: 'no timestamp', change: (s) => (s.timestamps = []), reason: /TransparencyLogMissing/ },
  {
    name: 'a timestamp of nobody known',
    change: (s) => (s.root.timestampAuthorities = []),
    reason: /TransparencyLogMissing/,
  },
];

export const TWICE: Change = {
  name: 'the timestamp twice',
  change: (s) => s.timestamps.push(...s.timestamps),
  reason: /timestamp is listed twice/,
};
