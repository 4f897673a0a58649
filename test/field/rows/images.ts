// SPDX-License-Identifier: Apache-2.0
// Images of every kind, and the ways to name them.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SigningFormat } from '../../vectors/cosign/workshop.ts';
import type { Bench } from '../bench.ts';
import { OCI_INDEX, OCI_MANIFEST, partsOf, putBlob, putManifest, readManifest } from '../pieces.ts';
import type { Made, Row } from '../row.ts';

const topic = 'What is signed, and how';
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const accepted = { topic, cosign: 'accepts', cosignet: 'Verified' } as const;

interface Content {
  readonly mediaType: string;
}

/** What `content` makes of a pushed image, by a tag, signed. */
function image(
  input: string,
  source: string,
  content: (bench: Bench, image: string) => Promise<Content>,
  format: SigningFormat = 'bundle',
): Row {
  const make = async (bench: Bench): Promise<Made> => {
    const pushed = await bench.push();
    const made = await content(bench, pushed);
    const { digest } = await putManifest(bench, made, made.mediaType, 'made');
    const [name] = partsOf(pushed);
    await sign(bench, format, `${name}@${digest}`);
    return { image: `${name}:made` };
  };
  return { ...accepted, input, source, make };
}

function sign({ workshop }: Bench, format: SigningFormat, reference: string): Promise<void> {
  return workshop.cosign('sign', format, ['--key', 'release.key', reference]);
}

/** An index of one manifest. */
async function indexOf(bench: Bench, reference: string, mediaType: string, itemType = OCI_MANIFEST): Promise<Content> {
  const [, digest] = partsOf(reference);
  const size = Buffer.byteLength(await readManifest(bench, digest));
  const platform = { architecture: 'amd64', os: 'linux' };
  const manifests = [{ mediaType: itemType, digest, size, platform }];
  return Object.assign({ mediaType }, { schemaVersion: 2, manifests });
}

async function manifestOf(bench: Bench, reference: string): Promise<Content & { readonly layers: readonly object[] }> {
  return JSON.parse(await readManifest(bench, partsOf(reference)[1]));
}

/** A chart, packed and pushed by Helm, signed by its digest. */
async function chart(bench: Bench, format: SigningFormat): Promise<Made> {
  const { workshop, host, repository } = bench;
  const place = join(workshop.folder, repository);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'Chart.yaml'), 'apiVersion: v2\nname: shop\nversion: 0.1.0\n');
  await workshop.exec('helm', ['package', place, '--destination', place]);
  await workshop.exec('helm', ['push', join(place, 'shop-0.1.0.tgz'), `oci://${host}/${repository}`, '--plain-http']);
  const named = `${host}/${repository}/shop`;
  const digest = (await workshop.exec('crane', ['digest', `${named}:0.1.0`])).trim();
  await sign(bench, format, `${named}@${digest}`);
  return { image: `${named}:0.1.0` };
}

/** An image that is pushed and signed under one name, and asked for under another. */
function asked(input: string, source: string, how: (bench: Bench) => Promise<Made>, more: Partial<Row> = {}): Row {
  return { ...accepted, input, source, make: how, ...more };
}

