// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { digestOf } from '../../../core/image/digest.ts';
import { bundleFor, signKeyless } from '../../fakes/sigstore/keyless.ts';
import type { Signing, SigningOptions } from '../../fakes/sigstore/keyless.ts';
import { pemOf, rekorBundle } from '../../fakes/sigstore/sigstore-evidence.ts';
import type { Sigstore } from '../../fakes/sigstore/sigstore.ts';
import { output } from './tools.ts';

/** Images are `host/repository@digest` of a real registry over HTTP. */
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

/** Keyless evidence about an image, for the annotations of a `.sig` layer or for a bundle. */
export function signImage(image: string, annotated: boolean, options: SigningOptions): Signing {
  return annotated
    ? signKeyless({ message: true, artifact: payloadAbout(image), ...options })
    : signKeyless({ statement: statementAbout(image), ...options });
}

const digestIn = (image: string): string => image.slice(image.indexOf('@') + 1);

function payloadAbout(image: string): string {
  const [repository = ''] = image.split('@');
  return JSON.stringify({
    critical: {
      identity: { 'docker-reference': repository },
      image: { 'docker-manifest-digest': digestIn(image) },
      type: 'cosign container image signature',
    },
    optional: null,
  });
}

export function statementAbout(image: string, predicateType = PREDICATE, predicate: object = {}): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: digestIn(image).slice('sha256:'.length) } }],
    predicateType,
    predicate,
  };
}

/** As a layer of the `.sig` tag, written by cosign. @param folder for the files that cosign reads */
export async function attachAnnotated(image: string, signing: Signing, folder: string): Promise<void> {
  const { signature, verifier, entries, timestamps, sigstore } = signing;
  const [entry] = entries;
  const [timestamp] = timestamps;
  const write = async (name: string, content: string | Buffer): Promise<string> => {
    await writeFile(path.join(folder, name), content);
    return path.join(folder, name);
  };
  const evidence = [
    ...(entry === undefined
      ? []
      : ['--rekor-response', await write('rekor.json', `{"rekorBundle":${rekorBundle(entry)}}`)]),
    ...(timestamp === undefined ? [] : ['--tsr', await write('timestamp', timestamp)]),
  ];
  await output([
    'cosign',
    'attach',
    'signature',
    '--payload',
    await write('payload', payloadAbout(image)),
    '--signature',
    await write('signature', signature.toString('base64')),
    '--certificate',
    await write('certificate', pemOf(verifier)),
    '--certificate-chain',
    await write('chain', chainOf(sigstore)),
    ...evidence,
    image,
  ]);
}

function chainOf({ trustedRoot }: Sigstore): string {
  const [authority] = trustedRoot.certificateAuthorities;
  const certificates = authority?.certChain.certificates ?? [];
  return certificates
    .map(({ rawBytes }) => `-----BEGIN CERTIFICATE-----\n${rawBytes}\n-----END CERTIFICATE-----\n`)
    .join('');
}

/** As a referrer with a bundle, as cosign 3 pushes it: by the fallback tag where the registry lists no referrers. */
export async function attachBundle(image: string, signing: Signing, predicateType = PREDICATE): Promise<void> {
  const bundle = Buffer.from(JSON.stringify(bundleFor(signing)));
  const empty = Buffer.from('{}');
  const { mediaType, size } = await subjectOf(image);
  await putBlob(image, bundle);
  await putBlob(image, empty);
  const about = {
    artifactType: BUNDLE,
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': predicateType,
    },
  };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      ...about,
      config: { mediaType: 'application/vnd.oci.empty.v1+json', size: empty.length, digest: digestOf(empty) },
      layers: [{ mediaType: BUNDLE, size: bundle.length, digest: digestOf(bundle) }],
      subject: { mediaType, size, digest: digestIn(image) },
    }),
  );
  const answer = await putManifest(image, digestOf(manifest), MANIFEST, manifest);
  if (answer.headers.has('oci-subject')) return;
  const entry = { mediaType: MANIFEST, digest: digestOf(manifest), size: manifest.length, ...about };
  const indexType = 'application/vnd.oci.image.index.v1+json';
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [entry] }));
  await putManifest(image, digestIn(image).replace(':', '-'), indexType, index);
}

async function subjectOf(image: string): Promise<{ readonly mediaType: string; readonly size: number }> {
  const headers = { accept: `${MANIFEST}, application/vnd.docker.distribution.manifest.v2+json` };
  const answer = await fetch(`${repositoryUrl(image)}/manifests/${digestIn(image)}`, { headers });
  if (!answer.ok) throw new Error(`${image}: ${answer.status}`);
  return {
    mediaType: answer.headers.get('content-type') ?? '',
    size: (await answer.arrayBuffer()).byteLength,
  };
}

function repositoryUrl(image: string): string {
  const slash = image.indexOf('/');
  return `http://${image.slice(0, slash)}/v2/${image.slice(slash + 1, image.indexOf('@'))}`;
}

async function putManifest(image: string, name: string, type: string, body: Buffer): Promise<Response> {
  return created(`${repositoryUrl(image)}/manifests/${name}`, { headers: { 'content-type': type }, body });
}

async function putBlob(image: string, content: Buffer): Promise<void> {
  const opened = await fetch(`${repositoryUrl(image)}/blobs/uploads/`, { method: 'POST' });
  const location = new URL(opened.headers.get('location') ?? '', repositoryUrl(image));
  location.searchParams.set('digest', digestOf(content));
  await created(location, { headers: { 'content-type': 'application/octet-stream' }, body: content });
}

async function created(
  url: string | URL,
  { headers, body }: { readonly headers: Record<string, string>; readonly body: Buffer },
): Promise<Response> {
  const answer = await fetch(url, { method: 'PUT', headers, body: new Uint8Array(body) });
  if (answer.status !== 201) throw new Error(`PUT ${String(url)}: ${answer.status} ${await answer.text()}`);
  return answer;
}
