// SPDX-License-Identifier: Apache-2.0
import { PREDICATE_TYPE } from '../../../core/cosign/referrer-selection.ts';
import { COSIGN_SIGNATURE } from '../../../core/cosign/statement.ts';
import type { Bench } from '../bench.ts';
import { credentialRows } from './credentials.ts';
import { insteadOf404, refusal } from '../front.ts';
import type { Answer, Asked, Manner } from '../front.ts';
import type { Made, Row } from '../row.ts';

const topic = 'What registries answer';

const isReferrers = ({ path }: Asked): boolean => path.includes('/referrers/');
const isSignatureTag = ({ path }: Asked): boolean => path.endsWith('.sig');
/** Of tags that cosign made of a digest: `.sig`, `.att`, `.sbom` and the fallback tag. */
const isAttached = (asked: Asked): boolean => /\/manifests\/sha256-/.test(asked.path) || isReferrers(asked);
const isManifest = ({ path }: Asked): boolean => path.includes('/manifests/');

/** Answers some questions so, and all others as the registry itself. */
function answering(which: (asked: Asked) => boolean, how: (asked: Asked) => Answer | Promise<Answer>): Manner {
  return (asked) => (which(asked) ? how(asked) : asked.onward());
}

const withSignature = async ({ signed }: Bench): Promise<Made> => ({ image: await signed('simple-signing') });
const withBundle = async ({ signed }: Bench): Promise<Made> => ({ image: await signed('bundle') });
const unsigned = async ({ push }: Bench): Promise<Made> => ({ image: await push() });
/** Given by its tag, so that it has to be resolved. */
const taggedWithSignature = async ({ signed }: Bench): Promise<Made> => {
  const image = await signed('simple-signing');
  return { image: image.replace(/@.*/, ':1.0') };
};

/** The status of a refusal to say something of a referrer, and of what follows from it. */
function referrersRow(status: number, source: string): Row {
  return {
    topic,
    input: `the referrers API answers ${status}, the bundle is in the fallback tag`,
    source,
    make: withBundle,
    manner: answering(isReferrers, () => refusal(status)),
    cosign: 'refuses',
    cosignet: 'Verified',
    why: 'cosign asks for the fallback tag, which it writes itself, only after a 404. What is found there was signed by the key of the policy about this digest, wherever it lies',
  };
}

function headRow(status: number, source: string): Row {
  return {
    topic,
    input: `HEAD of a manifest answers ${status}`,
    source,
    make: taggedWithSignature,
    manner: answering(
      (asked) => asked.method === 'HEAD' && isManifest(asked),
      () => refusal(status),
    ),
    cosign: 'accepts',
    cosignet: 'Verified',
  };
}

function notShownRow(status: 401 | 403): readonly Row[] {
  return [
    {
      topic,
      input: `${status} for the \`.sig\` tag that is not there; a bundle is`,
      source: 'Artifactory, GitLab, old Harbor',
      registry: 'referrers',
      make: withBundle,
      manner: insteadOf404(isSignatureTag, () => refusal(status, 'DENIED')),
      cosign: 'accepts',
      cosignet: 'Verified',
    },
    {
      topic,
      input: `${status} for every tag that cosign would make; the image is not signed`,
      source: 'Artifactory, GitLab, old Harbor',
      make: unsigned,
      manner: insteadOf404(isAttached, () => refusal(status, 'DENIED')),
      cosign: 'refuses',
      cosignet: 'RegistryUnauthorized',
      says: ['either it is not there, or these credentials may not see it'],
    },
  ];
}

/** Asks for a token as a registry does, by a realm that may be relative. */
function bearer(realm: (asked: Asked) => string): Manner {
  return (asked) => {
    if (asked.path.startsWith('/token')) {
      const body = JSON.stringify({ access_token: 'T' });
      return { status: 200, headers: { 'content-type': 'application/json' }, body };
    }
    if (asked.headers.authorization === 'Bearer T') return asked.onward();
    return refusal(401, 'UNAUTHORIZED', { 'www-authenticate': `Bearer realm="${realm(asked)}",service="field"` });
  };
}

