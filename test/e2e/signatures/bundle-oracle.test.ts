// SPDX-License-Identifier: Apache-2.0
// The Sigstore bundle specification point by point, asked of the real cosign and of verify-bundle.
import { after, before, describe, test } from 'node:test';
import { asDefined } from '../../fakes/sigstore/as-defined.ts';
import * as make from '../../fakes/sigstore/certificates.ts';
import { flipped64, ISSUER, logEntry, signKeyless, SIGNED_AT } from '../../fakes/sigstore/keyless.ts';
import type { SigningOptions } from '../../fakes/sigstore/keyless.ts';
import { createSigstore, issuerV1, issuerV2 } from '../../fakes/sigstore/sigstore.ts';
import * as changes from './bundle-changes.ts';
import { MESSAGE, of, V1, V2 } from './bundle-changes.ts';
import { SecondOpinion } from './second-opinion.ts';
import type { Asked } from './second-opinion.ts';

const sigstore = createSigstore();
const opinion = new SecondOpinion();
before(() => opinion.open());
after(() => opinion.close());

type Row = readonly [string, SigningOptions, Asked?];

function both(accepted: boolean, rows: readonly Row[]): void {
  for (const [name, options, asked] of rows) {
    test(name, () => opinion.bothSay(accepted, signKeyless({ sigstore, ...options }), asked));
  }
}

describe('cosign and verify-bundle accept', () => {
  both(true, [
    ['fields by the names of their definition', V1, { spell: asDefined }],
    ['a trusted root of such names', V1, { root: asDefined }],
    ['whole numbers as numbers', V1, { spell: changes.entries(({ logIndex }) => ({ logIndex: Number(logIndex) })) }],
    ['null for a promise', V2, { spell: changes.entries(() => ({ inclusionPromise: null })) }],
    ['a promise that says nothing', V2, { spell: changes.entries(() => ({ inclusionPromise: {} })) }],
    ['an empty promise', V2, { spell: changes.entries(() => ({ inclusionPromise: { signedEntryTimestamp: '' } })) }],
    ['a promise alone, in version 0.1', V1, { spell: changes.withoutProofs }],
    ['a checkpoint with a witness after the log', V2, { spell: changes.checkpoints((note) => note + changes.WITNESS) }],
    [
      'a checkpoint with a witness before',
      V2,
      { spell: changes.checkpoints((note) => note.replace('\n\n', `\n\n${changes.WITNESS}`)) },
    ],
    ['an empty file', { ...MESSAGE, artifact: '' }],
    ['a changes.statement about an empty file', { ...V1, artifact: '' }],
    ['a digest in place of the file', MESSAGE, { digest: `sha256:${of('sha256')}` }],
    [
      'a digest by SHA-512 in place of the file',
      changes.statement([{ digest: { sha512: of('sha512') } }]),
      { digest: `sha512:${of('sha512')}` },
    ],
    [
      'the second subject',
      changes.statement([{ digest: { sha256: '0'.repeat(64) } }, { digest: { sha256: of('sha256') } }]),
    ],
    ['a subject by SHA-384', changes.statement([{ digest: { sha384: of('sha384') } }])],
    [
      'a source without a digest beside',
      changes.statement([{ uri: 'git+https://x.test' }, { digest: { sha256: of('sha256') } }]),
    ],
    [
      'a changes.certificate for a URI',
      { ...V1, subject: make.uriName('https://ci.test/a@main') },
      { subject: 'https://ci.test/a@main' },
    ],
    [
      'a changes.certificate for another name',
      { ...V1, subject: make.otherName('1.3.6.1.4.1.57264.1.7', 'a!b') },
      { subject: 'a!b' },
    ],
    ['a changes.certificate with the older issuer', changes.certificate({ extensions: [issuerV1(ISSUER)] })],
    ['a changes.certificate with the newer issuer', changes.certificate({ extensions: [issuerV2(ISSUER)] })],
    ...(['P-384', 'P-521', 'RSA'] as const).map((kind): Row => [
      `a ${kind} changes.certificate, Rekor v2`,
      { ...V2, kind },
    ]),
    ['an Ed25519 changes.certificate, Rekor v1', { ...V1, kind: 'Ed25519' }],
    [
      'an Ed25519 changes.certificate, Rekor v2',
      { ...V2, kind: 'Ed25519', message: true, prehashed: true },
      { spell: changes.bySha512 },
    ],
  ]);

  test('entries of both kinds of Rekor', async () => {
    const signing = signKeyless({ sigstore, ...V2 });
    signing.entries.push(logEntry(signing, 'dsse1'));
    await opinion.bothSay(true, signing);
  });

  test('an entry of an unknown log beside one of a known log', async () => {
    const signing = signKeyless({ sigstore, ...V1 });
    signing.entries.push(...signKeyless({ sigstore: createSigstore(), ...V1 }).entries);
    await opinion.bothSay(true, signing);
  });

  test('Rekor v2 with an ECDSA key', () =>
    opinion.bothSay(true, signKeyless({ sigstore: createSigstore({ rekor2: 'P-256' }), ...V2 })));
});

