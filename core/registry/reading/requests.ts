// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import type { Repository } from '../../image/types.ts';
import type { AuthorizedTransport } from '../authorization/authorized-transport.ts';
import type { Limits } from '../../limits.ts';
import type { Endpoint } from '../transport/endpoints.ts';
import type { HttpRequest, HttpResponse } from '../transport/http-message.ts';
import { statusFailure } from '../transport/failures.ts';
import { withPause } from '../transport/pause.ts';
import type { RequestScope } from '../types.ts';

/** One question to a repository. */
export interface Question {
  readonly method: 'GET' | 'HEAD';
  /** Below `/v2/<repository>/`, or a whole path with query from a Link header. */
  readonly path: string;
  readonly accept: string;
  readonly maximumBytes: number;
  /** Where the cap is from, for the remedy. */
  readonly limit?: keyof Limits;
  readonly operation: string;
  readonly ahead?: AbortSignal;
}

/**
 * Asks one endpoint about one repository. Undefined: 404. Statuses in `accepted` are given back
 * beside 200; any other fails with the `EngineError` that it means.
 */
export type Ask = (question: Question, accepted?: readonly number[]) => Promise<HttpResponse | undefined>;

export interface Asked {
  readonly endpoint: Endpoint;
  readonly repository: Repository;
  /** Whether it is asked again where it limits requests, after the moment that it names. */
  readonly waits: boolean;
}

export function createAsk(
  transport: AuthorizedTransport,
  { endpoint, repository, waits }: Asked,
  scope: RequestScope,
): Ask {
  return async (question, accepted = []) => {
    const { method, accept, maximumBytes, operation, limit, ahead } = question;
    const request: HttpRequest = {
      method,
      url: urlOf(endpoint, repository, question.path),
      route: endpoint.route,
      headers: { accept },
      maximumBytes,
      ...(limit && { limit }),
      registry: endpoint.registry,
      operation,
      ...(ahead && { ahead }),
    };
    const send = () => transport.send({ endpoint, repository, request }, scope);
    const response = waits && ahead === undefined ? await withPause(send, scope.signal) : await send();
    if (response.status === 200 || accepted.includes(response.status)) return response;
    if (response.status === 404) return undefined;
    throw statusFailure(whoAnswered(response, endpoint), response);
  };
}

function urlOf(endpoint: Endpoint, repository: Repository, path: string): URL {
  return new URL(path.startsWith('/') ? path : `/v2/${repository.path}/${path}`, endpoint.origin);
}

function whoAnswered(response: HttpResponse, endpoint: Endpoint): string {
  if (response.url.origin === endpoint.origin.origin) return `registry ${endpoint.registry}`;
  return `${response.url.host}, to which registry ${endpoint.registry} redirects,`;
}

/** Defence in depth: references were parsed before, but nothing else may get into a URL's path. */
export function checkPath(repository: Repository, reference: string): void {
  const path = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/;
  const known = /^(?:\w[\w.-]{0,127}|sha256:[0-9a-f]{64})$/;
  if (repository.path.length > 255 || !path.test(repository.path) || !known.test(reference)) {
    throw new EngineError('InvalidReference', 'a repository path or reference has characters that do not belong there');
  }
}
