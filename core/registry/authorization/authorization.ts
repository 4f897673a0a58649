// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import type { Repository } from '../../image/types.ts';
import type { Clock } from '../../observe.ts';
import { createRecentlyUsed } from '../../recently-used.ts';
import { parseChallenges } from './challenge.ts';
import type { Challenge } from './challenge.ts';
import type { Endpoint } from '../transport/endpoints.ts';
import type { HttpReply, HttpRequest } from '../transport/exchange.ts';
import type { Courier } from '../transport/redirects.ts';
import { basicAuthorization, credentialHash } from './token.ts';
import type { TokenRequest, TokenStore } from './token.ts';
import type { Credential, RequestScope } from '../types.ts';

/** Candidates of one keychain that are tried; each may cost two requests. */
const MAXIMUM_CANDIDATES = 16;
const REMEMBERED = 1024;
/** Registries move their token servers now and then. */
const DEMAND_MILLISECONDS = 10 * 60_000;

/** What a registry asks for; learned from its 401 and used up front from then on. */
type Demand =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service?: string; readonly fixedScope?: string };

/** One request to a repository with the credentials it needs, trying each candidate in turn. */
export interface AuthorizedCourier {
  /**
   * Any status but 401 and 403 of the registry is a reply. Fails with `RegistryUnauthorized` when no
   * candidate is accepted. Credentials go to the registry's origin and to the token server it names.
   */
  send(call: Call, scope: RequestScope): Promise<HttpReply>;
}

export interface Call {
  readonly endpoint: Endpoint;
  readonly repository: Repository;
  readonly request: HttpRequest;
}

export function createAuthorizedCourier(options: {
  readonly courier: Courier;
  readonly tokens: TokenStore;
  readonly clock: Clock;
}): AuthorizedCourier {
  const { courier, tokens, clock } = options;
  const demands = createRecentlyUsed<{ readonly demand: Demand; readonly until: number }>(REMEMBERED);
  const accepted = createRecentlyUsed<string>(REMEMBERED);
  const resolutions = new WeakMap<RequestScope, Map<string, Promise<readonly Credential[]>>>();

  /** Asked once a decision: a keychain may run a helper program. */
  function credentialsFor(call: Call, scope: RequestScope): Promise<readonly Credential[]> {
    const known = resolutions.get(scope) ?? new Map<string, Promise<readonly Credential[]>>();
    resolutions.set(scope, known);
    const key = repositoryKey(call);
    const found =
      known.get(key) ?? scope.keychain.resolve({ registry: call.endpoint.registry, path: call.repository.path });
    known.set(key, found);
    return found;
  }

  /** The registry's answer to one candidate; undefined where it or its token server refuses him. */
  async function sendAs(
    credential: Credential | undefined,
    call: Call,
    scope: RequestScope,
  ): Promise<HttpReply | undefined> {
    const origin = call.endpoint.origin.origin;
    const first = await authorizeUpFront(origin, credential, call, scope);
    if (first === 'refused') return undefined;
    const reply = await courier.send(withAuthorization(call.request, first), call.endpoint, scope);
    if (!isRefusal(reply, call)) return reply;
    const demand = reply.status === 401 ? readDemand(reply) : undefined;
    if (!demand) return undefined;
    demands.set(origin, { demand, until: clock() + DEMAND_MILLISECONDS });
    discardToken(demand, first, credential, call);
    const second = await authorize(demand, credential, call, scope);
    if (second === undefined || second === 'refused' || second === first) return undefined;
    const again = await courier.send(withAuthorization(call.request, second), call.endpoint, scope);
    return isRefusal(again, call) ? undefined : again;
  }

  /** A token that was refused may have been revoked, or have ended by the registry's clock. */
  function discardToken(
    demand: Demand,
    sent: string | undefined,
    credential: Credential | undefined,
    call: Call,
  ): void {
    if (demand.scheme !== 'bearer' || !sent?.startsWith('Bearer ')) return;
    tokens.discard(tokenRequest(demand, credential, call), sent.slice('Bearer '.length));
  }

  /** A token server that fails is forgotten, so that the registry may name another next time. */
  async function authorizeUpFront(
    origin: string,
    credential: Credential | undefined,
    call: Call,
    scope: RequestScope,
  ): Promise<string | undefined> {
    const known = demands.get(origin);
    if (!known || clock() >= known.until) return undefined;
    try {
      return await authorize(known.demand, credential, call, scope);
    } catch (error) {
      demands.delete(origin);
      throw error;
    }
  }

  async function authorize(
    demand: Demand | undefined,
    credential: Credential | undefined,
    call: Call,
    scope: RequestScope,
  ): Promise<string | undefined> {
    if (!demand) return undefined;
    if (demand.scheme === 'basic') {
      return credential?.password ? basicAuthorization(credential.username, credential.password) : undefined;
    }
    if (credential?.registryToken) return `Bearer ${credential.registryToken}`;
    const token = await tokens.obtain(tokenRequest(demand, credential, call), scope);
    return token === undefined ? 'refused' : `Bearer ${token}`;
  }

  return {
    async send(call, scope) {
      const found = (await credentialsFor(call, scope)).slice(0, MAXIMUM_CANDIDATES);
      const candidates: readonly (Credential | undefined)[] = found.length === 0 ? [undefined] : found;
      const key = repositoryKey(call);
      for (const credential of preferredFirst(candidates, accepted.get(key))) {
        const reply = await sendAs(credential, call, scope);
        if (!reply) continue;
        accepted.set(key, credentialHash(credential));
        return reply;
      }
      throw unauthorized(call, found.length);
    },
  };
}

