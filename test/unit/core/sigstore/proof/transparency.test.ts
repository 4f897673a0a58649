// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseCheckpoint } from '../../../../../core/sigstore/proof/checkpoint.ts';
import { readAnnotationMaterial } from '../../../../../core/sigstore/bundle/legacy-material.ts';
import { requireInclusion } from '../../../../../core/sigstore/proof/log-inclusion.ts';
import { rootFromProof } from '../../../../../core/sigstore/proof/merkle.ts';
import { proveLogged } from '../../../../../core/sigstore/proof/transparency.ts';
import { parseTrustRoot } from '../../../../../core/sigstore/trust/trust-root.ts';
import { parsePublicKey } from '../../../../../core/keys/public-key.ts';
import { EngineError } from '../../../../../core/errors.ts';
import type { KeySigner } from '../../../../../core/policy/signers/key/key-signer.ts';
import { generateKeys, sha256, spkiOf, toPem } from '../../../../fakes/sigstore/certificates.ts';
import type { KeyPair } from '../../../../fakes/sigstore/certificates.ts';
import {
  candidateFor,
  flipped,
  flipped64,
  LATER,
  logEntry,
  SIGNED_AT,
  signKeyless,
} from '../../../../fakes/sigstore/keyless.ts';
import type { EntryKind, Signing, SigningOptions } from '../../../../fakes/sigstore/keyless.ts';
import { dsse1 } from '../../../../fakes/sigstore/sigstore-evidence.ts';
import { createSigstore, leafHash, path, treeHash } from '../../../../fakes/sigstore/sigstore.ts';

const sigstore = createSigstore();
const elsewhere = createSigstore();

function signerOf({ publicKey }: KeyPair): KeySigner {
  return { kind: 'key', name: 'release', ...parsePublicKey(toPem('PUBLIC KEY', spkiOf(publicKey))) };
}

const prove = (signing: Signing, from: 'bundle' | 'annotations', keys = signing.keys) =>
  proveLogged(candidateFor(signing, from), signerOf(keys), parseTrustRoot(JSON.stringify(signing.root)));

async function refused(work: Promise<void>, reason: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof EngineError, String(error));
    assert.match(`${error.code}: ${error.message}`, reason);
    return true;
  });
}

const sign = (options: SigningOptions) => signKeyless({ sigstore, withKey: true, ...options });

describe('a log entry for a key is proven offline', () => {
  const kinds: readonly EntryKind[] = ['dsse1', 'intoto2', 'hashedrekord1', 'hashedrekord2', 'dsse2'];
  for (const entry of kinds) {
    for (const kind of ['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA'] as const) {
      test(`bundle, ${entry}, ${kind}`, () => prove(sign({ entry, kind }), 'bundle'));
    }
  }
  for (const entry of ['dsse1', 'intoto1', 'intoto2'] as const) {
    test(`.att annotations, ${entry}`, () => prove(sign({ entry }), 'annotations'));
  }
  test('.sig annotations', () => prove(sign({ message: true, entry: 'hashedrekord1' }), 'annotations'));

  test('with a promise alone, long after it was made', async () => {
    const signing = sign({ message: true, entry: 'hashedrekord1', loggedAt: LATER });
    await prove(signing, 'annotations');
  });

  test('where the entry names a certificate for the same key', async () => {
    const keyless = signKeyless({ sigstore, message: true, entry: 'hashedrekord1' });
    await prove({ ...keyless, verifier: { key: keyless.keys.publicKey } }, 'annotations');
  });
});