describe('cosign and verify-bundle refuse', () => {
  both(false, [
    ['a field under both of its names', V1, { spell: (bundle) => ({ ...bundle, media_type: bundle.mediaType }) }],
    ['a field twice', V1, { spell: (bundle) => JSON.stringify(bundle).replace('{', '{"mediaType":"",') }],
    ['no promise and no timestamp', V1, { spell: changes.entries(() => ({ inclusionPromise: undefined })) }],
    ['no proof', V1, { spell: changes.entries(() => ({ inclusionProof: undefined })) }],
    ['a chain in version 0.3', V1, { spell: changes.withChain }],
    ['no kind', V1, { spell: changes.entries(() => ({ kindVersion: undefined })) }],
    ['no body', V1, { spell: changes.entries(() => ({ canonicalizedBody: undefined })) }],
    ['another index, Rekor v2', V2, { spell: changes.entries(() => ({ logIndex: '6' })) }],
    ['another size, Rekor v1', V1, { spell: changes.proofs(() => ({ treeSize: '12' })) }],
    ['another root, Rekor v1', V1, { spell: changes.proofs(({ rootHash }) => ({ rootHash: flipped64(rootHash) })) }],
    ['a checkpoint with another key hint', V2, { spell: changes.checkpoints(changes.otherHint) }],
    [
      'a checkpoint by a witness alone',
      V2,
      { spell: changes.checkpoints((note) => note.replace(/\u2014.*\n/, changes.WITNESS)) },
    ],
    ['a checkpoint without its last new line', V2, { spell: changes.checkpoints((note) => note.slice(0, -1)) }],
    [
      'a checkpoint with a name with a plus',
      V2,
      { spell: changes.checkpoints((note) => note + changes.WITNESS.replace('.', '+')) },
    ],
    [
      'a checkpoint with 101 signatures',
      V2,
      { spell: changes.checkpoints((note) => note + changes.WITNESS.repeat(100)) },
    ],
    ['a digest of something else in place of the file', MESSAGE, { digest: `sha256:${'0'.repeat(64)}` }],
    ['a digest by an algorithm that the changes.statement lacks', V1, { digest: `sha512:${of('sha512')}` }],
    ['a message digest of something else', MESSAGE, { spell: changes.withDigest('SHA2_256', Buffer.alloc(32)) }],
    ['a message digest by no algorithm', MESSAGE, { spell: changes.withDigest(0, Buffer.from(of('sha256'), 'hex')) }],
    ['a changes.statement without a subject', changes.statement([])],
    ['a changes.statement about another file', changes.statement([{ digest: { sha256: '0'.repeat(64) } }])],
    ['a changes.statement about a commit', changes.statement([{ digest: { gitCommit: 'a'.repeat(40) } }])],
    ['a subject with 33 digests', changes.statement([{ digest: { sha256: of('sha256'), ...changes.others(32) } }])],
    ['1025 subjects', changes.statement(Array.from({ length: 1025 }, () => ({ digest: { sha256: of('sha256') } })))],
    ['a changes.certificate without an issuer', changes.certificate({ extensions: [] })],
    [
      'a changes.certificate with an unknown critical extension',
      changes.certificate({ extensions: [issuerV1(ISSUER), changes.CRITICAL] }),
    ],
    ['a changes.certificate for servers', changes.certificate({ codeSigning: '1.3.6.1.5.5.7.3.1' })],
    ['a log that had ended, Rekor v1', V1, { root: changes.windows('tlogs', changes.ENDED) }],
    ['a changes.certificate log that had ended', V1, { root: changes.windows('ctlogs', changes.ENDED) }],
    [
      'an end in another spelling',
      V1,
      { root: changes.windows('tlogs', { start: changes.ENDED.start, End: changes.ENDED.end }) },
    ],
  ]);

  test('Rekor v2 with an ECDSA key under another name', async () => {
    const signing = signKeyless({ sigstore: createSigstore({ rekor2: 'P-256' }), stampedAt: SIGNED_AT });
    signing.entries = [logEntry(signing, 'hashedrekord2', SIGNED_AT, { origin: 'other.test', signer: 'other.test' })];
    await opinion.bothSay(false, signing);
  });

  test('Rekor v1 under another name without the number of its tree', async () => {
    const signing = signKeyless({ sigstore });
    signing.entries = [logEntry(signing, 'dsse1', SIGNED_AT, { origin: 'other.test', signer: 'other.test', tree: '' })];
    await opinion.bothSay(false, signing);
  });
});
