// SPDX-License-Identifier: Apache-2.0
// Keys, as people have them and paste them.
import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SigningFormat } from '../../vectors/cosign/workshop.ts';
import type { Bench } from '../bench.ts';
import { fileIn, sharedKey } from '../pieces.ts';
import type { Row } from '../row.ts';

const topic = 'Keys';

function made(name: string, algorithm: readonly string[], more: Partial<Row> = {}): readonly Row[] {
  const row = (format: SigningFormat): Row => ({
    topic,
    input: `${format === 'bundle' ? 'a bundle' : 'a `.sig`'} by cosign with ${name}`,
    source: '`cosign import-key-pair`',
    make: async ({ workshop, push }) => {
      const image = await push();
      const key = `made-${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}`;
      await workshop.cosign('sign', format, ['--key', await sharedKey(workshop, key, algorithm), image]);
      return { image, key };
    },
    cosign: 'accepts',
    cosignet: 'Verified',
    ...more,
  });
  return [row('simple-signing'), row('bundle')];
}

let pastes = 0;

/** The key that signed, as another text. */
function pasted(
  input: string,
  source: string,
  change: (pem: string, bench: Bench) => string | Promise<string>,
  more: Partial<Row> = {},
): Row {
  return {
    topic,
    input,
    source,
    make: async (bench) => {
      const { workshop, signed } = bench;
      const image = await signed('simple-signing');
      pastes += 1;
      await fileIn(workshop, `pasted-${pastes}.pub`, await change(await workshop.publicKey('release'), bench));
      return { image, key: `pasted-${pastes}` };
    },
    cosign: 'accepts',
    cosignet: 'Verified',
    ...more,
  };
}

/** What neither takes: the policy says which part of it is wrong, and what it is. */
function refused(says: string): Partial<Row> {
  return { cosign: 'refuses', cosignet: 'PolicyNotReady', says: [`spec.keys[0].pem: ${says}`] };
}

const SAME_KEY = {
  cosign: 'refuses',
  why: 'The key is the same, however YAML or an editor wrapped it.',
} as const;

function privateKey(file: string) {
  return (_: string, { workshop }: Bench) => readFile(join(workshop.folder, file), 'utf8');
}

export const keyRows: readonly Row[] = [
  ...made('an RSA key of 3072 bits', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072']),
  ...made('an RSA key of 4096 bits', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:4096']),
  ...made('an Ed25519 key', ['-algorithm', 'ed25519'], {
    cosign: 'refuses',
    why: 'cosign has signed with Ed25519ph since 2.6, and verifies Ed25519 by a key file. Its owner signed this digest in either way.',
  }),
  pasted('a key with CRLF', 'Windows', (pem) => pem.replaceAll('\n', '\r\n')),
  pasted('a key with text before it', '`openssl pkey -pubin -text`', (pem) => `Public-Key: (256 bit)\n${pem}`),
  pasted('a key with a header inside of its PEM', 'RFC 1421', (pem) => pem.replace('-----\n', '-----\nComment: x\n\n')),
  pasted(
    'a key with blank lines around it, and spaces after its lines',
    'a paste from a page',
    (pem) => `\n\n${pem.replaceAll('\n', '  \n')}\n`,
  ),
  pasted('a key without a final newline', 'people', (pem) => pem.trim()),
  pasted('a key with a byte order mark before it', 'Notepad, PowerShell', (pem) => `\uFEFF${pem}`, SAME_KEY),
  pasted('a key with spaces in front of its lines', 'YAML', (pem) => pem.replaceAll(/^/gm, '    '), SAME_KEY),
  pasted('a key of one line', 'a variable that lost its lines', (pem) => pem.replaceAll('\n', ' '), SAME_KEY),
  {
    topic,
    input: 'an RSA key as PKCS #1',
    source: '`openssl rsa -RSAPublicKey_out`',
    make: async ({ workshop, push }) => {
      const image = await push();
      const key = await sharedKey(workshop, 'pkcs1', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']);
      await workshop.cosign('sign', 'simple-signing', ['--key', key, image]);
      const pem = await workshop.exec('openssl', ['rsa', '-in', 'pkcs1.openssl', '-RSAPublicKey_out']);
      await fileIn(workshop, 'pkcs1-spelled.pub', pem);
      return { image, key: 'pkcs1-spelled' };
    },
    cosign: 'accepts',
    cosignet: 'Verified',
  },
  pasted('two keys in one text', 'a bundle of keys', (pem) => pem + pem, {
    cosignet: 'PolicyNotReady',
    why: 'cosign takes the first and says nothing of the others. Each key is an entry of its own, with a name of its own.',
    says: ['2 PEM blocks found: give each key an entry of its own'],
  }),
  pasted(
    'a key whose line breaks are two characters each',
    'a Secret or variable that was quoted twice',
    (pem) => pem.trim().replaceAll('\n', String.raw`\n`),
    refused('its line breaks are written as'),
  ),
  pasted(
    'a key in base64',
    'a Secret that was encoded twice',
    (pem) => Buffer.from(pem).toString('base64'),
    refused('it is encoded in base64 once too often'),
  ),
  pasted(
    'a key without its first and last line',
    'people',
    (pem) => pem.split('\n').slice(1, -2).join('\n'),
    refused('no PEM block found'),
  ),
  pasted(
    '`cosign.key` in place of `cosign.pub`',
    'people',
    privateKey('release.key'),
    refused('this is a private key'),
  ),
  pasted("openssl's private key", '`openssl genpkey`', privateKey('release.openssl'), refused('this is a private key')),
  pasted(
    'a certificate in place of a key',
    '`cosign sign --certificate`',
    (_, { workshop }) => workshop.exec('openssl', ['req', '-x509', '-key', 'release.openssl', '-subj', '/CN=x']),
    refused('this is a certificate'),
  ),
  pasted(
    'a key as JSON Web Key',
    'Vault, JOSE',
    (pem) => JSON.stringify(createPublicKey(pem).export({ format: 'jwk' })),
    refused('no PEM block found'),
  ),
];
