// SPDX-License-Identifier: Apache-2.0
// Certificates by openssl under an authority of one's own, attached by `cosign sign --certificate-chain` to a `.sig`.
import type { Bench } from '../bench.ts';
import { fileIn, sharedKey } from '../pieces.ts';
import type { Row } from '../row.ts';

const topic = 'Certificates of your own authority';
const CODE_SIGNING = 'keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n';
const AUTHORITY = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n';

interface Issued {
  /** Of the signer's certificate, as openssl writes extensions. */
  readonly extensions: string;
  readonly commonName?: string;
  /** Of the certificate between it and the root. */
  readonly between?: string;
  /** Whom policy and cosign ask for. */
  readonly subject: string;
}

let chains = 0;

async function sign({ workshop, push }: Bench, how: Issued): Promise<{ image: string; root: string; between: string }> {
  chains += 1;
  const name = (part: string) => `pki-${chains}-${part}`;
  for (const key of ['pki-root', 'pki-between', 'pki-leaf']) await sharedKey(workshop, key);
  const { extensions, commonName = 'signer', between = AUTHORITY } = how;
  const openssl = (...words: readonly string[]) => workshop.exec('openssl', words);
  const issue = async (
    part: string,
    by: string,
    about: { readonly key: string; readonly cn: string; readonly ext: string },
  ) => {
    await openssl('req', '-new', '-key', `${about.key}.openssl`, '-subj', `/CN=${about.cn}`, '-out', name('request'));
    const file = await fileIn(workshop, name(`${part}.ext`), about.ext);
    const signer = ['-CA', name(`${by}.pem`), '-CAkey', `pki-${by}.openssl`, '-CAcreateserial'];
    await openssl(
      'x509',
      '-req',
      '-in',
      name('request'),
      ...signer,
      '-days',
      '1',
      '-extfile',
      file,
      '-out',
      name(`${part}.pem`),
    );
  };
  const rootConfig = await fileIn(
    workshop,
    name('root.conf'),
    `[req]\ndistinguished_name=dn\n[dn]\n[v3]\n${AUTHORITY}`,
  );
  const own = ['-config', rootConfig, '-extensions', 'v3', '-subj', '/CN=root', '-days', '1'];
  await openssl('req', '-x509', '-key', 'pki-root.openssl', ...own, '-out', name('root.pem'));
  await issue('between', 'root', { key: 'pki-between', cn: 'between', ext: between });
  await issue('leaf', 'between', { key: 'pki-leaf', cn: commonName, ext: extensions });
  const pem = (part: string) => workshop.exec('cat', [name(`${part}.pem`)]);
  const chain = await fileIn(workshop, name('chain.pem'), (await pem('between')) + (await pem('root')));
  const image = await push();
  await workshop.exec('sh', ['-c', SIGN, 'sign', image, name('leaf.pem'), chain]);
  return { image, root: await pem('root'), between: name('between.pem') };
}

/** By hand: cosign itself does not attach a chain that it would refuse. */
const SIGN = [
  'set -e',
  'cosign generate "$1" > pki-payload',
  'openssl dgst -sha256 -sign pki-leaf.openssl pki-payload | base64 -w0 > pki-signature',
  'cosign attach signature --payload pki-payload --signature pki-signature --certificate "$2" --certificate-chain "$3" "$1"',
].join('\n');

function row(input: string, source: string, how: Issued, more: Partial<Row> = {}): Row {
  return {
    topic,
    input,
    source,
    make: async (bench) => {
      const { image, root, between } = await sign(bench, how);
      const rootFile = await fileIn(bench.workshop, `pki-${chains}-roots`, root);
      const authorities = ['--ca-roots', rootFile, '--ca-intermediates', between];
      const whom = ['--certificate-identity', how.subject, '--certificate-oidc-issuer-regexp', '.*'];
      const cosignFlags = [...authorities, ...whom, '--insecure-ignore-sct=true', '--new-bundle-format=false'];
      const certificates = [{ name: 'release', caPem: root, subject: how.subject }];
      return { image, byKey: false, cosignFlags, policy: { keys: [], certificates } };
    },
    cosign: 'accepts',
    cosignet: 'Verified',
    ...more,
  };
}

function refused(says: string): Partial<Row> {
  return { cosign: 'refuses', cosignet: 'UntrustedSignature', says: [says] };
}

const MAIL = 'subjectAltName=email:release@acme.example\n';

export const ownPkiRows: readonly Row[] = [
  row('a certificate with an e-mail address', '`cosign verify --ca-roots`', {
    extensions: CODE_SIGNING + MAIL,
    subject: 'release@acme.example',
  }),
  row('a certificate with a URI', 'SPIFFE, CI systems', {
    extensions: `${CODE_SIGNING}subjectAltName=URI:https://ci.acme.example/build\n`,
    subject: 'https://ci.acme.example/build',
  }),
  row('a certificate with a DNS name', 'step-ca, ADCS', {
    extensions: `${CODE_SIGNING}subjectAltName=DNS:build.acme.example\n`,
    subject: 'build.acme.example',
  }),
  row('a certificate with several names', 'ADCS', {
    extensions: `${CODE_SIGNING}subjectAltName=DNS:build.acme.example,email:release@acme.example\n`,
    subject: 'release@acme.example',
  }),
  row(
    'a certificate with the right name as common name, and another as alternative name',
    'ADCS',
    {
      extensions: `${CODE_SIGNING}subjectAltName=email:other@acme.example\n`,
      commonName: 'release@acme.example',
      subject: 'release@acme.example',
    },
    refused('the certificate is that of other@acme.example'),
  ),
  row(
    'a certificate for servers',
    'a TLS certificate that was at hand',
    {
      extensions: `extendedKeyUsage=serverAuth\n${MAIL}`,
      subject: 'release@acme.example',
    },
    refused('the certificate is not for code signing'),
  ),
  row(
    'a certificate for no use in particular',
    'openssl without extensions',
    {
      extensions: MAIL,
      subject: 'release@acme.example',
    },
    {
      cosignet: 'UntrustedSignature',
      why: 'A certificate counts for code signing only: one for no use in particular is handed out for every use.',
      says: ['the certificate is not for code signing'],
    },
  ),
  row(
    'a certificate under one that is no authority',
    'a certificate that signs another',
    {
      extensions: CODE_SIGNING + MAIL,
      between: 'basicConstraints=critical,CA:FALSE\n',
      subject: 'release@acme.example',
    },
    refused('a certificate in the chain is not that of an authority'),
  ),
  row(
    'a certificate under an authority for servers only',
    'an authority that was at hand',
    {
      extensions: CODE_SIGNING + MAIL,
      between: `${AUTHORITY}extendedKeyUsage=serverAuth\n`,
      subject: 'release@acme.example',
    },
    refused('an authority in the certificate chain is not for this use'),
  ),
];
