// SPDX-License-Identifier: Apache-2.0
// Lists of referrers, and what else they list.
import type { Bench } from '../bench.ts';
import { changing, withHeaders } from '../front.ts';
import type { Answer, Asked, Manner } from '../front.ts';
import { OCI_INDEX, OCI_MANIFEST, partsOf, putBlob, putEmpty, putManifest, readManifest, tagOf } from '../pieces.ts';
import type { Piece } from '../pieces.ts';
import type { Row } from '../row.ts';

const topic = 'What registries answer';
const accepted = { topic, cosign: 'accepts', cosignet: 'Verified' } as const;

const isReferrers = ({ path }: Asked): boolean => path.includes('/referrers/');

interface Entry {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface Index {
  readonly mediaType?: string;
  readonly manifests: readonly Entry[];
}

function indexIn({ body }: Answer): Index {
  return JSON.parse(Buffer.from(body).toString());
}

/** The list of the referrers API is another one. */
function listed(change: (index: Index) => object): Manner {
  return changing(isReferrers, (answer) => ({ ...answer, body: JSON.stringify(change(indexIn(answer))) }));
}

/** All that there is stands on the second page. */
function secondPage(link: (asked: Asked) => string): Manner {
  return changing(isReferrers, (answer, asked) => {
    if (asked.path.includes('page=2')) return answer;
    const empty = { ...answer, body: JSON.stringify({ ...indexIn(answer), manifests: [] }) };
    return withHeaders(empty, { link: `<${link(asked)}?page=2>; rel="next"` });
  });
}

const FIRST_PAGE = { cosign: 'refuses', why: 'cosign reads the first page only.' } as const;

function bundleRow(input: string, source: string, more: Partial<Row>): Row {
  return { ...accepted, input, source, registry: 'referrers', make: withBundle, ...more };
}

async function withBundle({ signed }: Bench) {
  return { image: await signed('bundle') };
}

/** The fallback tag is another index. */
function tagRow(input: string, source: string, change: (index: Index) => object): Row {
  return {
    ...accepted,
    input,
    source,
    make: async (bench) => {
      const image = await bench.signed('bundle');
      const index: Index = JSON.parse(await readManifest(bench, tagOf(image)));
      await putManifest(bench, change(index), OCI_INDEX, tagOf(image));
      return { image };
    },
  };
}

async function attach(bench: Bench, image: string, artifactType: string, content: string): Promise<Piece> {
  const [, digest] = partsOf(image);
  const config = await putEmpty(bench);
  const layers = [await putBlob(bench, content, artifactType)];
  const subject = { mediaType: OCI_MANIFEST, digest, size: Buffer.byteLength(await readManifest(bench, digest)) };
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, artifactType, config, layers, subject };
  return putManifest(bench, manifest, OCI_MANIFEST);
}

const NOTATION = 'application/vnd.cncf.notary.signature';
function signByNotation(bench: Bench, image: string): Promise<Piece> {
  return attach(bench, image, NOTATION, '{"payload":"e30","protected":"e30","signature":"AA"}');
}

export const listRows: readonly Row[] = [
  bundleRow('the list of referrers has a second page, by a relative link', 'distribution-spec, `Link`', {
    manner: secondPage(({ path }) => path),
    ...FIRST_PAGE,
  }),
  bundleRow(
    'the list of referrers has a second page, by the name that the registry has behind its proxy',
    'registries behind a proxy that ends TLS',
    { manner: secondPage(({ path }) => `http://registry.internal:5000${path}`), ...FIRST_PAGE },
  ),
  bundleRow('the list of referrers names a second page that is none', 'proxies that know one path', {
    manner: secondPage(() => '/ui/'),
    cosign: 'refuses',
    cosignet: 'RegistryUnavailable',
    says: ['names a next page of its list of referrers that is none'],
  }),
  bundleRow('the list of referrers was filtered, says its header', 'distribution-spec, `OCI-Filters-Applied`', {
    manner: changing(isReferrers, (answer) => withHeaders(answer, { 'oci-filters-applied': 'artifactType' })),
  }),
  bundleRow('the list of referrers has no `mediaType`, and null for what is empty', 'registries in Go', {
    manner: listed(({ manifests, ...index }) => ({
      ...index,
      mediaType: undefined,
      annotations: null,
      manifests: manifests.map((entry) => ({ ...entry, urls: null, platform: null })),
    })),
  }),
  bundleRow('the list of referrers has an entry that is gone', 'registries after a clean-up', {
    manner: listed(({ manifests: [entry], ...index }) => ({
      ...index,
      manifests: [{ ...entry, digest: `sha256:${'1'.repeat(64)}` }, entry],
    })),
  }),
  tagRow('the fallback tag says nothing of its entries', 'older clients of every kind', (index) => ({
    ...index,
    manifests: index.manifests.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  })),
  tagRow('the fallback tag has entries of the empty type', 'cosign 2.5 to 3.0', (index) => ({
    ...index,
    manifests: index.manifests.map(({ mediaType, digest, size }) => ({
      mediaType,
      digest,
      size,
      artifactType: 'application/vnd.oci.empty.v1+json',
    })),
  })),
  tagRow('the fallback tag has no `mediaType`', 'clients by hand', (index) => ({
    ...index,
    mediaType: undefined,
  })),
  tagRow('the fallback tag lists a manifest twice', 'two writers at the same time', (index) => ({
    ...index,
    manifests: [...index.manifests, ...index.manifests],
  })),
  bundleRow("a signature of Notation beside cosign's", '`notation sign`', {
    make: async (bench) => {
      const image = await bench.signed('bundle');
      await signByNotation(bench, image);
      return { image };
    },
  }),
  bundleRow('a signature of Notation alone', '`notation sign`', {
    make: async (bench) => {
      const image = await bench.push();
      await signByNotation(bench, image);
      return { image };
    },
    cosign: 'refuses',
    cosignet: 'NoSignature',
  }),
  {
    topic,
    input: 'a signature of Notation alone, in the fallback tag',
    source: '`notation sign`',
    make: async (bench) => {
      const image = await bench.push();
      const entry = { ...(await signByNotation(bench, image)), artifactType: NOTATION };
      const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] };
      await putManifest(bench, index, OCI_INDEX, tagOf(image));
      return { image };
    },
    cosign: 'refuses',
    cosignet: 'NoSignature',
  },
  bundleRow('an SBOM beside the bundle', '`oras attach`, `regctl artifact put --subject`', {
    make: async (bench) => {
      const image = await bench.signed('bundle');
      await attach(bench, image, 'application/spdx+json', '{"spdxVersion":"SPDX-2.3"}');
      return { image };
    },
  }),
];
