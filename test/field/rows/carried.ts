// SPDX-License-Identifier: Apache-2.0
// Images that were copied from one repository to another, with what was signed or without.
import type { SigningFormat } from '../../vectors/cosign/workshop.ts';
import type { Bench } from '../bench.ts';
import { insteadOf404, refusal } from '../front.ts';
import { OCI_INDEX, partsOf, sharedKey, tagOf } from '../pieces.ts';
import type { Row } from '../row.ts';

const topic = 'What is signed, and how';
const accepted = { topic, cosign: 'accepts', cosignet: 'Verified' } as const;

interface Copied {
  readonly from: string;
  readonly to: string;
  readonly digest: string;
  /** A reference there, to copy this one to. */
  crane(this: void, ...words: readonly string[]): Promise<string>;
}

/** Signs an image, and copies what `copy` says to a repository beside it. */
function copied(
  input: string,
  source: string,
  format: SigningFormat,
  copy: (copied: Copied) => Promise<unknown>,
): Omit<Row, 'cosign' | 'cosignet'> {
  const make = async (bench: Bench) => {
    const image = await bench.signed(format);
    const [from, digest] = partsOf(image);
    const to = `${bench.host}/${bench.repository}/copy`;
    await copy({ from, to, digest, crane: (...words) => bench.workshop.exec('crane', words) });
    return { image: `${to}@${digest}` };
  };
  return { topic, input, source, make };
}

export const carriedRows: readonly Row[] = [
  {
    ...copied(
      'a `.sig` that was left behind where its image was copied',
      '`crane copy`, `skopeo copy`, `docker buildx imagetools create`',
      'simple-signing',
      ({ from, to, digest, crane }) => crane('copy', `${from}@${digest}`, `${to}:1.0`),
    ),
    cosign: 'refuses',
    cosignet: 'NoSignature',
  },
  {
    ...copied(
      'a bundle that was left behind where its image was copied',
      '`crane copy`, `skopeo copy --all`, which know no referrers',
      'bundle',
      ({ from, to, digest, crane }) => crane('copy', `${from}@${digest}`, `${to}:1.0`),
    ),
    cosign: 'refuses',
    cosignet: 'NoSignature',
  },
  {
    ...copied(
      'a `.sig` that was copied by its own tag',
      'scripts around `crane copy` and `skopeo copy`; `regsync`, `imgpkg copy --cosign-signatures`',
      'simple-signing',
      async ({ from, to, digest, crane }) => {
        await crane('copy', `${from}@${digest}`, `${to}:1.0`);
        const tag = tagOf(`${from}@${digest}`, '.sig');
        await crane('copy', `${from}:${tag}`, `${to}:${tag}`);
      },
    ),
    ...accepted,
  },
  {
    ...copied(
      'a `.sig` that was copied with all tags of its repository',
      '`crane copy --all-tags`, `skopeo sync`, mirrors',
      'simple-signing',
      ({ from, to, crane }) => crane('copy', '--all-tags', from, to),
    ),
    ...accepted,
  },
  {
    ...copied(
      'a bundle that was copied with all tags of its repository, the fallback tag among them',
      '`crane copy --all-tags`, `skopeo sync --all`, mirrors',
      'bundle',
      ({ from, to, crane }) => crane('copy', '--all-tags', from, to),
    ),
    ...accepted,
  },
  {
    ...copied(
      'a bundle whose fallback tag was copied by itself',
      '`oras copy --recursive`, `regctl image copy --referrers`',
      'bundle',
      async ({ from, to, digest, crane }) => {
        await crane('copy', `${from}@${digest}`, `${to}:1.0`);
        const tag = tagOf(`${from}@${digest}`);
        await crane('copy', `${from}:${tag}`, `${to}:${tag}`);
      },
    ),
    ...accepted,
  },
  {
    topic,
    input: 'a fallback tag that was copied to a registry whose referrers API lists nothing',
    source: 'mirrors from GHCR, whose manifests a registry took before it knew of subjects',
    make: async (bench) => ({ image: await bench.signed('bundle') }),
    manner: insteadOf404(
      ({ path }) => path.includes('/referrers/'),
      () => ({
        status: 200,
        headers: { 'content-type': OCI_INDEX },
        body: JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }),
      }),
    ),
    cosign: 'refuses',
    cosignet: 'NoSignature',
  },
  {
    topic,
    input: 'a mirror that has the image, and refuses what is not in its list',
    source: 'GitLab dependency proxy, Artifactory with an include pattern',
    make: async (bench) => ({ image: await bench.signed('simple-signing') }),
    manner: async (asked) => (asked.path.includes('sha256-') ? refusal(404, 'MANIFEST_UNKNOWN') : asked.onward()),
    cosign: 'refuses',
    cosignet: 'NoSignature',
  },
  {
    ...accepted,
    input: 'a `.sig` and a bundle by the same key',
    source: 'a change from cosign 2 to 3',
    registry: 'referrers',
    make: async (bench) => {
      const image = await bench.signed('simple-signing');
      await bench.workshop.cosign('sign', 'bundle', ['--key', 'release.key', image]);
      return { image };
    },
  },
  {
    topic,
    input: 'a `.sig` and a bundle by the same key, where two keys must have signed',
    source: '`threshold: 2`',
    registry: 'referrers',
    make: async (bench) => {
      const image = await bench.signed('simple-signing');
      await bench.workshop.cosign('sign', 'bundle', ['--key', 'release.key', image]);
      await sharedKey(bench.workshop, 'stranger');
      const names = ['release', 'stranger'];
      const keys = await Promise.all(names.map(async (name) => ({ name, pem: await bench.workshop.publicKey(name) })));
      return { image, policy: { keys, threshold: 2 } };
    },
    cosign: 'accepts',
    cosignet: 'ThresholdNotMet',
    why: 'cosign was asked for one key. A threshold counts keys, however often each signed.',
  },
];
