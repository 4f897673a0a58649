// SPDX-License-Identifier: Apache-2.0
// What lies beside an image: written by other tools than cosign, by its rarer flags, or by hand.
import { fileIn, partsOf, putManifest, readManifest, rewriteManifest, sharedKey, tagOf } from '../pieces.ts';
import type { WrittenManifest } from '../pieces.ts';
import type { RegistryKind } from '../../vectors/cosign/workshop.ts';
import type { Bench } from '../bench.ts';
import type { Row } from '../row.ts';

const topic = 'What is signed, and how';
const KEY = ['--key', 'release.key'];
const accepted = { topic, cosign: 'accepts', cosignet: 'Verified' } as const;

/** A `.sig` by cosign, of which the manifest is written anew. */
function rewritten(input: string, source: string, change: (manifest: WrittenManifest) => object | string): Row {
  return {
    ...accepted,
    input,
    source,
    make: async (bench) => {
      const image = await bench.signed('simple-signing');
      await rewriteManifest(bench, tagOf(image, '.sig'), change);
      return { image };
    },
  };
}

/** Signed by openssl with the key `release`, and attached by cosign. */
async function attach({ workshop }: Bench, image: string, payload: string): Promise<void> {
  const file = await fileIn(workshop, 'tool-payload', payload);
  await workshop.exec('sh', ['-c', `openssl dgst -sha256 -sign release.openssl ${file} | base64 > tool-signature`]);
  await workshop.exec('cosign', ['attach', 'signature', '--payload', file, '--signature', 'tool-signature', image]);
}

async function signLegacy({ workshop }: Bench, more: readonly string[], environment = {}): Promise<void> {
  await workshop.cosign('sign', 'simple-signing', [...KEY, ...more], environment);
}

function simpleReferrer(registry: RegistryKind, how: string): Row {
  return {
    ...accepted,
    input: `a simple signature as a referrer, ${how} the referrers API`,
    source: '`COSIGN_EXPERIMENTAL=1 cosign sign --registry-referrers-mode=oci-1-1`',
    registry,
    make: async (bench) => {
      const image = await bench.push();
      const cosignEnvironment = { COSIGN_EXPERIMENTAL: '1' };
      await signLegacy(bench, ['--registry-referrers-mode=oci-1-1', image], cosignEnvironment);
      return { image, cosignEnvironment, cosignFlags: ['--experimental-oci11', '--new-bundle-format=false'] };
    },
  };
}

const SIGNATURE = 'dev.cosignproject.cosign/signature';
const NO_SUCH_THINGS = { 'dev.sigstore.cosign/certificate': 'none', 'dev.sigstore.cosign/bundle': 'none' };

