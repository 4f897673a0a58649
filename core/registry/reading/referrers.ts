// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import { hexOf } from '../../image/digest.ts';
import type { Digest } from '../../image/digest.ts';
import type { Limits } from '../../limits.ts';
import type { Clock } from '../../observe.ts';
import { createRecentlyUsed } from '../../recently-used.ts';
import { parseDescriptor, parseIndex } from './descriptors.ts';
import type { Endpoint } from '../transport/endpoints.ts';
import { contentType } from '../transport/http-message.ts';
import type { HttpResponse } from '../transport/http-message.ts';
import { nextPage } from './link-header.ts';
import { getManifest } from './manifests.ts';
import type { Ask } from './requests.ts';
import type { Descriptor, ReferrerList } from '../types.ts';

const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
/** Statuses by which registries in use say that they have no referrers API; 500 may also be a failure. */
const NOT_SUPPORTED = [400, 404, 405, 406, 500, 501] as const;
const REMEMBERED_MILLISECONDS = 10 * 60_000;
/** Descriptors of one listing; far more than `limits.referrers` of them are never read. */
const MAXIMUM_DESCRIPTORS = 1024;
const MAXIMUM_FAULTS = 8;

/** `anew`: the API is asked whatever is remembered of it. */
export type ListReferrers = (ask: Ask, asked: AskedRepository, digest: Digest, anew: boolean) => Promise<ReferrerList>;

export interface AskedRepository {
  readonly endpoint: Endpoint;
  readonly path: string;
}

/**
 * Referrers by API or, where a registry has none, by the fallback tag (distribution-spec, "Listing Referrers"). That it
 * has none is remembered to save requests and decides nothing: such a list says so, and can be asked for anew.
 */
export function createReferrersReader(options: { readonly clock: Clock; readonly limits: Limits }): ListReferrers {
  const { clock, limits } = options;
  /** Until when a registry is known to have the API, or not to. */
  const support = createRecentlyUsed<{ readonly api: boolean; readonly until: number }>(1024);

  function known(key: string): boolean | undefined {
    const found = support.get(key);
    return found && clock() < found.until ? found.api : undefined;
  }

  function remember(keys: readonly string[], api: boolean): void {
    for (const key of keys) support.set(key, { api, until: clock() + REMEMBERED_MILLISECONDS });
  }

  return async (ask, { endpoint, path }, digest, anew) => {
    const registry = endpoint.origin.origin;
    const keys = [registry, `${registry}/${path}`];
    const ofRepository = known(`${registry}/${path}`);
    const hasApi = ofRepository ?? known(registry);
    if (hasApi === false && !anew) {
      const list = await readFallbackTag(ask, digest, limits);
      return ofRepository === undefined ? { ...list, apiAssumedAbsent: true } : list;
    }
    const answer = await askApi(ask, digest, limits);
    if (answer.kind === 'page') {
      remember(keys, true);
      return readPages(ask, answer, limits);
    }
    // Not of a registry that has the API: else whoever may name an image could hide the referrers of everybody else's.
    if (answer.kind === 'absent' && hasApi !== true) remember(keys, false);
    // Whoever asks anew has read the fallback tag.
    const list = anew ? NOTHING : await readFallbackTag(ask, digest, limits);
    return answer.failure ? { ...list, failure: answer.failure } : list;
  };
}

const NOTHING: ReferrerList = { descriptors: [], truncated: false };

/** What the API says of a digest; `unclear` tells nothing of whether there is one. */
type ApiAnswer =
  | (Page & { readonly kind: 'page' })
  | { readonly kind: 'absent' | 'unclear'; readonly failure?: undefined }
  | { readonly kind: 'failed'; readonly failure: EngineError };

/** A registry that refuses to show the API, or fails in it, may yet show the fallback tag. */
async function askApi(ask: Ask, digest: Digest, limits: Limits): Promise<ApiAnswer> {
  try {
    return readAnswer(await askPage(ask, `referrers/${digest}`, limits));
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'RegistryUnauthorized')) throw error;
    return { kind: 'failed', failure: error };
  }
}

