// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import { hexOf } from '../../image/digest.ts';
import type { Digest } from '../../image/digest.ts';
import type { Limits } from '../../limits.ts';
import type { Clock } from '../../observe.ts';
import { createRecentlyUsed } from '../../recently-used.ts';
import { createAskedAhead } from './asked-ahead.ts';
import { parseDescriptor, parseIndex } from './descriptors.ts';
import type { Endpoint } from '../transport/endpoints.ts';
import { contentType } from '../transport/http-message.ts';
import type { HttpResponse } from '../transport/http-message.ts';
import { nextPage } from './link-header.ts';
import { getManifest } from './manifests.ts';
import type { Ask } from './requests.ts';
import type { Descriptor, ReferrerList, RequestScope } from '../types.ts';

const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
/** Statuses by which registries in use say that they have no referrers API; 500 may also be a failure. */
const NOT_SUPPORTED = [400, 404, 405, 406, 500, 501] as const;
const REMEMBERED_MILLISECONDS = 10 * 60_000;
/** Descriptors of one listing; far more than `limits.referrers` of them are never read. */
const MAXIMUM_DESCRIPTORS = 1024;
const MAXIMUM_FAULTS = 8;
/** Of a list that is asked for ahead: some dozens of descriptors. */
const AHEAD_BYTES = 16 * 1024;

export interface ReferrersReader {
  /** `anew`: the API is asked whatever is remembered of it. */
  list(ask: Ask, asked: AskedRepository, digest: Digest, anew: boolean): Promise<ReferrerList>;
  /** Asks the API what `list` would ask it, so that this one answer is there by then. Never rejects. */
  askAhead(ask: Ask, asked: AskedRepository, digest: Digest): Promise<void>;
}

export interface AskedRepository {
  readonly endpoint: Endpoint;
  readonly path: string;
  readonly scope: RequestScope;
  /** How its registry is known to want to be asked by now. */
  readonly way: () => string;
}

/**
 * Referrers by API or, where a registry has none, by the fallback tag (distribution-spec, "Listing Referrers"). That it
 * has none is remembered to save requests and decides nothing: such a list says so, and can be asked for anew.
 */
export function createReferrersReader(options: { readonly clock: Clock; readonly limits: Limits }): ReferrersReader {
  const { clock, limits } = options;
  /** Until when a registry is known to have the API, or not to. */
  const support = createRecentlyUsed<{ readonly api: boolean; readonly until: number }>(1024);
  const ahead = createAskedAhead<DefiniteAnswer>(clock);

  function known(key: string): boolean | undefined {
    const found = support.get(key);
    return found && clock() < found.until ? found.api : undefined;
  }

  function remember(keys: readonly string[], api: boolean): void {
    for (const key of keys) support.set(key, { api, until: clock() + REMEMBERED_MILLISECONDS });
  }

  function hasApi(asked: AskedRepository): boolean | undefined {
    const [registry, repository] = keysOf(asked);
    return known(repository) ?? known(registry);
  }

  async function list(ask: Ask, asked: AskedRepository, digest: Digest, anew: boolean): Promise<ReferrerList> {
    const early = anew ? undefined : await takeAhead(asked, digest);
    if (!anew && early === undefined && hasApi(asked) === false) {
      const isAssumed = known(keysOf(asked)[1]) === undefined;
      const tagged = await readFallbackTag(ask, digest, limits);
      return isAssumed ? { ...tagged, apiAssumedAbsent: true } : tagged;
    }
    const answer = early ?? (await askApi(ask, digest, limits));
    learn(answer, asked);
    if (answer.kind === 'page') return readPages(ask, answer, limits);
    // Asked anew, the fallback tag was read already.
    const tagged = anew ? NOTHING : await readFallbackTag(ask, digest, limits);
    return answer.failure ? { ...tagged, failure: answer.failure } : tagged;
  }

  function learn({ kind }: ApiAnswer, asked: AskedRepository): void {
    if (kind === 'page') remember(keysOf(asked), true);
    // Not of a registry that has the API: else whoever may name an image could hide the referrers of everybody else's.
    if (kind === 'absent' && hasApi(asked) !== true) remember(keysOf(asked), false);
  }

  async function takeAhead(asked: AskedRepository, digest: Digest): Promise<DefiniteAnswer | undefined> {
    const early = await ahead.take(aheadKey(asked, digest), asked.scope.signal);
    if (early?.kind === 'page') asked.scope.budget.spend(early.response.body.length);
    return early;
  }

  return {
    list,
    async askAhead(ask, asked, digest) {
      if (hasApi(asked) === false) return;
      await ahead.ask(aheadKey(asked, digest), async (needed) => {
        const asking: Ask = (question, accepted) => ask({ ...question, ahead: needed }, accepted);
        const answer = await askApi(asking, digest, {
          ...limits,
          indexBytes: Math.min(limits.indexBytes, AHEAD_BYTES),
        });
        return answer.kind === 'failed' ? undefined : answer;
      });
    },
  };
}

function keysOf({ endpoint, path }: AskedRepository): readonly [registry: string, repository: string] {
  const registry = endpoint.origin.origin;
  return [registry, `${registry}/${path}`];
}

/** What one may see, another may not: an answer is for those who would ask with the same credentials, in the same way. */
function aheadKey(asked: AskedRepository, digest: Digest): string {
  return `${keysOf(asked)[1]}@${digest} ${asked.way()} ${asked.scope.keychain.id ?? ''}`;
}

const NOTHING: ReferrerList = { descriptors: [], truncated: false };

/** What the API says of a digest; `unclear` tells nothing of whether there is one. */
type ApiAnswer =
  | (Page & { readonly kind: 'page' })
  | { readonly kind: 'absent' | 'unclear'; readonly failure?: undefined }
  | { readonly kind: 'failed'; readonly failure: EngineError };
/** All that a registry says on purpose: of a failure, the next answer may be another. */
type DefiniteAnswer = Exclude<ApiAnswer, { kind: 'failed' }>;

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
    // Past the caps the list ends, and says so.
    if (pages >= limits.referrerPages || entries.length >= MAXIMUM_DESCRIPTORS) return listOf(entries, true);
    if (path === undefined || seen.has(path)) return brokenOff(entries, first.response);
    seen.add(path);
    const response = await askPage(ask, path, limits);
    const more = response && pageEntries(response);
    if (!response || !more) return brokenOff(entries, first.response);
    entries.push(...more.slice(0, MAXIMUM_DESCRIPTORS + 1));
    next = nextPage(response);
  }
  return listOf(entries, false);
}

/** The registry says that there is more, and does not show it. */
function brokenOff(entries: readonly unknown[], { url }: HttpResponse): ReferrerList {
  const message = `${url.host} names a next page of its list of referrers that is none`;
  return { ...listOf(entries, false), failure: new EngineError('RegistryUnavailable', message) };
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
