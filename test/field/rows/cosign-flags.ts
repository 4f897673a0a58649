// SPDX-License-Identifier: Apache-2.0
// What cosign writes, flag by flag, and what becomes of it on its way.
import type { SigningFormat } from '../../vectors/cosign/workshop.ts';
import type { Bench } from '../bench.ts';
import { OCI_INDEX, partsOf, putManifest, readManifest, sharedKey } from '../pieces.ts';
import type { Row } from '../row.ts';

const topic = 'What is signed, and how';
const KEY = ['--key', 'release.key'];
const FORMATS: readonly (readonly [SigningFormat, string])[] = [
  ['simple-signing', 'a `.sig`'],
  ['bundle', 'a bundle'],
];

/** The same with either format. */
function inBoth(row: (format: SigningFormat, name: string) => Omit<Row, 'topic'>): readonly Row[] {
  return FORMATS.map(([format, name]) => Object.assign(row(format, name), { topic } as const));
}

async function pushIndex(bench: Bench, attested = false): Promise<{ readonly index: string; readonly child: string }> {
  const { host, repository } = bench;
  const child = await bench.push('amd64');
  const other = await bench.push('arm64');
  const descriptor = async (image: string, platform: object, annotations?: object) => {
    const digest = partsOf(image)[1];
    const text = await readManifest(bench, digest);
    return {
      mediaType: JSON.parse(text).mediaType,
      digest,
      size: Buffer.byteLength(text),
      platform,
      ...(annotations && { annotations }),
    };
  };
  const manifests = [
    await descriptor(child, { os: 'linux', architecture: 'amd64' }),
    await descriptor(other, { os: 'linux', architecture: 'arm64' }),
  ];
  if (attested) {
    const statement = await bench.push('attestation');
    const about = {
      'vnd.docker.reference.digest': partsOf(child)[1],
      'vnd.docker.reference.type': 'attestation-manifest',
    };
    manifests.push(await descriptor(statement, { os: 'unknown', architecture: 'unknown' }, about));
  }
  const { digest } = await putManifest(
    bench,
    { schemaVersion: 2, mediaType: OCI_INDEX, manifests },
    OCI_INDEX,
    'index',
  );
  return { index: `${host}/${repository}@${digest}`, child };
}

async function sign(
  { workshop }: Bench,
  format: SigningFormat,
  more: readonly string[],
  environment = {},
): Promise<void> {
  await workshop.cosign('sign', format, [...KEY, ...more], environment);
}

const CLAIMS = ['branch=feature/<a>&b', 'note=é 漢字', 'equals=a=b', 'empty='];

