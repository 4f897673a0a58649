// SPDX-License-Identifier: Apache-2.0
// How registries, and what stands before them, speak HTTP.
import { gzipSync } from 'node:zlib';
import type { Bench } from '../bench.ts';
import { changing, insteadOf404, refusal, withHeaders } from '../front.ts';
import type { Answer, Asked, Manner } from '../front.ts';
import type { Made, Row } from '../row.ts';

const topic = 'What registries answer';
const accepted = { topic, cosign: 'accepts', cosignet: 'Verified' } as const;

const isManifest = ({ path }: Asked): boolean => path.includes('/manifests/');
const isHead = (asked: Asked): boolean => asked.method === 'HEAD' && isManifest(asked);
const isBlob = ({ path }: Asked): boolean => path.includes('/blobs/');
const isReferrers = ({ path }: Asked): boolean => path.includes('/referrers/');

const withBundle = async ({ signed }: Bench): Promise<Made> => ({ image: await signed('bundle') });
const tagged = async ({ signed }: Bench): Promise<Made> => ({
  image: (await signed('simple-signing')).replace(/@.*/, ':1.0'),
});
/** A `.sig` whose payload is fetched, as nobody can foresee it. */
async function withPayload({ workshop, push }: Bench): Promise<Made> {
  const image = await push();
  await workshop.cosign('sign', 'simple-signing', ['--key', 'release.key', '-a', 'a=b', image]);
  return { image, login: 'user:secret' };
}

const NO_DIGEST = `sha256:${'0'.repeat(64)}`;

/** The same port of this machine, by another name: another host to whoever is sent there. */
function elsewhere({ host, path }: Asked): string {
  return `http://${host.replace('127.0.0.1', 'localhost')}${path}`;
}

function redirect(status: number, location: string): Answer {
  return { status, headers: { location }, body: '' };
}