describe('a log entry for a key does not count', () => {
  const changes: readonly (readonly [string, (s: Signing) => void, RegExp])[] = [
    ['where there is none', (s) => (s.entries = []), /TransparencyLogMissing: no transparency log entry/],
    [
      'of a log that is not trusted',
      (s) => (s.root.tlogs = elsewhere.trustedRoot.tlogs),
      /TransparencyLogMissing: its log entries are of logs/,
    ],
    [
      'under a promise that another log made',
      (s) =>
        Object.assign(s.entries[0] ?? {}, {
          inclusionPromise: logEntry({ ...s, sigstore: elsewhere }, 'hashedrekord1').inclusionPromise,
        }),
      /not by its log/,
    ],
    [
      'for another signature',
      (s) => (s.entries = [logEntry({ ...s, signature: flipped(s.signature) }, 'hashedrekord1')]),
      /another signature/,
    ],
    [
      'for another payload',
      (s) => (s.entries = [logEntry({ ...s, signedBytes: Buffer.from('other') }, 'hashedrekord1')]),
      /other content/,
    ],
    [
      'by another key',
      (s) => (s.entries = [logEntry({ ...s, verifier: { key: generateKeys('P-256').publicKey } }, 'hashedrekord1')]),
      /another key/,
    ],
    [
      'by a certificate for another key',
      (s) => (s.entries = [logEntry({ ...s, verifier: signKeyless({ sigstore }).verifier }, 'hashedrekord1')]),
      /another certificate/,
    ],
  ];
  for (const from of ['bundle', 'annotations'] as const) {
    for (const [name, change, reason] of changes) {
      test(`${name} (${from})`, async () => {
        const signing = sign({ message: from === 'annotations', entry: 'hashedrekord1' });
        await prove(signing, from);
        change(signing);
        await refused(prove(signing, from), reason);
      });
    }
  }

  test('for a key that did not sign', async () => {
    const signing = sign({ entry: 'dsse1' });
    await refused(prove(signing, 'bundle', generateKeys('P-256')), /another key/);
  });

  test('where an entry about statements is offered for a payload that only looks like one', async () => {
    const statement = sign({ entry: 'dsse1' });
    const candidate = candidateFor({ ...statement, artifact: statement.signedBytes }, 'annotations');
    const root = parseTrustRoot(JSON.stringify(statement.root));
    await refused(proveLogged(candidate, signerOf(statement.keys), root), /other content/);
  });

  test('where its log has a key with which nothing can be verified', () => {
    const entry = {
      path: 'tlogEntries[0]',
      logId: Buffer.alloc(32),
      logIndex: 1n,
      integratedTime: LATER.getTime() / 1000,
      body: Buffer.from('{}'),
      promise: Buffer.alloc(70),
    };
    const log = {
      baseUrl: 'https://rekor.example.test',
      logId: Buffer.alloc(32),
      checkpointKeyId: Buffer.alloc(32),
      // Keys of this kind sign nothing: the cryptography underneath throws.
      key: generateKeyPairSync('x25519').publicKey,
      hash: null,
      validFor: { start: new Date(0), end: new Date(8_640_000_000_000_000) },
    };
    assert.throws(() => verify(null, entry.body, log.key, entry.promise));
    assert.throws(() => requireInclusion(entry, [log]), /inclusionPromise is not by its log/);
  });

  test('with two signatures in one entry', async () => {
    const signing = sign({ entry: 'dsse1' });
    const body = dsse1({ ...signing, bytes: signing.signedBytes }, signing.payload);
    body.spec.signatures.push(...body.spec.signatures);
    signing.entries = [signing.sigstore.rekor1.log(body, SIGNED_AT)];
    await refused(prove(signing, 'bundle'), /has not exactly one signature/);
  });

  const annotations: readonly (readonly [string, string, RegExp])[] = [
    ['no JSON', '{', /not JSON/],
    ['a member twice', '{"Payload":{},"Payload":{}}', /twice/],
    ['no payload', '{"SignedEntryTimestamp":"AAAA"}', /Payload is missing|not an object|missing/],
    [
      'a log id that is none',
      '{"SignedEntryTimestamp":"AAAA","Payload":{"body":"AAAA","integratedTime":1,"logIndex":1,"logID":"zz"}}',
      /64 hexadecimal/,
    ],
    [
      'a time with a fraction',
      `{"SignedEntryTimestamp":"AAAA","Payload":{"body":"AAAA","integratedTime":1.5,"logIndex":1,"logID":"${'a'.repeat(64)}"}}`,
      /whole number/,
    ],
  ];
  for (const [name, rekorBundle, reason] of annotations) {
    test(`from an annotation that is malformed: ${name}`, async () => {
      const signing = sign({ message: true });
      const candidate = {
        ...candidateFor(signing, 'annotations'),
        material: { kind: 'annotations', rekorBundle } as const,
      };
      await refused(
        proveLogged(candidate, signerOf(signing.keys), parseTrustRoot(JSON.stringify(signing.root))),
        reason,
      );
    });
  }
});

/** The log's key counts in this time only. */
function retire(signing: Signing, validFor: { start: string; end?: string }): void {
  signing.root.tlogs = signing.root.tlogs.map((log) => ({ ...log, publicKey: { ...log.publicKey, validFor } }));
}