function repositoryKey(call: Call): string {
  return `${call.endpoint.registry}/${call.repository.path}`;
}

/** The hint only sorts the caller's own candidates; it gives nobody another's credentials. */
function preferredFirst(
  candidates: readonly (Credential | undefined)[],
  hash: string | undefined,
): readonly (Credential | undefined)[] {
  if (candidates.length < 2) return candidates;
  const isPreferred = (candidate: Credential | undefined) => credentialHash(candidate) === hash;
  return [...candidates.filter(isPreferred), ...candidates.filter((candidate) => !isPreferred(candidate))];
}

function withAuthorization(request: HttpRequest, authorization: string | undefined): HttpRequest {
  return authorization === undefined ? request : { ...request, authorization };
}

/** Only the registry itself may ask for its credentials, not the host it redirected to. */
function isRefusal(reply: HttpReply, call: Call): boolean {
  return (reply.status === 401 || reply.status === 403) && reply.url.origin === call.endpoint.origin.origin;
}

function readDemand(reply: HttpReply): Demand | undefined {
  const challenges = parseChallenges(reply.headers['www-authenticate']);
  const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'));
  if (bearer) return bearerDemand(bearer);
  return challenges.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : undefined;
}

function bearerDemand({ parameters }: Challenge): Demand {
  const service = parameters.get('service');
  const scope = parameters.get('scope');
  return {
    scheme: 'bearer',
    realm: parameters.get('realm') ?? '',
    ...(service === undefined ? {} : { service }),
    // `repository:…` is made anew for each repository; ECR Public asks for the scope `aws`.
    ...(scope === undefined || scope === '' || scope.includes(':') ? {} : { fixedScope: scope }),
  };
}

function tokenRequest(
  demand: Extract<Demand, { scheme: 'bearer' }>,
  credential: Credential | undefined,
  call: Call,
): TokenRequest {
  return {
    endpoint: call.endpoint,
    realm: demand.realm,
    ...(demand.service === undefined ? {} : { service: demand.service }),
    scope: demand.fixedScope ?? `repository:${call.repository.path}:pull`,
    ...(credential ? { credential } : {}),
  };
}

function unauthorized(call: Call, tried: number): EngineError {
  const how = tried === 0 ? 'no credentials were found for it' : `${tried} credential(s) were tried`;
  return new EngineError(
    'RegistryUnauthorized',
    `registry ${call.endpoint.registry} refuses to show ${call.repository.path}; ${how}`,
  );
}