/** Blobs are on another host, which refuses credentials that are not its own. */
function blobsElsewhere(status: number): Row {
  return {
    ...accepted,
    input: `a blob is redirected by ${status} to another host, which refuses credentials`,
    source: 'S3, GCS and Azure behind ECR, GAR, ACR, Quay and Docker Hub',
    make: withPayload,
    manner: (asked) => {
      const known = asked.headers.authorization !== undefined;
      if (asked.headers.host?.startsWith('localhost')) return known ? refusal(400, 'InvalidArgument') : asked.onward();
      if (!known) return refusal(401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="field"' });
      return isBlob(asked) ? redirect(status, elsewhere(asked)) : asked.onward();
    },
  };
}

/** To each question of each client once, and then as it is. */
function atFirst(status: number, headers: Answer['headers'] = {}): Manner {
  const met = new Set<string>();
  return (asked) => {
    const question = `${asked.headers['user-agent']} ${asked.method} ${asked.path}`;
    if (met.has(question) || !isManifest(asked)) return asked.onward();
    met.add(question);
    return refusal(status, 'UNKNOWN', headers);
  };
}

function atFirstRow(status: number): Row {
  return {
    ...accepted,
    input: `each question is answered ${status} at first`,
    source: 'load balancers, registries that start',
    make: tagged,
    manner: atFirst(status),
  };
}

function absentRow(status: number): Row {
  return {
    ...accepted,
    input: `a tag that is not there answers ${status}; a bundle is`,
    source: 'Quay, Nexus and Artifactory of some versions',
    registry: 'referrers',
    make: withBundle,
    manner: insteadOf404(isManifest, () => refusal(status)),
  };
}

function page(): Answer {
  return { status: 200, headers: { 'content-type': 'text/html' }, body: '<html></html>' };
}

export const httpRows: readonly Row[] = [
  {
    ...accepted,
    input: 'types of content come with a charset',
    source: 'proxies, servlet containers before Artifactory and Nexus',
    registry: 'referrers',
    make: withBundle,
    manner: changing(
      () => true,
      (answer) => withHeaders(answer, { 'content-type': `${String(answer.headers['content-type'])}; charset=utf-8` }),
    ),
    cosign: 'refuses',
    why: 'A parameter makes no other type of it (RFC 9110, 8.3.1); cosign compares the whole header.',
  },
  {
    ...accepted,
    input: 'a blob is redirected to a path of the same registry',
    source: 'registries that keep blobs below another path',
    make: withPayload,
    manner: (asked) => {
      if (asked.path.startsWith('/store/')) return asked.onward({ path: asked.path.replace('/store/', '/v2/') });
      return isBlob(asked) ? redirect(307, asked.path.replace('/v2/', '/store/')) : asked.onward();
    },
  },
  ...[301, 302, 303, 307, 308].map(blobsElsewhere),
  {
    ...accepted,
    input: 'manifests are redirected to another host',
    source: 'registry.k8s.io',
    make: tagged,
    manner: (asked) =>
      isManifest(asked) && !asked.headers.host?.startsWith('localhost')
        ? redirect(307, elsewhere(asked))
        : asked.onward(),
  },
  ...[408, 503].map(atFirstRow),
  {
    ...accepted,
    input: 'each question is answered 429 at first, with `Retry-After: 1`',
    source: 'ECR, GHCR, Docker Hub, Quay in a burst',
    make: tagged,
    manner: atFirst(429, { 'retry-after': '1' }),
  },
  {
    topic,
    input: 'each question is answered 429 at first, with `Retry-After: 5`',
    source: 'ECR, GHCR, Docker Hub, Quay in a burst',
    make: tagged,
    manner: atFirst(429, { 'retry-after': '5' }),
    cosign: 'accepts',
    cosignet: 'RegistryRateLimited',
    why: 'cosign waits and asks again. An API server waits some seconds in all, and whoever makes the Pod asks again: the error says when.',
    says: ['it asks to retry after 5 s'],
  },
  {
    topic,
    input: 'manifests are compressed though nobody asked',
    source: 'proxies that compress all JSON',
    make: tagged,
    manner: changing(
      (asked) => isManifest(asked) && asked.method === 'GET',
      (answer) => ({ ...withHeaders(answer, { 'content-encoding': 'gzip' }), body: gzipSync(answer.body) }),
    ),
    cosign: 'accepts',
    cosignet: 'RegistryUnavailable',
    why: 'The request says `Accept-Encoding: identity`: what is compressed has a size that nobody knows before.',
    says: [
      'sent a compressed body although none was asked for',
      'Have what stands before this registry compress nothing',
    ],
  },
  {
    ...accepted,
    input: 'HEAD comes without a digest, and GET with one that is not that of its bytes',
    source: 'older registries that convert manifests',
    make: tagged,
    manner: changing(isManifest, (answer, { method }) => {
      const { 'docker-content-digest': _, ...headers } = answer.headers;
      return { ...answer, headers: method === 'HEAD' ? headers : { ...headers, 'docker-content-digest': NO_DIGEST } };
    }),
  },
  {
    topic,
    input: 'HEAD comes with a digest that is not that of the manifest',
    source: 'older registries that convert manifests',
    make: tagged,
    manner: changing(isHead, (answer) => withHeaders(answer, { 'docker-content-digest': NO_DIGEST })),
    cosign: 'accepts',
    cosignet: 'NoSignature',
    why: 'cosign hashes what it was given. A node believes the header too, and would pull what it names: that is what is not signed.',
  },
  {
    ...accepted,
    input: 'the digest in the header is quoted',
    source: 'proxies that take it for an ETag',
    make: tagged,
    manner: changing(isManifest, (answer) =>
      withHeaders(answer, { 'docker-content-digest': `"${String(answer.headers['docker-content-digest'])}"` }),
    ),
  },
  {
    ...accepted,
    input: 'HEAD of a manifest answers 406',
    source: 'strict proxies',
    make: tagged,
    manner: (asked) => (isHead(asked) ? refusal(406) : asked.onward()),
  },
  {
    topic,
    input: 'HEAD of a manifest answers 403',
    source: 'firewalls that know GET and POST',
    make: tagged,
    manner: (asked) => (isHead(asked) ? refusal(403, 'DENIED') : asked.onward()),
    cosign: 'accepts',
    cosignet: 'RegistryUnauthorized',
    why: 'cosign asks by GET. Nodes ask by HEAD and pull nothing there; GET after each refusal would double what is asked with wrong credentials.',
  },
  ...[400, 405, 410, 500].map(absentRow),
  {
    ...accepted,
    input: 'what is not there answers 200 with a page for people; a bundle is',
    source: 'portals before a registry',
    registry: 'referrers',
    make: withBundle,
    manner: insteadOf404(() => true, page),
  },
  {
    topic,
    input: 'what is not there answers 200 with a page for people; the image is not signed',
    source: 'portals before a registry',
    make: async ({ push }) => ({ image: await push() }),
    manner: insteadOf404(() => true, page),
    cosign: 'refuses',
    cosignet: 'RegistryUnavailable',
    says: ['answered with a web page (text/html)', 'Find out what answers at'],
  },
  {
    ...accepted,
    input: 'the referrers API leads to a page for people, the bundle is in the fallback tag',
    source: 'portals before a registry',
    make: withBundle,
    manner: (asked) => {
      if (asked.path === '/ui/') return page();
      return isReferrers(asked) ? redirect(302, '/ui/') : asked.onward();
    },
  },
];
