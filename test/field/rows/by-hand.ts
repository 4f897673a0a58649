// SPDX-License-Identifier: Apache-2.0
// Signatures that no cosign made: by key services and openssl, and payloads of other producers, attached by cosign.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import type { Made, Row } from '../row.ts';

const topic = 'What is signed, and how';

interface ByHand {
  /** For `openssl genpkey`; the key is made once. */
  readonly algorithm: readonly string[];
  readonly key: string;
  /** For `openssl pkeyutl -sign`. */
  readonly options: readonly string[];
  /** Makes another text of cosign's payload. */
  readonly payload?: (text: string) => string;
  /** What is signed; the payload unless it says otherwise. */
  readonly signed?: (payload: string) => Uint8Array;
  /** Makes another text of the signature in base64. */
  readonly encoded?: (text: string) => string;
  readonly cosignFlags?: readonly string[];
}

const P256 = { key: 'by-hand-p256', algorithm: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'] } as const;
const P384 = { key: 'by-hand-p384', algorithm: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'] } as const;
const P521 = { key: 'by-hand-p521', algorithm: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'] } as const;
const RSA = { key: 'by-hand-rsa', algorithm: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'] } as const;
const PSS = ['-pkeyopt', 'rsa_padding_mode:pss'] as const;

const keys = new Map<string, Promise<string>>();

async function signByHand({ workshop, push }: Bench, how: ByHand): Promise<Made> {
  const {
    key,
    algorithm,
    options,
    payload = same,
    encoded = same,
    signed = (text: string) => Buffer.from(text),
    cosignFlags,
  } = how;
  const place = `${workshop.folder} ${key}`;
  if (!keys.has(place)) keys.set(place, workshop.key(key, algorithm));
  await keys.get(place);
  const image = await push();
  const file = (name: string) => join(workshop.folder, `by-hand-${name}`);
  const text = payload(await workshop.exec('cosign', ['generate', image]));
  await writeFile(file('payload'), text);
  await writeFile(file('signed'), signed(text));
  const signing = ['-inkey', `${key}.openssl`, '-rawin', '-in', file('signed'), '-out', file('signature')];
  await workshop.exec('openssl', ['pkeyutl', '-sign', ...signing, ...options]);
  await writeFile(file('base64'), encoded((await readFile(file('signature'))).toString('base64')));
  const attached = ['--payload', file('payload'), '--signature', file('base64'), image];
  await workshop.exec('cosign', ['attach', 'signature', ...attached]);
  return { image, key, ...(cosignFlags !== undefined && { cosignFlags }) };
}

function same(text: string): string {
  return text;
}

function verified(input: string, source: string, how: ByHand): Row {
  return {
    topic,
    input,
    source,
    make: (bench) => signByHand(bench, how),
    cosign: 'accepts',
    cosignet: 'Verified',
  };
}

/** By the policy's key, in a way that neither takes: the denial says whose it is and what is wrong with it. */
function unaccepted(
  input: string,
  source: string,
  { how, says, way }: { readonly how: ByHand; readonly says: string; readonly way: string },
): Row {
  return {
    topic,
    input,
    source,
    make: (bench) => signByHand(bench, how),
    cosign: 'refuses',
    cosignet: 'UntrustedSignature',
    says: [says, way],
  };
}

function hashes(name: string, key: Pick<ByHand, 'key' | 'algorithm'>, own: string): readonly Row[] {
  return ['sha256', 'sha384', 'sha512']
    .filter((hash) => hash !== own)
    .map((hash) =>
      verified(
        `a signature over ${hash.toUpperCase()} by ${name}`,
        'AWS, Google and Azure KMS, HSMs: their users choose',
        {
          ...key,
          options: ['-digest', hash],
          cosignFlags: ['--signature-digest-algorithm', hash],
        },
      ),
    );
}

const KMS_PSS = 'Azure Key Vault (PS256), Google Cloud KMS (RSA_SIGN_PSS)';
const NOT_BY_KEY_FILE =
  'cosign verifies PSS only by asking the key service; the public key alone proves as much: it is the key in the policy, over the payload of this digest.';

export const byHandRows: readonly Row[] = [
  ...hashes('a P-256 key', P256, 'sha256'),
  ...hashes('a P-384 key', P384, ''),
  ...hashes('a P-521 key', P521, ''),
  ...hashes('an RSA key, PKCS #1 v1.5', RSA, 'sha256'),
  ...['sha256', 'sha384', 'sha512'].map((hash): Row => ({
    topic,
    input: `a PSS signature over ${hash.toUpperCase()} by an ordinary RSA key`,
    source: KMS_PSS,
    make: (bench) =>
      signByHand(bench, {
        ...RSA,
        options: ['-digest', hash, ...PSS, '-pkeyopt', 'rsa_pss_saltlen:digest'],
        cosignFlags: ['--signature-digest-algorithm', hash],
      }),
    cosign: 'refuses',
    cosignet: 'Verified',
    why: NOT_BY_KEY_FILE,
  })),
  unaccepted('a signature over SHA-1 by a P-256 key', 'nobody who should be trusted', {
    how: { ...P256, options: ['-digest', 'sha1'] },
    says: 'key "by-hand-p256" (',
    way: 'made one over SHA-1, which is not accepted: use ECDSA over SHA-256',
  }),
  unaccepted('a signature over SHA-1 by an RSA key', 'nobody who should be trusted', {
    how: { ...RSA, options: ['-digest', 'sha1'] },
    says: 'key "by-hand-rsa" (',
    way: 'made one by PKCS #1 v1.5 over SHA-1, which is not accepted: use PKCS #1 v1.5 or PSS over SHA-256',
  }),
  unaccepted(
    'a PSS signature over SHA-256 with a mask by SHA-1 (MGF1)',
    'the JCA of Java and PKCS #11 where nobody says otherwise',
    {
      how: { ...RSA, options: ['-digest', 'sha256', ...PSS, '-pkeyopt', 'rsa_mgf1_md:sha1'] },
      says: 'key "by-hand-rsa" (',
      way: 'made one by PSS over SHA-256 with a mask by SHA-1, which is not accepted',
    },
  ),
  unaccepted(
    'a signature over the hash of the payload in place of the payload',
    '`aws kms sign --message-type RAW` and others that are given a digest where they hash themselves',
    {
      how: {
        ...P256,
        options: ['-digest', 'sha256'],
        signed: (payload) => createHash('sha256').update(payload).digest(),
      },
      says: 'key "by-hand-p256" (',
      way: 'made one over the SHA-256 of the payload in place of the payload, which is not accepted',
    },
  ),
  verified(
    'a signature wrapped in lines, with a final newline',
    '`openssl dgst -sign`, `base64`, `cosign attach signature`',
    {
      ...P256,
      options: ['-digest', 'sha256'],
      encoded: (text) => `${text.replace(/(.{64})/g, '$1\n')}\n`,
    },
  ),
  verified("Tekton Chains' payload", 'tektoncd/chains, simple signing: capitals and a type of its own', {
    ...P256,
    options: ['-digest', 'sha256'],
    payload: (text) => tekton(text),
  }),
  {
    topic,
    input: 'a payload in a mixture of capitals and small letters',
    source: 'no known producer',
    make: (bench) =>
      signByHand(bench, {
        ...P256,
        options: ['-digest', 'sha256'],
        payload: (text) => tekton(text).replace('"Type"', '"type"'),
      }),
    cosign: 'accepts',
    cosignet: 'MalformedSignature',
    why: 'Two readers must not disagree about what was signed: a payload has one spelling of its fields.',
    says: ['mixes spellings'],
  },
  {
    topic,
    input: 'a payload of the type of GPG signatures',
    source: 'containers/image, atomic container signature',
    make: (bench) =>
      signByHand(bench, {
        ...P256,
        options: ['-digest', 'sha256'],
        payload: (text) => text.replace('cosign container image signature', 'atomic container signature'),
      }),
    cosign: 'accepts',
    cosignet: 'MalformedSignature',
    why: "cosign looks at no type; such a payload is a statement by another rule than cosign's.",
    says: ['atomic container signature'],
  },
  {
    topic,
    input: 'a bundle with a certificate chain, by the key in the certificate',
    source: 'cosign 3.1.3, `cosign sign --certificate --certificate-chain`',
    registry: 'referrers',
    make: signWithChain,
    cosign: 'refuses',
    cosignet: 'Verified',
    why: 'cosign writes a chain into a bundle of version 0.3, which has none, and then reads no signature. The key that the policy names made it, over the statement about this digest.',
  },
];

/** As Go's encoder writes a structure without tags. */
function tekton(text: string): string {
  const { critical } = JSON.parse(text);
  return JSON.stringify({
    Critical: {
      Identity: critical.identity,
      Image: { 'Docker-manifest-digest': critical.image['docker-manifest-digest'] },
      Type: 'Tekton container signature',
    },
    Optional: {},
  });
}

async function signWithChain({ workshop, push }: Bench): Promise<Made> {
  const image = await push();
  const key = 'by-hand-chain';
  await workshop.key(key, P256.algorithm);
  await workshop.key('by-hand-ca', P256.algorithm);
  const file = (name: string) => join(workshop.folder, `by-hand-${name}`);
  await workshop.exec('openssl', [
    'req',
    '-x509',
    '-key',
    'by-hand-ca.openssl',
    '-subj',
    '/CN=ca',
    '-out',
    file('ca.pem'),
  ]);
  await workshop.exec('openssl', [
    'req',
    '-new',
    '-key',
    `${key}.openssl`,
    '-subj',
    '/CN=leaf',
    '-out',
    file('leaf.csr'),
  ]);
  await writeFile(file('extensions'), 'extendedKeyUsage=codeSigning\nsubjectAltName=email:release@example.test\n');
  const issuing = ['-CA', file('ca.pem'), '-CAkey', 'by-hand-ca.openssl', '-CAcreateserial'];
  const written = ['-extfile', file('extensions'), '-out', file('leaf.pem')];
  await workshop.exec('openssl', ['x509', '-req', '-in', file('leaf.csr'), ...issuing, ...written]);
  const certificate = ['--certificate', file('leaf.pem'), '--certificate-chain', file('ca.pem')];
  await workshop.cosign('sign', 'bundle', ['--key', `${key}.key`, ...certificate, image]);
  return { image, key };
}