/** An entry with a date and no promise, in a log that is trusted for this time. */
function proveUndated(validFor: { start: string; end?: string }): Promise<void> {
  const signing = sign({ entry: 'hashedrekord1' });
  for (const entry of signing.entries) delete entry.inclusionPromise;
  retire(signing, validFor);
  return prove(signing, 'bundle');
}

describe('an entry without a promise is held to the time in which its log is trusted', () => {
  const BEFORE = { start: '2020-01-01T00:00:00Z', end: '2026-05-01T00:00:00Z' };
  const AROUND = { start: '2020-01-01T00:00:00Z', end: '2026-12-01T00:00:00Z' };
  const AFTER = { start: '2026-12-01T00:00:00Z' };

  test('by the timestamps that come with it', async () => {
    for (const [validFor, reason] of [
      [AROUND, undefined],
      [BEFORE, /not trusted at the time of the timestamp/],
      [AFTER, /not trusted at the time of the timestamp/],
    ] as const) {
      const signing = sign({ entry: 'hashedrekord2' });
      signing.timestamps = [signing.sigstore.tsa.stamp(signing.signature, SIGNED_AT)];
      retire(signing, validFor);
      if (reason === undefined) await prove(signing, 'bundle');
      else await refused(prove(signing, 'bundle'), reason);
    }
  });

  test('by its own date, which nothing vouches for', async () => {
    await proveUndated(AROUND);
    await refused(proveUndated(BEFORE), /not trusted at the time of the entry/);
    await refused(proveUndated(AFTER), /not trusted at the time of the entry/);
  });

  test('without any date only while its log is in use', async () => {
    const signing = sign({ entry: 'hashedrekord2' });
    signing.timestamps = [];
    await prove(signing, 'bundle');
    retire(signing, AROUND);
    await refused(prove(signing, 'bundle'), /no longer trusted, and nothing proves that it was made before/);
  });

  test('and a timestamp that claims a trusted authority and does not hold fails it', async () => {
    const signing = sign({ entry: 'hashedrekord2' });
    signing.timestamps = [signing.sigstore.tsa.stamp(Buffer.from('another'), SIGNED_AT)];
    await refused(prove(signing, 'bundle'), /over another signature/);
  });
});

test('an annotation with two certificates is refused, and not the first one read', () => {
  const { verifier } = signKeyless({ sigstore });
  assert.ok('certificate' in verifier);
  const certificate = toPem('CERTIFICATE', verifier.certificate);
  assert.ok(readAnnotationMaterial({ kind: 'annotations', certificate }).certificate);
  assert.throws(
    () => readAnnotationMaterial({ kind: 'annotations', certificate: certificate + certificate }),
    /not one PEM certificate/,
  );
});

const treeOf = (size: number) => Array.from({ length: size }, (_, index) => Buffer.from(`leaf ${index}`));

describe('an inclusion proof', () => {
  test('leads from each leaf to the root, in trees of each size', () => {
    for (let size = 1; size <= 33; size += 1) {
      const hashes = treeOf(size).map(leafHash);
      const rootHash = treeHash(hashes);
      for (const [index, leaf] of treeOf(size).entries()) {
        const proof = {
          logIndex: BigInt(index),
          treeSize: BigInt(size),
          rootHash,
          hashes: path(index, hashes),
          checkpoint: '',
        };
        assert.deepEqual(rootFromProof(leaf, proof), rootHash, `leaf ${index} of ${size}`);
      }
    }
  });

  test('leads elsewhere with any other leaf, index, size or hash', () => {
    const arbitrary = fc
      .integer({ min: 2, max: 40 })
      .chain((size) => fc.record({ size: fc.constant(size), index: fc.nat(size - 1), wrong: fc.nat(50) }));
    fc.assert(
      fc.property(arbitrary, ({ size, index, wrong }) => {
        const hashes = treeOf(size).map(leafHash);
        const rootHash = treeHash(hashes);
        const proof = {
          logIndex: BigInt(index),
          treeSize: BigInt(size),
          rootHash,
          hashes: path(index, hashes),
          checkpoint: '',
        };
        const leaf = treeOf(size)[index] ?? Buffer.alloc(0);
        const leads = (to: Uint8Array | undefined): boolean => to !== undefined && Buffer.compare(to, rootHash) === 0;
        assert.ok(!leads(rootFromProof(Buffer.from('other'), proof)));
        if (wrong !== index) assert.ok(!leads(rootFromProof(leaf, { ...proof, logIndex: BigInt(wrong) })));
        assert.ok(!leads(rootFromProof(leaf, { ...proof, hashes: proof.hashes.slice(1) })));
        assert.ok(!leads(rootFromProof(leaf, { ...proof, hashes: [...proof.hashes, sha256(leaf)] })));
        assert.ok(!leads(rootFromProof(leaf, { ...proof, hashes: proof.hashes.map((one) => flipped(one)) })));
      }),
    );
  });

  test('of a leaf does not pass for one of a node (RFC 6962)', () => {
    const [a, b] = treeOf(2).map(leafHash);
    assert.ok(a && b);
    const proof = { logIndex: 0n, treeSize: 1n, rootHash: treeHash([a, b]), hashes: [], checkpoint: '' };
    assert.notDeepEqual(rootFromProof(Buffer.concat([a, b]), proof), treeHash([a, b]));
  });
});

