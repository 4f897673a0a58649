// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { cosignPayload } from '../../../core/cosign/payload-prediction.ts';
import { preAuthenticationEncoding } from '../../../core/formats/dsse-envelope.ts';
import { hexOf } from '../../../core/image/digest.ts';
import type { Digest } from '../../../core/image/digest.ts';
import type { RegistryContent } from '../../fakes/registry/registry-content.ts';

/** Thousands of small signed images, for load; the formats are held to the real cosign elsewhere. */
export interface Signer {
  readonly privateKey: KeyObject;
  readonly publicPem: string;
}

export function createSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, publicPem: publicKey.export({ format: 'pem', type: 'spki' }) };
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const EMPTY_CONFIG = 'application/vnd.oci.empty.v1+json';
const IN_TOTO = 'application/vnd.in-toto+json';

/** Puts `repository:tag` into the registry. @returns its digest */
export function putImage(content: RegistryContent, repository: string, tag: string): Digest {
  const config = content.putBlob(repository, JSON.stringify({ name: `${repository}:${tag}` }));
  const descriptor = { mediaType: 'application/vnd.oci.image.config.v1+json', ...config };
  return content.putManifest(
    repository,
    { schemaVersion: 2, mediaType: MANIFEST, config: descriptor, layers: [] },
    tag,
  );
}

export interface SigningPlace {
  readonly content: RegistryContent;
  /** `host:port` of the registry, which the payload names. */
  readonly host: string;
  readonly repository: string;
}

export function signSimple({ content, host, repository }: SigningPlace, digest: Digest, signer: Signer): void {
  const payload = cosignPayload(`${host}/${repository}`, digest);
  const layer = {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    ...content.putBlob(repository, payload),
    annotations: {
      'dev.cosignproject.cosign/signature': sign('sha256', payload, signer.privateKey).toString('base64'),
    },
  };
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', ...content.putBlob(repository, '{}') };
  const manifest = { schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] };
  content.putManifest(repository, manifest, `sha256-${hexOf(digest)}.sig`);
}

/** A bundle as OCI referrer, listed by the fallback tag too. */
export function signBundle({ content, repository }: SigningPlace, digest: Digest, signer: Signer): void {
  const statement = Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: hexOf(digest) }, annotations: {} }],
      predicateType: 'https://sigstore.dev/cosign/sign/v1',
      predicate: {},
    }),
  );
  const signature = sign('sha256', preAuthenticationEncoding(IN_TOTO, statement), signer.privateKey);
  const bundle = {
    mediaType: BUNDLE,
    verificationMaterial: { publicKey: { hint: hintOf(signer) } },
    dsseEnvelope: {
      payload: statement.toString('base64'),
      payloadType: IN_TOTO,
      signatures: [{ sig: signature.toString('base64') }],
    },
  };
  const config = { mediaType: EMPTY_CONFIG, ...content.putBlob(repository, '{}') };
  const layers = [{ mediaType: BUNDLE, ...content.putBlob(repository, JSON.stringify(bundle)) }];
  const annotations = {
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
  };
  const subject = { mediaType: MANIFEST, digest, size: content.manifest(repository, digest)?.bytes.length ?? 0 };
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: BUNDLE,
    config,
    layers,
    annotations,
    subject,
  };
  const referrer = content.putManifest(repository, manifest);
  const size = content.manifest(repository, referrer)?.bytes.length ?? 0;
  const entry = { mediaType: MANIFEST, digest: referrer, size, artifactType: BUNDLE, annotations };
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [entry] };
  content.putManifest(repository, index, `sha256-${hexOf(digest)}`);
}

function hintOf({ publicPem }: Signer): string {
  const body = publicPem.replaceAll(/-----[A-Z ]+-----|\s/g, '');
  return createHash('sha256').update(Buffer.from(body, 'base64')).digest('base64');
}
