// SPDX-License-Identifier: Apache-2.0
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
/** Statuses by which registries in use say that they have no referrers API. */
const NOT_SUPPORTED = [400, 404, 405, 406] as const;
const REMEMBERED_MILLISECONDS = 10 * 60_000;
/** Descriptors of one listing; far more than `limits.referrers` of them are never read. */
const MAXIMUM_DESCRIPTORS = 1024;
const MAXIMUM_FAULTS = 8;

export type ListReferrers = (ask: Ask, endpoint: Endpoint, digest: Digest) => Promise<ReferrerList>;

/** Referrers by API or, where a registry has none, by the fallback tag (distribution-spec, "Listing Referrers"). */
export function createReferrersReader(options: { readonly clock: Clock; readonly limits: Limits }): ListReferrers {
  const { clock, limits } = options;
  /** Until when a registry is known to have the API, or not to. */
  const support = createRecentlyUsed<{ readonly api: boolean; readonly until: number }>(1024);

  function known(endpoint: Endpoint): boolean | undefined {
    const found = support.get(endpoint.origin.origin);
    return found && clock() < found.until ? found.api : undefined;
  }

  function remember(endpoint: Endpoint, api: boolean): void {
    support.set(endpoint.origin.origin, { api, until: clock() + REMEMBERED_MILLISECONDS });
  }

  return async (ask, endpoint, digest) => {
    const hasApi = known(endpoint);
    if (hasApi === false) return readFallbackTag(ask, digest, limits);
    const first = await askPage(ask, `referrers/${digest}`, limits);
    const entries = first && pageEntries(first);
    if (first && entries) {
      remember(endpoint, true);
      return readPages(ask, { response: first, entries }, limits);
    }
    // Not remembered of a registry that has the API, nor where only this repository is unknown: else
    // whoever may name an image could hide the referrers of everybody else's.
    if (hasApi === undefined && !(first && isNameUnknown(first))) remember(endpoint, false);
    return readFallbackTag(ask, digest, limits);
  };
}

interface Page {
  readonly response: HttpResponse;
  readonly entries: readonly unknown[];
}

function askPage(ask: Ask, path: string, limits: Limits): Promise<HttpResponse | undefined> {
  const maximumBytes = limits.indexBytes;
  return ask({ method: 'GET', path, accept: INDEX_TYPE, maximumBytes, operation: 'referrers' }, NOT_SUPPORTED);
}

/** Some registries answer 200 with something else for paths that they do not know. */
function pageEntries(response: HttpResponse): readonly unknown[] | undefined {
  if (response.status !== 200 || contentType(response.headers) !== INDEX_TYPE) return undefined;
  return parseIndex(response.body);
}

function isNameUnknown(response: HttpResponse): boolean {
  return response.status === 404 && Buffer.from(response.body).includes('NAME_UNKNOWN');
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
  const manifest = await getManifest(ask, tag, limits.indexBytes);
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