describe('a checkpoint', () => {
  const right = signKeyless({ sigstore, entry: 'dsse1' }).entries[0]?.inclusionProof?.checkpoint.envelope ?? '';

  test('is read', () => {
    const { origin, treeSize, rootHash, note, signatures } = parseCheckpoint(right);
    assert.equal(origin, 'rekor.example.test - 1193050959916656506');
    assert.equal(treeSize, 7n);
    assert.equal(rootHash.length, 32);
    assert.equal(right.startsWith(`${note}\n\u2014 rekor.example.test `), true);
    assert.deepEqual(
      signatures.map(({ name }) => name),
      ['rekor.example.test'],
    );
  });

  test('may have further lines and signatures of witnesses', () => {
    const [note = '', line = ''] = right.split('\n\n');
    const witnesses = '\u2014 witness.test AAAAAAAA\n'.repeat(99);
    const witnessed = parseCheckpoint(`${note}\nTimestamp: 1\n\n${line}${witnesses}`);
    const names = witnessed.signatures.map(({ name }) => name);
    assert.deepEqual([names.length, ...new Set(names)], [100, 'rekor.example.test', 'witness.test']);
  });

  const faults: readonly (readonly [string, (text: string) => string, RegExp])[] = [
    ['no signatures', (text) => text.split('\n\n')[0] ?? '', /not a signed note/],
    ['no last newline', (text) => text.slice(0, -1), /not a signed note/],
    ['a hyphen for the dash', (text) => text.replace('\u2014', '-'), /malformed signature line/],
    ['a signature that is no base64', (text) => text.replace(/(\S+)\n$/, '***\n'), /malformed signature line/],
    [
      'a signature with nothing but the hint',
      (text) => text.replace(/(\S+)\n$/, 'AAAAAA==\n'),
      /malformed signature line/,
    ],
    ['a size with a leading zero', (text) => text.replace('\n7\n', '\n07\n'), /no valid tree size/],
    ['a size in hexadecimal', (text) => text.replace('\n7\n', '\n0x7\n'), /no valid tree size/],
    ['no size', (text) => text.replace('\n7\n', '\n\n'), /signature line|tree size/],
    ['a root that is too short', (text) => text.replace(/\n7\n.+\n/, '\n7\nAAAA\n'), /no valid root hash/],
    ['no origin', (text) => text.replace(/^.+\n/, '\n'), /no origin/],
    ['too much text', (text) => `${'x'.repeat(70_000)}${text}`, /too long/],
    ['too many signatures', (text) => `${text}${'\u2014 a AAAAAAAA\n'.repeat(100)}`, /too many signatures/],
  ];
  for (const [name, change, reason] of faults) {
    test(`is refused for ${name}`, () => assert.throws(() => parseCheckpoint(change(right)), reason));
  }

  test('and any text gives a checkpoint or one Error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('\n', '\u2014', ' ', 'a', '7', '=', '\n\n') }), (text) => {
        try {
          parseCheckpoint(text);
        } catch (error) {
          assert.ok(error instanceof Error && !error.message.includes('\n'));
        }
      }),
    );
  });

  test('whose signature has one bit changed is not by its log', async () => {
    const signing = sign({ entry: 'dsse1' });
    const proof = signing.entries[0]?.inclusionProof;
    assert.ok(proof);
    proof.checkpoint.envelope = right.replace(/(\S+)\n$/, (_, line: string) => `${flipped64(line)}\n`);
    await refused(prove(signing, 'bundle'), /checkpoint is not by its log/);
  });
});