interface Labelled {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

function isSignature({ annotations }: Labelled): number {
  return Number(annotations?.[PREDICATE_TYPE] === COSIGN_SIGNATURE);
}

/** Attestations of one day after the other, in the image's referrers beside its signature. */
async function withAttestations(bench: Bench, count: number): Promise<Made> {
  const image = await bench.signed('bundle');
  await bench.workshop.exec('sh', ['-c', `echo '{"day":1}' > day.json`]);
  const claim = ['--key', 'release.key', '--predicate', 'day.json', '--type', 'https://example.com/scan/v1', image];
  for (let day = 0; day < count; day += 1) await bench.workshop.cosign('attest', 'bundle', claim);
  return { image };
}

/** A registry that keeps another one below a path, and nothing beside it. */
const prefixRow: Row = {
  topic,
  input: 'a pull-through cache with a path prefix, named as a mirror of the registry',
  source: 'Harbor proxy projects, ECR and Artifactory pull-through; containerd: `override_path`',
  make: async (bench) => {
    const image = await bench.signed('simple-signing');
    const original = image.replace(bench.host, 'registry.field.example');
    const registries = [
      { host: 'registry.field.example', mirrors: [`${bench.host}/dockerhub`] },
      { host: bench.host, insecure: true },
    ];
    return { image: image.replace('/', '/dockerhub/'), named: original, configuration: { registries } };
  },
  manner: ({ path, onward }) => {
    if (path === '/v2/') return onward();
    if (!path.startsWith('/v2/dockerhub/')) return refusal(404, 'NAME_UNKNOWN');
    return onward({ path: path.replace('/v2/dockerhub/', '/v2/') });
  },
  cosign: 'accepts',
  cosignet: 'Verified',
};

export const registryRows: readonly Row[] = [
  ...credentialRows,
  prefixRow,
  {
    topic,
    input: 'a token by `access_token` alone, without `expires_in`',
    source: 'ACR, GitLab; distribution, token.md',
    make: async (bench) => ({ ...(await withSignature(bench)), login: 'user:secret' }),
    manner: bearer(({ host }) => `http://${host}/token`),
    cosign: 'accepts',
    cosignet: 'Verified',
  },
  {
    topic,
    input: 'a token server named by a path of the registry',
    source: 'registries behind a proxy that knows no name of its own',
    make: async (bench) => ({ ...(await withSignature(bench)), login: 'user:secret' }),
    manner: bearer(() => '/token'),
    cosign: 'refuses',
    cosignet: 'Verified',
    why: 'cosign takes the realm for a whole URL. A path leads to the registry itself, which has the credentials anyway',
  },
  {
    topic,
    input: '36 attestations without labels in the list of referrers',
    source: 'a daily scan, attested for a month, in a registry that gives no annotations',
    registry: 'referrers',
    make: (bench) => withAttestations(bench, 36),
    manner: answering(isReferrers, async ({ onward }) => {
      const answer = await onward();
      const { manifests, ...index } = JSON.parse(Buffer.from(answer.body).toString());
      // The signature comes last: whoever stops early misses it.
      const ordered = manifests.toSorted((a: Labelled, b: Labelled) => isSignature(a) - isSignature(b));
      const bare = ordered.map(({ mediaType, digest, size }: Labelled) => ({ mediaType, digest, size }));
      return { ...answer, body: JSON.stringify({ ...index, manifests: bare }) };
    }),
    cosign: 'accepts',
    cosignet: 'Verified',
  },
  {
    topic,
    input: 'the referrers API is not there (404), the bundle is in the fallback tag',
    source: 'distribution 2 and 3, GHCR',
    make: withBundle,
    cosign: 'accepts',
    cosignet: 'Verified',
  },
  referrersRow(405, 'proxies that know only the older paths'),
  referrersRow(501, 'registries that name the API and do not have it'),
  referrersRow(500, 'Quay, Nexus of some versions'),
  referrersRow(403, 'Artifactory, GitLab'),
  ...notShownRow(401),
  ...notShownRow(403),
  headRow(400, 'proxies in front of Nexus'),
  headRow(404, 'pull-through caches that fetch on GET only'),
  headRow(405, 'registries behind strict proxies'),
  headRow(501, 'registries on object storage'),
  {
    topic,
    input: 'manifests are served as `application/json`',
    source: 'static files as a registry, some proxies',
    make: withSignature,
    manner: answering(isManifest, async ({ onward }) => {
      const answer = await onward();
      return { ...answer, headers: { ...answer.headers, 'content-type': 'application/json' } };
    }),
    cosign: 'accepts',
    cosignet: 'Verified',
  },
  {
    topic,
    input: 'manifests are served without `Docker-Content-Digest`',
    source: 'older registries; the header is a MUST of distribution-spec 1.1.1 only',
    make: taggedWithSignature,
    manner: answering(isManifest, async ({ onward }) => {
      const answer = await onward();
      const { 'docker-content-digest': _, ...headers } = answer.headers;
      return { ...answer, headers };
    }),
    cosign: 'accepts',
    cosignet: 'Verified',
  },
];
