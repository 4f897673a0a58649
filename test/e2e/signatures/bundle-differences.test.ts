// SPDX-License-Identifier: Apache-2.0
// Where verify-bundle answers otherwise than the real cosign: each row says why, as docs/reference/signatures.md does.
import { after, before, describe, test } from 'node:test';
import * as make from '../../fakes/sigstore/certificates.ts';
import { flipped64, ISSUER, signKeyless } from '../../fakes/sigstore/keyless.ts';
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

/** cosign's answer, and why ours is the other one. */
type Different = readonly [string, 'accepts' | 'refuses', string, SigningOptions, Asked?];

describe('cosign and verify-bundle differ', () => {
  const cases: readonly Different[] = [
    [
      'a checkpoint of Rekor v1 with a witness',
      'refuses',
      'lines of changes.others are passed over',
      V1,
      { spell: changes.checkpoints((note) => note + changes.WITNESS) },
    ],
    ['no message digest', 'refuses', 'it only helps to find the file', MESSAGE, { spell: changes.withoutDigest }],
    ['a dsse entry of Rekor v2', 'refuses', 'it binds as much as the other kind', { ...V2, entry: 'dsse2' }],
    [
      'a member of the changes.statement that nobody knows',
      'refuses',
      'in-toto passes it over',
      changes.statement([{ digest: { sha256: of('sha256') } }], { more: 1 }),
    ],
    ['a key id', 'refuses', 'nothing vouches for one (DSSE)', V1, { spell: changes.withKeyId }],
    [
      'a changes.certificate for a DNS name',
      'refuses',
      'it is a name like others',
      { ...V1, subject: make.dnsName('ci.test') },
      { subject: 'ci.test' },
    ],
    [
      'Ed25519ph under a statement',
      'refuses',
      'cosign writes it with a key',
      { ...V2, kind: 'Ed25519', prehashed: true },
    ],
    [
      'another kind than that of the body',
      'accepts',
      'an entry is what it says',
      V1,
      { spell: changes.entries(() => ({ kindVersion: { kind: 'dsse', version: '0.0.2' } })) },
    ],
    [
      'another root, Rekor v2',
      'accepts',
      'every proof that is there must hold',
      V2,
      { spell: changes.proofs(({ rootHash }) => ({ rootHash: flipped64(rootHash) })) },
    ],
    [
      'an entry changes.twice under two indexes',
      'accepts',
      'one must never count as two',
      V1,
      { spell: changes.twice },
    ],
    [
      'the subject in capitals',
      'accepts',
      'in-toto writes small letters, and cosign refuses it for an image',
      changes.statement([{ digest: { sha256: of('sha256').toUpperCase() } }]),
    ],
    [
      'a subject with the strongest digest right and another wrong',
      'accepts',
      'the file has both or is another',
      changes.statement([{ digest: { sha256: '0'.repeat(64), sha512: of('sha512') } }]),
    ],
    [
      'a changes.statement of no version',
      'accepts',
      'nobody knows what it says',
      changes.statement([{ digest: { sha256: of('sha256') } }], { _type: undefined }),
    ],
    [
      'two issuers',
      'accepts',
      'readers disagree on which one counts',
      changes.certificate({ extensions: [issuerV1('https://other.test'), issuerV2(ISSUER)] }),
    ],
    [
      'a changes.certificate that is an authority',
      'accepts',
      'it signs certificates, not files',
      changes.certificate({ extensions: [issuerV1(ISSUER), make.certificateAuthority()] }),
    ],
    [
      'a changes.certificate for any use',
      'accepts',
      'it has to say code signing',
      changes.certificate({ codeSigning: '2.5.29.37.0' }),
    ],
    [
      'a log that had ended, Rekor v2',
      'accepts',
      'its key may be in other hands',
      V2,
      { root: changes.windows('tlogs', changes.ENDED) },
    ],
    ['an authority without a window', 'accepts', 'its start is required', V1, { root: changes.withoutWindow }],
  ];
  for (const [name, cosign, why, options, asked] of cases) {
    test(`on ${name}, which cosign ${cosign}: ${why}`, () => {
      const accepted = cosign === 'accepts';
      return opinion.bothSay(accepted, signKeyless({ sigstore, ...options }), asked, !accepted);
    });
  }
});