function readAnswer(response: HttpResponse | undefined): ApiAnswer {
  if (response === undefined) return { kind: 'absent' };
  const entries = pageEntries(response);
  if (entries) return { kind: 'page', response, entries };
  if (response.status === 500) return { kind: 'failed', failure: serverError(response) };
  return { kind: saysNothingOfApi(response) ? 'unclear' : 'absent' };
}

function serverError({ url, status }: HttpResponse): EngineError {
  return new EngineError('RegistryUnavailable', `${url.host} answered the question for referrers with HTTP ${status}`);
}

interface Page {
  readonly response: HttpResponse;
  readonly entries: readonly unknown[];
}

function askPage(ask: Ask, path: string, limits: Limits): Promise<HttpResponse | undefined> {
  const cap = { maximumBytes: limits.indexBytes, limit: 'indexBytes' } as const;
  return ask({ method: 'GET', path, accept: INDEX_TYPE, ...cap, operation: 'referrers' }, NOT_SUPPORTED);
}

/** Some registries answer 200 with something else for paths that they do not know. */
function pageEntries(response: HttpResponse): readonly unknown[] | undefined {
  if (response.status !== 200 || contentType(response.headers) !== INDEX_TYPE) return undefined;
  return parseIndex(response.body);
}

/**
 * Of a repository or image that is not there: 404 with a code of its own, or an index that is none (Harbor: `{}`).
 */
function saysNothingOfApi(response: HttpResponse): boolean {
  if (response.status === 200) return contentType(response.headers) === INDEX_TYPE;
  const body = Buffer.from(response.body);
  return response.status === 404 && (body.includes('NAME_UNKNOWN') || body.includes('MANIFEST_UNKNOWN'));
}

async function readPages(ask: Ask, first: Page, limits: Limits): Promise<ReferrerList> {
  const entries = [...first.entries];
  const seen = new Set<string>();
  let next = nextPage(first.response);
  for (let pages = 1; next; pages += 1) {
    const { path } = next;
    // A link to elsewhere, to a page already seen or past the caps ends the list, and says so.
    const stop = path === undefined || seen.has(path) || pages >= limits.referrerPages;
    if (stop || entries.length >= MAXIMUM_DESCRIPTORS) return listOf(entries, true);
    seen.add(path);
    const response = await askPage(ask, path, limits);
    const more = response && pageEntries(response);
    if (!response || !more) return listOf(entries, true);
    entries.push(...more);
    next = nextPage(response);
  }
  return listOf(entries, false);
}

async function readFallbackTag(ask: Ask, digest: Digest, limits: Limits): Promise<ReferrerList> {
  const tag = `sha256-${hexOf(digest)}`;
  const manifest = await getManifest(ask, tag, limits.indexBytes, 'indexBytes');
  // `cosign copy` 3.1 leaves the image itself there: it lists nothing, least of all itself.
  if (!manifest || manifest.digest === digest) return { descriptors: [], truncated: false };
  const entries = manifest.mediaType === INDEX_TYPE ? parseIndex(manifest.bytes) : undefined;
  if (!entries) return { descriptors: [], truncated: false, faults: [`tag ${tag} is not an image index`] };
  return listOf(entries, false);
}

/** One bad entry must not hide the good ones, nor be passed over in silence. */
function listOf(entries: readonly unknown[], truncated: boolean): ReferrerList {
  const descriptors: Descriptor[] = [];
  const faults: string[] = [];
  for (const [index, entry] of entries.slice(0, MAXIMUM_DESCRIPTORS).entries()) {
    const parsed = parseDescriptor(entry);
    if (typeof parsed !== 'string') descriptors.push(parsed);
    else if (faults.length < MAXIMUM_FAULTS) faults.push(`referrer ${index} ${parsed}`);
  }
  const cut = truncated || entries.length > MAXIMUM_DESCRIPTORS;
  return { descriptors, truncated: cut, ...(faults.length === 0 ? {} : { faults }) };
}
