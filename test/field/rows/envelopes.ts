// SPDX-License-Identifier: Apache-2.0
// Attestations that no cosign wrote: their envelopes are signed by openssl, and attached by cosign.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { preAuthenticationEncoding } from '../../../core/formats/dsse-envelope.ts';
import type { Bench } from '../bench.ts';
import { fileIn, partsOf } from '../pieces.ts';
import type { Row } from '../row.ts';
import { asked } from './attestations.ts';

const topic = 'Attestations';
const SCAN = 'https://example.com/scan/v1';
const IN_TOTO = 'application/vnd.in-toto+json';

interface Envelope {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly object[];
}

interface ByHand {
  /** The statement, about the image of this SHA-256. */
  readonly statement: (sha256: string) => string;
  /** Makes another text of the envelope. */
  readonly envelope?: (envelope: Envelope) => object | string;
}

async function attestByHand({ workshop }: Bench, image: string, { statement, envelope = same }: ByHand): Promise<void> {
  const payload = Buffer.from(statement(partsOf(image)[1].slice('sha256:'.length)));
  const file = await fileIn(workshop, 'envelope-signed', preAuthenticationEncoding(IN_TOTO, payload));
  await workshop.exec('openssl', ['dgst', '-sha256', '-sign', 'release.openssl', '-out', 'envelope-signature', file]);
  const sig = (await readFile(join(workshop.folder, 'envelope-signature'))).toString('base64');
  const made = envelope({ payload: payload.toString('base64'), payloadType: IN_TOTO, signatures: [{ sig }] });
  const attached = await fileIn(workshop, 'envelope', typeof made === 'string' ? made : JSON.stringify(made));
  await workshop.exec('cosign', ['attach', 'attestation', '--attestation', attached, image]);
}

function same(envelope: Envelope): Envelope {
  return envelope;
}

/** A statement whose predicate is this text of JSON. */
function saying(predicate: string, subjects: readonly object[] = [], type = 'https://in-toto.io/Statement/v1') {
  return (sha256: string): string => {
    const subject = JSON.stringify([...subjects, { name: 'image', digest: { sha256 } }]);
    return `{"_type":"${type}","subject":${subject},"predicateType":"${SCAN}","predicate":${predicate}}`;
  };
}

const SOUND = saying('{"a":1}');

function row(input: string, source: string, how: ByHand, more: Partial<Row> = {}): Row {
  const demand = { predicateType: SCAN, conditions: [{ expression: 'predicate.a == 1' }] };
  return {
    topic,
    input,
    source,
    make: async (bench) => {
      const image = await bench.push();
      await attestByHand(bench, image, how);
      return asked(image, SCAN, demand);
    },
    cosign: 'accepts',
    cosignet: 'Verified',
    ...more,
  };
}

export const envelopeRows: readonly Row[] = [
  row('an envelope by hand, attached', '`cosign attach attestation`', { statement: SOUND }),
  row('an envelope of a statement of version 0.1', 'in-toto 0.1, Tekton Chains', {
    statement: saying('{"a":1}', [], 'https://in-toto.io/Statement/v0.1'),
  }),
  row('an envelope with a source that has no digest before the image', 'builders that name sources by their address', {
    statement: saying('{"a":1}', [{ uri: 'git+https://example.com/x' }, { name: 'x', digest: null }]),
  }),
  row('an envelope with a commit before the image', 'builders that name sources by their commit', {
    statement: saying('{"a":1}', [{ name: 'source', digest: { gitCommit: 'a'.repeat(40) } }]),
  }),
  row('two envelopes in one file', '`cosign attach attestation` of a file with several', {
    statement: SOUND,
    envelope: (envelope) => `${JSON.stringify(envelope)}\n${JSON.stringify(envelope)}\n`,
  }),
  row('an envelope with a key id', 'in-toto, Tekton Chains', {
    statement: SOUND,
    envelope: ({ signatures: [signature], ...envelope }) => ({
      ...envelope,
      signatures: [{ keyid: 'SHA256:abc', ...signature }],
    }),
  }),
  row('an envelope with two signatures, the second by the key', 'in-toto, witness: builders with two keys', {
    statement: SOUND,
    envelope: ({ signatures, ...envelope }) => ({ ...envelope, signatures: [{ sig: 'AAAA' }, ...signatures] }),
  }),
  row(
    'an envelope of a predicate that nests 100 deep',
    'CycloneDX with components within components',
    { statement: saying(`{"a":1,"b":${'['.repeat(100)}${']'.repeat(100)}}`) },
    {
      cosignet: 'AttestationFailed',
      why: 'Texts from outside are read 64 levels deep, so that no reader of them runs out of its stack.',
      says: ["can't be read: the statement nests deeper than 64 levels"],
    },
  ),
  row(
    'an envelope of a predicate that has a key twice',
    'scanners that put JSON together from texts',
    { statement: saying('{"a":2,"a":1}') },
    { cosign: 'refuses', cosignet: 'AttestationFailed', says: ['has the key "a" twice in one object'] },
  ),
  row(
    'an envelope about another image',
    'a `.att` that was moved by hand',
    { statement: () => SOUND('c'.repeat(64)) },
    { cosign: 'refuses', cosignet: 'AttestationMissing', says: ['the statement names another image'] },
  ),
  row(
    'an envelope of a statement with a byte order mark',
    'PowerShell',
    { statement: (sha256) => `\uFEFF${SOUND(sha256)}` },
    { cosign: 'refuses', cosignet: 'AttestationMissing', says: ['the statement is not JSON'] },
  ),
];