export const cosignFlagRows: readonly Row[] = [
  ...inBoth((format, name) => ({
    input: `an image of an index that was signed with \`--recursive\`, as ${name}, by its own digest`,
    source: '`cosign sign --recursive`',
    make: async (bench) => {
      const { index, child } = await pushIndex(bench);
      await sign(bench, format, ['--recursive', index]);
      return { image: child };
    },
    cosign: 'accepts',
    cosignet: 'Verified',
  })),
  ...inBoth((format, name) => ({
    input: `an image of an index of which only the index has ${name}, by its own digest`,
    source: '`cosign sign` of a tag with several platforms',
    make: async (bench) => {
      const { index, child } = await pushIndex(bench);
      await sign(bench, format, [index]);
      return { image: child };
    },
    cosign: 'refuses',
    cosignet: 'NoSignature',
  })),
  ...inBoth((format, name) => ({
    input: `each image of an index with BuildKit's attestations, all signed as ${name}`,
    source: '`docker buildx build --provenance=true`, `cosign sign --recursive`; `platforms: Each`',
    make: async (bench) => {
      const { index } = await pushIndex(bench, true);
      await sign(bench, format, ['--recursive', index]);
      return { image: index, policy: { platforms: 'Each' } };
    },
    cosign: 'accepts',
    cosignet: 'Verified',
  })),
  ...inBoth((format, name) => ({
    input: `${name} in another repository`,
    source: '`COSIGN_REPOSITORY`, `signatureRepository`',
    make: async (bench) => {
      const image = await bench.push();
      const elsewhere = { COSIGN_REPOSITORY: `${bench.host}/${bench.repository}/signatures` };
      await sign(bench, format, [image], elsewhere);
      return { image, cosignEnvironment: elsewhere, policy: { signatureRepository: elsewhere.COSIGN_REPOSITORY } };
    },
    cosign: 'accepts',
    cosignet: 'Verified',
  })),
  ...inBoth((format, name) => ({
    input: `${name} with claims of all kinds of characters`,
    source: '`cosign sign -a`, which Go writes with HTML escapes',
    make: async (bench) => {
      const image = await bench.push();
      const claims = CLAIMS.flatMap((claim) => ['-a', claim]);
      await sign(bench, format, [...claims, image]);
      const annotations = Object.fromEntries(
        CLAIMS.map((claim) => [claim.slice(0, claim.indexOf('=')), claim.slice(claim.indexOf('=') + 1)]),
      );
      return { image, cosignFlags: claims, policy: { annotations } };
    },
    cosign: 'accepts',
    cosignet: 'Verified',
  })),
  ...inBoth((format, name) => ({
    input: `${name} without a claim that is asked for`,
    source: '`cosign verify -a`',
    make: async (bench) => {
      const image = await bench.push();
      await sign(bench, format, ['-a', 'env=test', image]);
      return { image, cosignFlags: ['-a', 'env=prod'], policy: { annotations: { env: 'prod' } } };
    },
    cosign: 'refuses',
    cosignet: 'AnnotationMismatch',
    says: ['annotation env is "test", wanted "prod"'],
  })),
  ...inBoth((format, name) => ({
    input: `${name} of an image that was copied to another repository`,
    source: `\`cosign copy\`${format === 'bundle' ? ', which takes no bundle along' : ''}`,
    make: async (bench) => {
      const image = await bench.signed(format);
      const copy = `${bench.host}/${bench.repository}/copy`;
      await bench.workshop.exec('cosign', ['copy', image, `${copy}:1.0`]);
      return { image: `${copy}@${partsOf(image)[1]}` };
    },
    cosign: format === 'bundle' ? 'refuses' : 'accepts',
    cosignet: format === 'bundle' ? 'NoSignature' : 'Verified',
  })),
  {
    topic,
    input: 'a `.sig` that was carried in a folder',
    source: '`cosign save`, `cosign load`',
    make: async (bench) => {
      const image = await bench.signed('simple-signing');
      const copy = `${bench.host}/${bench.repository}/loaded`;
      await bench.workshop.exec('cosign', ['save', '--dir', 'saved', image]);
      await bench.workshop.exec('cosign', ['load', '--dir', 'saved', `${copy}:1.0`]);
      return { image: `${copy}@${partsOf(image)[1]}` };
    },
    cosign: 'accepts',
    cosignet: 'Verified',
  },
  ...inBoth((format, name) => ({
    input: `${name} by another key, and then one by the right key`,
    source: 'key rotation',
    make: async (bench) => {
      const image = await bench.push();
      await sharedKey(bench.workshop, 'stranger');
      await bench.workshop.cosign('sign', format, ['--key', 'stranger.key', image]);
      await sign(bench, format, [image]);
      return { image };
    },
    cosign: 'accepts',
    cosignet: 'Verified',
  })),
  ...inBoth((format, name) => ({
    input: `${name} by another key only`,
    source: 'a key that the policy does not name',
    make: async (bench) => {
      const image = await bench.push();
      await sharedKey(bench.workshop, 'stranger');
      await bench.workshop.cosign('sign', format, ['--key', 'stranger.key', image]);
      return { image };
    },
    cosign: 'refuses',
    cosignet: 'UntrustedSignature',
  })),
  ...inBoth((format, name) => ({
    input: `${name} of the image before it was changed`,
    source: '`crane mutate`, an image that was rebuilt',
    make: async (bench) => {
      const image = await bench.signed(format);
      const changed = `${bench.host}/${bench.repository}:changed`;
      await bench.workshop.exec('crane', ['mutate', image, '--label', 'a=b', '-t', changed]);
      return { image: changed };
    },
    cosign: 'refuses',
    cosignet: 'NoSignature',
  })),
  ...inBoth((format, name) => ({
    input: `${name} of an image by another tag of the same digest`,
    source: '`crane tag`, promotion by tag',
    make: async (bench) => {
      const image = await bench.signed(format);
      await bench.workshop.exec('crane', ['tag', image, 'prod']);
      return { image: image.replace(/@.*/, ':prod') };
    },
    cosign: 'accepts',
    cosignet: 'Verified',
  })),
  ...inBoth((format, name) => ({
    input: `${name} of an image by tag and digest`,
    source: 'Renovate, `pinDigests`',
    make: async (bench) => {
      const image = await bench.signed(format);
      return { image: image.replace('@', ':other@') };
    },
    cosign: 'accepts',
    cosignet: 'Verified',
  })),
];
