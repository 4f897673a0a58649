// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {
  entryBody,
  flipped,
  flipped64,
  LATER,
  logEntry,
  signKeyless,
  SIGNED_AT,
} from '../../../../fakes/sigstore/keyless.ts';
import type { Signing } from '../../../../fakes/sigstore/keyless.ts';
import { elsewhere, type Change, other } from './proving.ts';

export function entryOf(signing: Signing): Signing['entries'][number] {
  const [entry] = signing.entries;
  assert.ok(entry);
  return entry;
}

export function proofOf(signing: Signing): NonNullable<Signing['entries'][number]['inclusionProof']> {
  const { inclusionProof } = entryOf(signing);
  assert.ok(inclusionProof);
  return inclusionProof;
}

export const PROMISE: readonly Change[] = [
  {
    name: 'a bit of the promise',
    change: (s) =>
      (entryOf(s).inclusionPromise = {
        signedEntryTimestamp: flipped64(entryOf(s).inclusionPromise?.signedEntryTimestamp ?? ''),
      }),
    reason: /inclusionPromise is not by its log/,
  },
  {
    name: "another entry's promise",
    change: (s) => Object.assign(entryOf(s), { inclusionPromise: other.entries[0]?.inclusionPromise }),
    reason: /inclusionPromise is not by its log/,
  },
  {
    name: 'another time under the promise',
    change: (s) => (entryOf(s).integratedTime = String(SIGNED_AT.getTime() / 1000 + 1)),
    reason: /inclusionPromise is not by its log/,
  },
  {
    name: 'another index under the promise',
    change: (s) => (entryOf(s).logIndex = '1000005'),
    reason: /inclusionPromise is not by its log/,
  },
  {
    name: 'a bit of the body',
    change: (s) => (entryOf(s).canonicalizedBody = flipped64(entryOf(s).canonicalizedBody, 20)),
    reason: /inclusionPromise is not by its log/,
  },
  {
    name: 'an entry after the certificate had expired',
    change: (s) =>
      (s.entries = [
        s.sigstore.rekor1.log(JSON.parse(Buffer.from(entryOf(s).canonicalizedBody, 'base64').toString()), LATER),
      ]),
    reason: /expired/,
  },
  {
    name: 'an entry before the certificate was valid',
    change: (s) =>
      (s.entries = [
        s.sigstore.rekor1.log(
          JSON.parse(Buffer.from(entryOf(s).canonicalizedBody, 'base64').toString()),
          new Date('2026-05-31T23:59:59Z'),
        ),
      ]),
    reason: /not valid/,
  },
  {
    name: 'a log that was retired before',
    change: (s) =>
      (s.root.tlogs = s.root.tlogs.map((one) => ({
        ...one,
        publicKey: { ...one.publicKey, validFor: { start: '2020-01-01T00:00:00Z', end: '2026-05-01T00:00:00Z' } },
      }))),
    reason: /outside of the time in which its log is trusted/,
  },
  {
    name: 'an entry of a log that is not trusted',
    change: (s) => (s.root.tlogs = elsewhere.trustedRoot.tlogs),
    reason: /TransparencyLogMissing.*no.*trusted time/,
  },
  {
    name: 'no entry',
    change: (s) => (s.entries = []),
    reason: /TransparencyLogMissing.*neither a log entry nor a timestamp/,
  },
];

export const PROOF: readonly Change[] = [
  {
    name: 'a bit of a hash of the proof',
    change: (s) => (proofOf(s).hashes[0] = flipped64(proofOf(s).hashes[0] ?? '')),
    reason: /does not lead from the entry to the root/,
  },
  { name: 'a hash too few', change: (s) => proofOf(s).hashes.pop(), reason: /does not lead/ },
  { name: 'a hash too many', change: (s) => proofOf(s).hashes.push(proofOf(s).rootHash), reason: /does not lead/ },
  {
    name: 'a bit of the root hash',
    change: (s) => (proofOf(s).rootHash = flipped64(proofOf(s).rootHash)),
    reason: /rootHash is not that/,
  },
  { name: 'another tree size', change: (s) => (proofOf(s).treeSize = '8'), reason: /treeSize is not that/ },
  {
    name: 'another index in the proof',
    change: (s) => (proofOf(s).logIndex = '3'),
    reason: /does not lead|logIndex is not that/,
  },
  {
    name: 'an index beyond the tree',
    change: (s) => (proofOf(s).logIndex = '100'),
    reason: /does not lead|logIndex is not that/,
  },
  { name: 'an index below zero', change: (s) => (proofOf(s).logIndex = '-1'), reason: /not a whole number/ },
  {
    name: 'a bit of the signature of the checkpoint',
    change: (s) => {
      const { checkpoint } = proofOf(s);
      checkpoint.envelope = checkpoint.envelope.replace(/(\S+)\n$/, (_, line: string) => `${flipped64(line)}\n`);
    },
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'another size in the checkpoint',
    change: (s) => {
      proofOf(s).treeSize = '8';
      proofOf(s).checkpoint.envelope = proofOf(s).checkpoint.envelope.replace(/\n(7|11)\n/, '\n8\n');
    },
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'another origin in the checkpoint',
    change: (s) => (proofOf(s).checkpoint.envelope = `x${proofOf(s).checkpoint.envelope}`),
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'another name at the signature of the checkpoint',
    change: (s) =>
      (proofOf(s).checkpoint.envelope = proofOf(s).checkpoint.envelope.replace(/\u2014 (\S+)/, '\u2014 evil.test')),
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'a checkpoint that the log made out to another origin',
    change: (s) => (s.entries = [logEntry(s, kindIn(s), SIGNED_AT, { origin: 'other.example.test' })]),
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'a hint at another key in the checkpoint',
    change: (s) => {
      const { checkpoint } = proofOf(s);
      checkpoint.envelope = checkpoint.envelope.replace(/(\S+)\n$/, (_, line: string) => `${flipped64(line, 0)}\n`);
    },
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'the checkpoint of another log',
    change: (s) =>
      (proofOf(s).checkpoint.envelope =
        other.entries[0] === undefined
          ? ''
          : proofOf(signKeyless({ sigstore: elsewhere, entry: 'dsse1' })).checkpoint.envelope),
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'a checkpoint that is none',
    change: (s) => (proofOf(s).checkpoint.envelope = 'hello'),
    reason: /not a signed note/,
  },
  { name: 'no proof', change: (s) => delete entryOf(s).inclusionProof, reason: /inclusionProof is missing/ },
];

