// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { cosignPayload } from '../../../core/cosign/payload-prediction.ts';
import { digestOf, hexOf } from '../../../core/image/digest.ts';
import { HOSTILITIES } from '../../fakes/registry/hostile-registry.ts';
import { question } from '../questions.ts';
import { NAMESPACE, review, steadily, type Party } from './party.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const SIGNATURE = 'application/vnd.dev.cosign.artifact.sig.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const EMPTY = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(Buffer.from('{}')), size: 2 };
const SIGNATURES_OF_PLACE = 64;
const PLACES = 8;
const BUNDLES = 32;
const BUNDLE_BYTES = 4 * 2 ** 20 - 1024;

/** What an image author pushes, each under a name that nobody asked for before. */
const KINDS = ['signatures', 'bundles', 'silent', 'endless'] as const;

export const imagesOfHostileAuthors: Party = (around) =>
  steadily(around, { each: 500, most: 16 }, (index) => {
    const image = `${around.registry}/${KINDS[index % KINDS.length]}/${randomBytes(6).toString('hex')}:1`;
    return review(around, index, question('', '', { namespace: NAMESPACE, containers: [image] }).body('image'));
  });

/** Valid in form, by a key that nobody trusts, and no two alike. */
const worthless = (() => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return Array.from({ length: SIGNATURES_OF_PLACE * (PLACES + 1) }, (_, index) =>
    sign('sha256', Buffer.from(String(index)), privateKey).toString('base64'),
  );
})();

const bundle = Buffer.from(
  JSON.stringify({
    mediaType: BUNDLE,
    verificationMaterial: { publicKey: { hint: createHash('sha256').update('nobody').digest('base64') } },
    dsseEnvelope: {
      payloadType: 'application/vnd.in-toto+json',
      payload: Buffer.alloc((BUNDLE_BYTES * 3) / 4 - 1024, ' ').toString('base64'),
      signatures: [{ sig: worthless[0] }],
    },
  }),
);

/** Hashed once: what it costs to be hostile is nobody's fault but its own. */
const BUNDLE_BLOB = descriptor(bundle);

/** Makes up every image that it is asked for; `private/…` it shows to nobody. */
export function hostileRegistry(): Server {
  return createServer((request, response) => {
    response.on('error', () => undefined);
    const [, kind = '', name = '', what = '', reference = ''] =
      /^\/v2\/([a-z]+)\/([0-9a-z]+)\/(manifests|blobs|referrers)\/([^?]+)/.exec(request.url ?? '') ?? [];
    if (kind === 'private') return refuse(response, 401, { 'www-authenticate': 'Basic realm="private"' });
    if (kind === 'silent') return HOSTILITIES.silence();
    // What is asked for without a body is not there; the body is.
    if (kind === 'endless' && request.method === 'HEAD') return refuse(response, 404);
    if (kind === 'endless') return HOSTILITIES.endlessBody(request, response);
    const found = contentOf(kind, name).find(({ is }) => is === `${what}/${reference}`);
    if (found === undefined) return refuse(response, 404);
    give(request, response, found);
  });
}

interface Stored {
  /** `manifests/1`. */
  readonly is: string;
  readonly type: string;
  readonly bytes: Buffer;
}

const kept = new Map<string, readonly Stored[]>();
const KEPT_MOST = 64;

function contentOf(kind: string, name: string): readonly Stored[] {
  const key = `${kind}/${name}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  for (const oldest of [...kept.keys()].slice(0, kept.size - KEPT_MOST)) kept.delete(oldest);
  const content = makeContent(kind, name);
  kept.set(key, content);
  return content;
}

function makeContent(kind: string, name: string): readonly Stored[] {
  const image = json(MANIFEST, { config: EMPTY, layers: [], annotations: { name } });
  const subject = { mediaType: MANIFEST, digest: image.digest, size: image.bytes.length };
  const payload = cosignPayload('hostile', image.digest);
  const layer = { mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', ...descriptor(payload) };
  const place = (index: number) => ({
    config: EMPTY,
    layers: worthless
      .slice(index * SIGNATURES_OF_PLACE, (index + 1) * SIGNATURES_OF_PLACE)
      .map((signature) => Object.assign({ annotations: { 'dev.cosignproject.cosign/signature': signature } }, layer)),
  });
  const artifactType = kind === 'bundles' ? BUNDLE : SIGNATURE;
  const referrers = Array.from({ length: kind === 'bundles' ? BUNDLES : PLACES }, (_, index) =>
    json(MANIFEST, {
      artifactType,
      subject,
      annotations: { index: String(index) },
      ...(kind === 'bundles' ? { config: EMPTY, layers: [{ mediaType: BUNDLE, ...BUNDLE_BLOB }] } : place(index + 1)),
    }),
  );
  const list = {
    manifests: referrers.map(({ digest, bytes }) => ({
      mediaType: MANIFEST,
      artifactType,
      digest,
      size: bytes.length,
    })),
  };
  const signatures = json(MANIFEST, place(0));
  return [
    { ...image, is: 'manifests/1' },
    ...[image, signatures, ...referrers].map((one) => Object.assign({ is: `manifests/${one.digest}` }, one)),
    { ...json(INDEX, list), is: `referrers/${image.digest}` },
    ...(kind === 'bundles' ? [] : [{ ...signatures, is: `manifests/sha256-${hexOf(image.digest)}.sig` }]),
    { type: '', bytes: Buffer.from(payload), is: `blobs/${layer.digest}` },
    { type: '', bytes: bundle, is: `blobs/${BUNDLE_BLOB.digest}` },
  ];
}

function json(type: string, manifest: object) {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, ...manifest }));
  return { type, bytes, digest: digestOf(bytes) };
}

function descriptor(bytes: Uint8Array) {
  return { digest: digestOf(bytes), size: bytes.length };
}

function give(request: IncomingMessage, response: ServerResponse, { type, bytes }: Stored): void {
  response.writeHead(200, { 'content-type': type || 'application/octet-stream', 'content-length': bytes.length });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

function refuse(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, headers);
  response.end();
}