export const toolRows: readonly Row[] = [
  {
    ...accepted,
    input: "a `.sig` whose `docker-reference` is a name of somebody's choice",
    source: '`cosign sign --sign-container-identity`',
    make: async (bench) => {
      const image = await bench.push();
      await signLegacy(bench, ['--sign-container-identity', 'registry.example.com/prod/app:1.0', image]);
      return { image };
    },
  },
  {
    topic,
    input: 'a `.sig` under a prefix of its tag',
    source: '`cosign sign --attachment-tag-prefix`',
    make: async (bench) => {
      const image = await bench.push();
      await signLegacy(bench, ['--attachment-tag-prefix', 'test-', image]);
      return { image };
    },
    cosign: 'refuses',
    cosignet: 'NoSignature',
  },
  simpleReferrer('distribution', 'without'),
  simpleReferrer('referrers', 'with'),
  {
    ...accepted,
    input: "a `.sig` in a manifest of Docker's type",
    source: '`COSIGN_DOCKER_MEDIA_TYPES=1`, for registries that take no OCI',
    make: async (bench) => {
      const image = await bench.push();
      await signLegacy(bench, [image], { COSIGN_DOCKER_MEDIA_TYPES: '1' });
      return { image };
    },
  },
  {
    ...accepted,
    input: 'a `.sig` of 80 signatures, the newest by the right key',
    source: 'a job that signs each night; a key that was changed',
    make: async (bench) => {
      const image = await bench.signed('simple-signing');
      await sharedKey(bench.workshop, 'older');
      const { workshop } = bench;
      await fileIn(workshop, 'older-payload', await workshop.exec('cosign', ['generate', image]));
      const signing = 'openssl dgst -sha256 -sign older.openssl older-payload | base64 -w0';
      const older = await workshop.exec('sh', ['-c', `for i in $(seq 79); do ${signing}; echo; done`]);
      await rewriteManifest(bench, tagOf(image, '.sig'), (manifest) => {
        const [newest] = manifest.layers;
        const layers = older
          .trim()
          .split('\n')
          .map((signature) => Object.assign({}, newest, { annotations: { [SIGNATURE]: signature } }));
        return { ...manifest, layers: [...layers, newest] };
      });
      return { image };
    },
  },
  {
    ...accepted,
    input: 'a bundle by somebody else beside a `.sig` by the right key',
    source: 'a change from cosign 2 to 3; scanners that attest',
    registry: 'referrers',
    make: async (bench) => {
      const image = await bench.signed('simple-signing');
      await sharedKey(bench.workshop, 'stranger');
      await bench.workshop.cosign('sign', 'bundle', ['--key', 'stranger.key', image]);
      return { image };
    },
    cosign: 'refuses',
    why: 'cosign 3 looks at no `.sig` where there is a bundle. The key of the policy signed this digest, whatever lies beside it.',
  },
  {
    ...accepted,
    input: 'a bundle by the right key beside a `.sig` by somebody else',
    source: 'a change from cosign 2 to 3',
    registry: 'referrers',
    make: async (bench) => {
      const image = await bench.signed('bundle');
      await sharedKey(bench.workshop, 'stranger');
      await bench.workshop.cosign('sign', 'simple-signing', ['--key', 'stranger.key', image]);
      return { image };
    },
  },
  {
    topic,
    input: 'no signature, but an attestation by the same key, as a bundle',
    source: '`cosign attest`, a scan that is attested with the release key',
    registry: 'referrers',
    make: async (bench) => {
      const image = await bench.push();
      const claim = [
        '--predicate',
        await fileIn(bench.workshop, 'a.json', '{"a":1}'),
        '--type',
        'https://example.com/scan/v1',
      ];
      await bench.workshop.cosign('attest', 'bundle', [...KEY, ...claim, image]);
      return { image };
    },
    cosign: 'accepts',
    cosignet: 'NoSignature',
    why: 'What says something about an image, perhaps that it has a fault, does not release it: a signature has the predicate type of signatures.',
  },
  {
    ...accepted,
    input: 'a signature of the payload as a file, attached',
    source: '`cosign generate`, `cosign sign-blob`, `cosign attach signature`',
    make: async (bench) => {
      const image = await bench.push();
      const { workshop } = bench;
      const payload = await fileIn(workshop, 'blob-payload', await workshop.exec('cosign', ['generate', image]));
      const offline = ['-y', '--use-signing-config=false', '--tlog-upload=false', '--new-bundle-format=false'];
      await workshop.exec('cosign', ['sign-blob', ...offline, ...KEY, '--output-signature', 'blob.sig', payload]);
      await workshop.exec('cosign', ['attach', 'signature', '--payload', payload, '--signature', 'blob.sig', image]);
      return { image };
    },
  },
  {
    ...accepted,
    input: 'a payload with spaces and lines, as people write JSON',
    source: '`jq` over `cosign generate`',
    make: async (bench) => {
      const image = await bench.push();
      const payload = JSON.parse(await bench.workshop.exec('cosign', ['generate', image]));
      await attach(bench, image, `${JSON.stringify(payload, null, 2)}\n`);
      return { image };
    },
  },
  {
    ...accepted,
    input: "podman's payload, with its time as a number",
    source: '`podman push --sign-by-sigstore`, `skopeo copy --sign-by-sigstore-private-key`',
    make: async (bench) => {
      const image = await bench.push();
      const [name, digest] = partsOf(image);
      const type = 'cosign container image signature';
      const identity = { 'docker-reference': `${name}:1.0` };
      const critical = { type, image: { 'docker-manifest-digest': digest }, identity };
      const optional = { creator: 'containers/image 5.36.0', timestamp: 1_750_000_000 };
      await attach(bench, image, JSON.stringify({ critical, optional }));
      return { image };
    },
  },
  rewritten(
    'a `.sig` whose layer has another media type',
    'a `.sig` that another tool than cosign pushed',
    (manifest) => ({
      ...manifest,
      layers: manifest.layers.map((layer) => ({ ...layer, mediaType: 'application/octet-stream' })),
    }),
  ),
  rewritten(
    'a `.sig` manifest that ends with a new line',
    'a manifest that was written by hand, or by `jq`',
    (manifest) => `${JSON.stringify(manifest, null, 2)}\n`,
  ),
  {
    ...rewritten(
      'a `.sig` whose certificate and log entry are no such things, by the right key',
      'a `.sig` that was written by hand',
      (manifest) => ({
        ...manifest,
        layers: manifest.layers.map(({ annotations, ...layer }) =>
          Object.assign({ annotations: { ...annotations, ...NO_SUCH_THINGS } }, layer),
        ),
      }),
    ),
    cosign: 'refuses',
    why: 'What lies beside the signature proves nothing that this policy asks for: the key made it, over the payload of this digest.',
  },
  rewritten('a `.sig` of one broken layer and one good one', 'a `.sig` that was written by hand', (manifest) => ({
    ...manifest,
    layers: [{ ...manifest.layers[0], annotations: { [SIGNATURE]: '!' } }, ...manifest.layers],
  })),
  {
    ...accepted,
    input: 'an OCI artifact that is no image',
    source: 'Helm charts, `flux push artifact`, `oras push`',
    make: (bench) =>
      signedAs(bench, 'chart', (manifest) => {
        const mediaType = 'application/vnd.cncf.helm.config.v1+json';
        return { ...manifest, artifactType: mediaType, config: { ...manifest.config, mediaType } };
      }),
  },
  {
    ...accepted,
    input: "an image with a manifest of Docker's type",
    source: '`docker push`',
    make: (bench) =>
      signedAs(bench, 'docker', (manifest) => ({
        schemaVersion: 2,
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
        config: { ...manifest.config, mediaType: 'application/vnd.docker.container.image.v1+json' },
        layers: manifest.layers.map((layer) => ({
          ...layer,
          mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
        })),
      })),
  },
];

/** An image with another manifest, by its tag. */
async function signedAs(
  bench: Bench,
  tag: string,
  change: (manifest: WrittenManifest) => { readonly mediaType: string },
): Promise<{ image: string }> {
  const [name, digest] = partsOf(await bench.push());
  const manifest = change(JSON.parse(await readManifest(bench, digest)));
  const { digest: changed } = await putManifest(bench, manifest, manifest.mediaType, tag);
  await bench.workshop.cosign('sign', 'bundle', [...KEY, `${name}@${changed}`]);
  return { image: `${name}:${tag}` };
}