/** What the log says that it saw. */
export const CONTENT: readonly Change[] = [
  {
    name: "another artifact's entry, rightly logged",
    change: (s) => (s.entries = [logEntry(other, kindIn(s))]),
    reason: /other content|another/,
  },
  {
    name: 'an entry for another signature of the same content',
    change: (s) => (s.entries = [logEntry({ ...s, signature: flipped(s.signature) }, kindIn(s))]),
    reason: /another signature|other content/,
  },
  {
    name: 'an entry for other content under the same signature',
    change: (s) =>
      (s.entries = [logEntry({ ...s, payload: other.payload, signedBytes: other.signedBytes }, kindIn(s))]),
    reason: /other content/,
  },
  {
    name: 'an entry by another certificate',
    change: (s) => (s.entries = [logEntry({ ...s, verifier: other.verifier }, kindIn(s))]),
    reason: /another certificate/,
  },
  {
    name: "an entry by the certificate's bare key",
    change: (s) => (s.entries = [logEntry({ ...s, verifier: { key: s.keys.publicKey } }, kindIn(s))]),
    reason: /another key/,
  },
  {
    name: 'an entry of a kind that says nothing of signatures',
    change: (s) => (s.entries = [s.sigstore.rekor1.log({ ...entryBody(s, 'dsse1'), kind: 'helm' }, SIGNED_AT)]),
    reason: /kind that is not supported/,
  },
];

export const BODY: readonly Change[] = [
  {
    name: 'another label of the kind',
    change: (s) => (entryOf(s).kindVersion.kind = 'rekord'),
    reason: /kindVersion is not that of its body/,
  },
  {
    name: 'another label of the version',
    change: (s) => (entryOf(s).kindVersion.version = '0.0.9'),
    reason: /kindVersion is not that of its body/,
  },
  ...CONTENT,
  { name: 'the entry twice', change: (s) => s.entries.push(entryOf(s)), reason: /listed twice/ },
  {
    name: 'a date outside of the certificate that nothing vouches for',
    change: (s) => {
      delete entryOf(s).inclusionPromise;
      entryOf(s).integratedTime = String(LATER.getTime() / 1000);
      s.timestamps = [s.sigstore.tsa.stamp(s.signature, SIGNED_AT)];
    },
    reason: /dated outside of the certificate's validity/,
  },
  {
    name: 'a bad entry of a trusted log beside the good one',
    change: (s) => s.entries.push(logEntry(other, kindIn(s))),
    reason: /other content|another/,
  },
];

/** The kind of the entry that is there, so that what replaces it differs only where it is meant to. */
export function kindIn(signing: Signing) {
  const { kind, version } = entryOf(signing).kindVersion;
  const kinds = {
    'dsse/0.0.1': 'dsse1',
    'dsse/0.0.2': 'dsse2',
    'intoto/0.0.1': 'intoto1',
    'intoto/0.0.2': 'intoto2',
    'hashedrekord/0.0.1': 'hashedrekord1',
    'hashedrekord/0.0.2': 'hashedrekord2',
  } as const;
  const found = Object.entries(kinds).find(([name]) => name === `${kind}/${version}`)?.[1];
  assert.ok(found);
  return found;
}

export const RETIRED: Change = {
  name: 'an undated entry of a log that was retired before the timestamp',
  change: (s) =>
    (s.root.tlogs = s.root.tlogs.map((one) => ({
      ...one,
      publicKey: { ...one.publicKey, validFor: { start: '2020-01-01T00:00:00Z', end: '2026-05-01T00:00:00Z' } },
    }))),
  reason: /of a log that was not trusted at the time of the timestamp/,
};

/** The key ids of Rekor v2 are over the log's name too; Rekor v1 is known by its key alone. */
export const NAMES: readonly Change[] = [
  {
    name: 'a checkpoint that the log signed as another',
    change: (s) => {
      const signer = 'other.example.test';
      s.entries = [logEntry(s, kindIn(s), SIGNED_AT, { origin: signer, signer })];
    },
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'a checkpoint of a tree, as only Rekor v1 has them',
    change: (s) =>
      (s.entries = [
        logEntry(s, kindIn(s), SIGNED_AT, { origin: 'log2026-1.rekor.example.test - 1193050959916656506' }),
      ]),
    reason: /checkpoint is not by its log/,
  },
];

/** The log would have had to check a signature over SHA-512, which this is not. */
export const HASH: Change = {
  name: 'an entry with another digest of the same content than the signed one',
  change: (s) => (s.entries = [logEntry({ ...s, hash: 'sha512' }, kindIn(s))]),
  reason: /other content/,
};

export const INDEX: Change = {
  name: 'an index of the entry that is not that of its proof',
  change: (s) => (entryOf(s).logIndex = '6'),
  reason: /logIndex is not that of its inclusion proof/,
};
