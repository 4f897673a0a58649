// SPDX-License-Identifier: Apache-2.0
// Bundles that no cosign pushed: signed by openssl, put beside the image as `oras attach` does.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { preAuthenticationEncoding } from '../../../core/formats/dsse-envelope.ts';
import { asDefined } from '../../fakes/sigstore/as-defined.ts';
import type { Bench } from '../bench.ts';
import { fileIn, OCI_MANIFEST, partsOf, putBlob, putEmpty, putManifest, readManifest } from '../pieces.ts';
import type { Piece } from '../pieces.ts';
import type { Made, Row } from '../row.ts';

const topic = 'What is signed, and how';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const IN_TOTO = 'application/vnd.in-toto+json';

interface Written {
  readonly mediaType: string;
  readonly verificationMaterial: object;
  readonly dsseEnvelope: { readonly payload: string; readonly payloadType: string; readonly signatures: object[] };
}

interface ByHand {
  /** Members of the statement, about an image of this SHA-256. */
  readonly statement?: (sha256: string) => object;
  readonly bundle?: (bundle: Written) => object | string;
  /** Layers beside the bundle's own. */
  readonly more?: (bench: Bench) => Promise<Piece>;
  /** Of the layer. */
  readonly mediaType?: string;
}

/** Signs and attaches. @returns the image */
async function bundleByHand(bench: Bench, how: ByHand): Promise<Made> {
  const { statement = about, bundle: change = same, more, mediaType = BUNDLE } = how;
  const image = await bench.push();
  const [, digest] = partsOf(image);
  const payload = Buffer.from(JSON.stringify({ ...STATEMENT, ...statement(digest.slice('sha256:'.length)) }));
  const { workshop } = bench;
  const file = await fileIn(workshop, 'bundle-signed', preAuthenticationEncoding(IN_TOTO, payload));
  await workshop.exec('openssl', ['dgst', '-sha256', '-sign', 'release.openssl', '-out', 'bundle-signature', file]);
  const sig = (await readFile(join(workshop.folder, 'bundle-signature'))).toString('base64');
  const written = change({
    mediaType: BUNDLE,
    verificationMaterial: { publicKey: { hint: 'release' } },
    dsseEnvelope: { payload: payload.toString('base64'), payloadType: IN_TOTO, signatures: [{ sig }] },
  });
  const text = typeof written === 'string' ? written : JSON.stringify(written);
  const layer = { ...(await putBlob(bench, text, mediaType)), annotations: { [TITLE]: 'app.sigstore.json' } };
  const layers = more === undefined ? [layer] : [layer, await more(bench)];
  await attach(bench, digest, layers, mediaType);
  return { image };
}

/** As ORAS writes it (image-spec, manifest.md: artifacts with an empty configuration). */
async function attach(bench: Bench, digest: string, layers: readonly object[], artifactType: string): Promise<void> {
  const subject = { mediaType: OCI_MANIFEST, digest, size: Buffer.byteLength(await readManifest(bench, digest)) };
  const annotations = { 'org.opencontainers.image.created': '2026-01-01T00:00:00Z' };
  const config = await putEmpty(bench);
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, artifactType, config, layers, subject, annotations };
  await putManifest(bench, manifest, OCI_MANIFEST);
}

const TITLE = 'org.opencontainers.image.title';
const STATEMENT = {
  _type: 'https://in-toto.io/Statement/v1',
  predicateType: 'https://sigstore.dev/cosign/sign/v1',
  predicate: {},
};

function about(sha256: string): object {
  return { subject: [{ digest: { sha256 } }] };
}

function same(bundle: Written): Written {
  return bundle;
}

function row(input: string, source: string, how: ByHand, more: Partial<Row> = {}): Row {
  return {
    topic,
    input,
    source,
    registry: 'referrers',
    make: (bench) => bundleByHand(bench, how),
    cosign: 'accepts',
    cosignet: 'Verified',
    ...more,
  };
}

export const bundleRows: readonly Row[] = [
  row('a bundle in a file, attached', '`oras attach`, `regctl artifact put --subject`', {}),
  row('a bundle whose fields have the names of their definition', "protobuf's JSON, `preserving_proto_field_name`", {
    bundle: (bundle) => JSON.stringify(asDefined(bundle)),
  }),
  row('a bundle with spaces and lines', '`jq`, editors', {
    bundle: (bundle) => `${JSON.stringify(bundle, null, 2)}\n`,
  }),
  row('a bundle in the URL alphabet of base64', "protobuf's JSON", {
    bundle: ({ dsseEnvelope, ...bundle }) => ({
      ...bundle,
      dsseEnvelope: { ...dsseEnvelope, payload: Buffer.from(dsseEnvelope.payload, 'base64').toString('base64url') },
    }),
  }),
  row('a bundle without a hint of its key', "protobuf's JSON, which leaves out what is empty", {
    bundle: (bundle) => ({ ...bundle, verificationMaterial: { publicKey: {} } }),
  }),
  row('a bundle with null for what is absent', "writers of protobuf's JSON", {
    bundle: (bundle) => ({ ...bundle, messageSignature: null, verificationMaterial: { publicKey: { hint: null } } }),
  }),
  row(
    'a bundle that names the image in capitals',
    'a statement that was written by hand',
    { statement: (sha256) => about(sha256.toUpperCase()) },
    { cosign: 'refuses', cosignet: 'MalformedSignature', says: ['the statement names another image'] },
  ),
  row('a bundle about several images', 'one statement for all images of a release', {
    statement: (sha256) => ({ subject: [{ digest: { sha256: '0'.repeat(64) } }, { digest: { sha256 } }] }),
  }),
  row(
    'a bundle whose statement has a member that nobody knows',
    'in-toto, which has readers pass it over',
    { statement: (sha256) => ({ ...about(sha256), more: 1 }) },
    {
      cosign: 'refuses',
      why: 'in-toto has readers pass over members that they do not know; what is known is signed.',
    },
  ),
  row(
    'a bundle whose signature has a key id',
    'sigstore-js, with a key',
    {
      bundle: ({ dsseEnvelope, ...bundle }) => ({
        ...bundle,
        dsseEnvelope: {
          ...dsseEnvelope,
          signatures: dsseEnvelope.signatures.map((one) => ({ keyid: 'release', ...one })),
        },
      }),
    },
    {
      cosign: 'refuses',
      why: 'Nothing vouches for a key id (DSSE): the key of the policy verifies the signature, or does not.',
    },
  ),
  row(
    'a bundle with a second layer beside it',
    'an attachment of several files',
    { more: (bench) => putBlob(bench, 'notes\n', 'text/plain') },
    { cosign: 'refuses', cosignet: 'MalformedSignature', says: ['more layers than the bundle'] },
  ),
  row(
    'a bundle of version 0.2',
    'older clients of Sigstore',
    {
      bundle: (bundle) => ({ ...bundle, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' }),
      mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
    },
    { cosign: 'refuses', cosignet: 'MalformedSignature', says: ['is not of version 0.3'] },
  ),
  row(
    "a bundle with a signature of the manifest's bytes",
    '`cosign sign-blob --bundle` of the manifest, attached',
    {
      bundle: ({ dsseEnvelope, ...bundle }) => ({
        ...bundle,
        messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest: 'AAAA' }, signature: dsseEnvelope.payload },
      }),
    },
    { cosign: 'refuses', cosignet: 'MalformedSignature', says: ['does not contain a DSSE envelope'] },
  ),
];
