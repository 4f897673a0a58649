// SPDX-License-Identifier: Apache-2.0
import type { Limits } from '../../limits.ts';
import type { Route } from './endpoints.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly route: Route;
  readonly headers: Readonly<Record<string, string>>;
  /** Apart from the other headers, because redirects must not carry it to another origin. */
  readonly authorization?: string;
  readonly body?: string;
  /** Cap on the body of a success. */
  readonly maximumBytes: number;
  /** Where the cap is from, for the remedy. */
  readonly limit?: keyof Limits;
  /** For metrics and messages. */
  readonly registry: string;
  readonly operation: string;
  /**
   * It may be for nothing: sent once, without a retry, a redirect or other credentials, as whoever needs the answer asks
   * again; and no matter of one decision's memory. Aborted: it is needed now, and not worth sending any more.
   */
  readonly ahead?: AbortSignal;
}

export type HttpHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface HttpResponse {
  readonly status: number;
  readonly headers: HttpHeaders;
  /** Whole for status 200; otherwise at most the first kilobytes. Untrusted. */
  readonly body: Uint8Array;
  /** The URL that gave this response, after redirects. */
  readonly url: URL;
}

/** A header that must occur once; several values of it are no value. */
export function headerText(headers: HttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** The media type without its parameters, lower case. */
export function contentType(headers: HttpHeaders): string | undefined {
  return headerText(headers, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase();
}
