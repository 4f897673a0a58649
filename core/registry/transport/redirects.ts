// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import { routeTo } from './endpoints.ts';
import type { Endpoint, SettingsOf } from './endpoints.ts';
import { headerText } from './http-message.ts';
import type { HttpResponse, HttpRequest } from './http-message.ts';
import type { Transport } from './transport.ts';
import type { RequestScope } from '../types.ts';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Sends a request for a registry and follows its redirects, as far as the caps and rules allow. */
export interface RedirectingTransport {
  send(request: HttpRequest, endpoint: Endpoint, scope: RequestScope): Promise<HttpResponse>;
}

export function createRedirectingTransport(options: {
  readonly transport: Transport;
  readonly settingsOf: SettingsOf;
  readonly redirects: number;
}): RedirectingTransport {
  return {
    async send(request, endpoint, scope) {
      let current = request;
      for (let hops = 0; ; hops += 1) {
        const response = await options.transport.send(current, scope);
        const isFollowed = request.method !== 'POST' && request.ahead === undefined;
        if (!REDIRECTS.has(response.status) || !isFollowed) return response;
        if (hops === options.redirects) {
          throw new EngineError('RegistryUnavailable', `${endpoint.registry} redirects more than ${hops} times`);
        }
        current = nextHop(current, response, endpoint, options.settingsOf);
      }
    },
  };
}

function nextHop(
  request: HttpRequest,
  response: HttpResponse,
  endpoint: Endpoint,
  settingsOf: SettingsOf,
): HttpRequest {
  const url = URL.parse(headerText(response.headers, 'location') ?? '//', request.url);
  if (!url) throw new EngineError('RegistryUnavailable', `${request.url.host} redirects to no usable address`);
  if (request.url.protocol === 'https:' && url.protocol !== 'https:') {
    throw new EngineError('RegistryUnavailable', `${request.url.host} redirects from https to ${url.protocol}//`);
  }
  const route = routeTo(url, endpoint, settingsOf);
  if (url.origin === request.url.origin) return { ...request, url, route };
  // Whoever we are sent to did not ask for our credentials; object stores even fail on them. Once
  // taken off they stay off, also on the way back.
  const { authorization: _, ...anonymous } = request;
  return { ...anonymous, url, route };
}