export const imageRows: readonly Row[] = [
  asked('a Helm chart in a registry, with a `.sig`', '`helm push`', (bench) => chart(bench, 'simple-signing')),
  asked('a Helm chart in a registry, with a bundle', '`helm push`', (bench) => chart(bench, 'bundle')),
  image(
    "a manifest list of Docker's type",
    '`docker manifest push`, registries that convert',
    (bench, pushed) => indexOf(bench, pushed, DOCKER_LIST),
    'simple-signing',
  ),
  image(
    'an index of indexes',
    '`docker buildx imagetools create` of indexes, `crane index append`',
    async (bench, pushed) => {
      const inner = await indexOf(bench, pushed, OCI_INDEX);
      const { digest } = await putManifest(bench, inner, OCI_INDEX);
      return indexOf(bench, `${partsOf(pushed)[0]}@${digest}`, OCI_INDEX, OCI_INDEX);
    },
  ),
  image('an image of zstd:chunked layers', '`podman push --compression-format zstd:chunked`', async (bench, pushed) => {
    const layer = await putBlob(bench, 'zstd\n', 'application/vnd.oci.image.layer.v1.tar+zstd');
    const annotations = { 'io.github.containers.zstd-chunked.manifest-position': '1:2:3:1' };
    return { ...(await manifestOf(bench, pushed)), layers: [{ ...layer, annotations }] };
  }),
  image(
    'an image that is itself about another one',
    'a debugger or an index for an image, with `subject`',
    async (bench, pushed) => {
      const [, digest] = partsOf(await bench.push('other'));
      const subject = { mediaType: OCI_MANIFEST, digest, size: Buffer.byteLength(await readManifest(bench, digest)) };
      return Object.assign(await manifestOf(bench, pushed), { subject });
    },
  ),
  image(
    'an image without any configuration',
    'models and modules as OCI artifacts, for volumes of type `image`',
    async (bench, pushed) => {
      const empty = await putBlob(bench, '{}', 'application/vnd.oci.empty.v1+json');
      const artifactType = 'application/vnd.cncf.model.manifest.v1+json';
      return Object.assign(await manifestOf(bench, pushed), { artifactType, config: empty });
    },
  ),
  {
    topic,
    input: 'an index to which an image was added after it was signed',
    source: '`docker buildx imagetools create --append`, `crane index append`',
    make: async (bench) => {
      const pushed = await bench.push();
      const index = await indexOf(bench, pushed, OCI_INDEX);
      const { digest } = await putManifest(bench, index, OCI_INDEX, 'many');
      const [name] = partsOf(pushed);
      await sign(bench, 'simple-signing', `${name}@${digest}`);
      const appended = ['index', 'append', `${name}:many`, '-m', `${name}:1.0`, '-t', `${name}:many`];
      await bench.workshop.exec('crane', appended);
      return { image: `${name}:many` };
    },
    cosign: 'refuses',
    cosignet: 'NoSignature',
  },
  asked('an image by a tag in capitals', 'releases', async (bench) => {
    const [name, digest] = partsOf(await bench.push('1.0-RC_1.Build'));
    await sign(bench, 'bundle', `${name}@${digest}`);
    return { image: `${name}:1.0-RC_1.Build` };
  }),
  asked('an image by no tag, which is `latest`', 'Pods of tutorials', async (bench) => {
    const [name, digest] = partsOf(await bench.push('latest'));
    await sign(bench, 'bundle', `${name}@${digest}`);
    return { image: name };
  }),
  asked('an image by a path of many parts and separators', 'GitLab, Artifactory', async (bench) => {
    const name = `${bench.host}/${bench.repository}/a.b/c__d/e---f/g-h_i`;
    const digest = await bench.workshop.push(`${name}:1.0`);
    await sign(bench, 'simple-signing', `${name}@${digest}`);
    return { image: `${name}:1.0` };
  }),
  asked(
    'an image by another name of its registry than it was signed by',
    'a registry with a name inside and one outside',
    async (bench) => {
      const signed = await bench.signed('simple-signing');
      const host = bench.host.replace('127.0.0.1', 'localhost');
      return {
        image: signed.replace(bench.host, host),
        configuration: { registries: [{ host, insecure: true }] },
      };
    },
  ),
  asked(
    'an image by a SHA-512 digest',
    'OCI, which registers `sha512`',
    async (bench) => ({ image: `${partsOf(await bench.push())[0]}@sha512:${'a'.repeat(128)}` }),
    { cosign: 'refuses', cosignet: 'InvalidReference' },
  ),
  asked(
    'an image by a digest in capitals',
    'a digest that was written by hand',
    async (bench) => {
      const [name, digest] = partsOf(await bench.signed('simple-signing'));
      return { image: `${name}@sha256:${digest.slice('sha256:'.length).toUpperCase()}` };
    },
    { cosign: 'refuses', cosignet: 'InvalidReference' },
  ),
  asked(
    'an image by a path in capitals',
    'names of GitHub accounts',
    async (bench) => ({ image: `${(await bench.push()).split('@')[0]?.replace('/field/', '/Field/')}:1.0` }),
    { cosign: 'refuses', cosignet: 'InvalidReference' },
  ),
];
