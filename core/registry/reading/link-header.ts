// SPDX-License-Identifier: Apache-2.0
import type { HttpResponse } from '../transport/http-message.ts';

/** Path and query on the origin of the response; none where the link leads out of the API. */
export interface NextPage {
  readonly path?: string;
}

/**
 * The next page of a Link header (RFC 8288). A registry behind a proxy may call itself by another name or scheme than it is
 * asked by, so of the link only path and query count: no registry can send our credentials on a tour.
 */
export function nextPage(response: HttpResponse): NextPage | undefined {
  const header = response.headers['link'];
  const text = Array.isArray(header) ? header.join(',') : header;
  if (text === undefined) return undefined;
  const target = nextTarget(text);
  if (target === undefined) return undefined;
  const url = URL.parse(target, response.url);
  if (!url || !/^https?:$/.test(url.protocol) || !url.pathname.startsWith('/v2/')) return {};
  return { path: url.pathname + url.search };
}

/** Walks `<target>; parameters, <target>; …` once. */
function nextTarget(text: string): string | undefined {
  for (let at = text.indexOf('<'); at !== -1;) {
    const end = text.indexOf('>', at);
    if (end === -1) return undefined;
    const following = text.indexOf('<', end);
    const parameters = text.slice(end + 1, following === -1 ? text.length : following).toLowerCase();
    if (isNext(parameters)) return text.slice(at + 1, end);
    at = following;
  }
  return undefined;
}

function isNext(parameters: string): boolean {
  return parameters
    .split(/[;,]/)
    .map((part) => part.replaceAll(/[\s"]/g, ''))
    .includes('rel=next');
}
