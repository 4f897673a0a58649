// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import type { Repository } from '../../image/types.ts';
import type { Clock } from '../../observe.ts';
import { createRecentlyUsed } from '../../recently-used.ts';
import { parseChallenges } from './challenge.ts';
import type { Challenge } from './challenge.ts';
import type { Endpoint } from '../transport/endpoints.ts';
import type { HttpResponse, HttpRequest } from '../transport/http-message.ts';
import type { RedirectingTransport } from '../transport/redirects.ts';
import { basicAuthorization, credentialHash } from './token.ts';
import type { TokenRequest, TokenStore } from './token.ts';
import { CredentialsUnavailable } from '../credentials/unavailable.ts';
import type { Credential, Keychain, RequestScope } from '../types.ts';

/** Candidates of one keychain that are tried; each may cost two requests. */
const MAXIMUM_CANDIDATES = 16;
const REMEMBERED = 1024;
/** Registries move their token servers now and then. */
const SCHEME_MILLISECONDS = 10 * 60_000;

/** What a registry asks for; learned from its 401 and used up front from then on. */
type AuthenticationScheme =
  | { readonly kind: 'basic' }
  | { readonly kind: 'bearer'; readonly realm: string; readonly service?: string; readonly fixedScope?: string };

/** One request to a repository with the credentials it needs, trying each candidate in turn. */
export interface AuthorizedTransport {
  /**
   * Any status but 401 and 403 of the registry is a response. Fails with `RegistryUnauthorized` when no
   * candidate is accepted. Credentials go to the registry's origin and to the token server it names.
   */
  send(asked: RepositoryRequest, scope: RequestScope): Promise<HttpResponse>;
  /** Equal to what it was: the same credentials would be sent in the same way as then. */
  wayTo(endpoint: Endpoint): string;
}

export interface RepositoryRequest {
  readonly endpoint: Endpoint;
  readonly repository: Repository;
  readonly request: HttpRequest;
}

export function createAuthorizedTransport(options: {
  readonly transport: RedirectingTransport;
  readonly tokens: TokenStore;
  readonly clock: Clock;
}): AuthorizedTransport {
  const { transport, tokens, clock } = options;
  const schemes = createRecentlyUsed<{ readonly scheme: AuthenticationScheme; readonly until: number }>(REMEMBERED);
  const accepted = createRecentlyUsed<string>(REMEMBERED);
  const resolutions = new WeakMap<RequestScope, Map<string, Promise<Resolved>>>();

  /** Asked once a decision: a keychain may run a helper program. */
  function credentialsFor(asked: RepositoryRequest, scope: RequestScope): Promise<Resolved> {
    const key = repositoryKey(asked);
    const before = resolutions.get(scope);
    const known = before?.get(key);
    if (known !== undefined) return known;
    const { endpoint, repository } = asked;
    const found = resolveCredentials(scope.keychain, { registry: endpoint.registry, path: repository.path });
    if (before === undefined) resolutions.set(scope, new Map([[key, found]]));
    else before.set(key, found);
    return found;
  }

  /** The registry's answer to one candidate; undefined where it or its token server refuses him. */
  async function sendAs(
    credential: Credential | undefined,
    asked: RepositoryRequest,
    scope: RequestScope,
  ): Promise<HttpResponse | undefined> {
    const origin = asked.endpoint.origin.origin;
    const first = await authorizeUpFront(origin, credential, asked, scope);
    if (first === 'refused') return undefined;
    const response = await transport.send(withAuthorization(asked.request, first), asked.endpoint, scope);
    if (!isRefusal(response, asked)) return response;
    const scheme = response.status === 401 && !asked.request.ahead ? readScheme(response) : undefined;
    if (!scheme) return undefined;
    schemes.set(origin, { scheme, until: clock() + SCHEME_MILLISECONDS });
    discardToken(scheme, first, credential, asked);
    const second = await authorize(scheme, credential, asked, scope);
    if (second === undefined || second === 'refused' || second === first) return undefined;
    const again = await transport.send(withAuthorization(asked.request, second), asked.endpoint, scope);
    return isRefusal(again, asked) ? undefined : again;
  }

  /** A token that was refused may have been revoked, or have ended by the registry's clock. */
  function discardToken(
    scheme: AuthenticationScheme,
    sent: string | undefined,
    credential: Credential | undefined,
    asked: RepositoryRequest,
  ): void {
    if (scheme.kind !== 'bearer' || !sent?.startsWith('Bearer ')) return;
    tokens.discard(tokenRequest(scheme, credential, asked), sent.slice('Bearer '.length));
  }

  /** A token server that fails is forgotten, so that the registry may name another next time. */
  async function authorizeUpFront(
    origin: string,
    credential: Credential | undefined,
    asked: RepositoryRequest,
    scope: RequestScope,
  ): Promise<string | undefined> {
    const known = schemes.get(origin);
    if (!known || clock() >= known.until) return undefined;
    try {
      return await authorize(known.scheme, credential, asked, scope);
    } catch (error) {
      schemes.delete(origin);
      throw error;
    }
  }

  async function authorize(
    scheme: AuthenticationScheme | undefined,
    credential: Credential | undefined,
    asked: RepositoryRequest,
    scope: RequestScope,
  ): Promise<string | undefined> {
    if (!scheme) return undefined;
    if (scheme.kind === 'basic') {
      return credential?.password ? basicAuthorization(credential.username, credential.password) : undefined;
    }
    if (credential?.registryToken) return `Bearer ${credential.registryToken}`;
    const token = await tokens.obtain(tokenRequest(scheme, credential, asked), scope);
    return token === undefined ? 'refused' : `Bearer ${token}`;
  }

  return {
    async send(asked, scope) {
      const { credentials, outage } = await credentialsFor(asked, scope);
      const found = credentials.slice(0, MAXIMUM_CANDIDATES);
      // Of several, who is accepted shows only when all are tried.
      if (asked.request.ahead && found.length > 1) throw unauthorized(asked, 0, scope.keychain);
      if (found.length < 2) {
        const response = await sendAs(found[0], asked, scope);
        if (response) return response;
      } else {
        const key = repositoryKey(asked);
        for (const credential of preferredFirst(found, accepted.get(key))) {
          const response = await sendAs(credential, asked, scope);
          if (!response) continue;
          accepted.set(key, credentialHash(credential));
          return response;
        }
      }
      throw outage ? unavailable(asked, outage) : unauthorized(asked, found.length, scope.keychain);
    },
    wayTo({ origin }) {
      const known = schemes.get(origin.origin);
      return known && clock() < known.until ? String(known.until) : '';
    },
  };
}

interface Resolved {
  readonly credentials: readonly Credential[];
  /** Somebody could not be asked for more of them. */
  readonly outage?: CredentialsUnavailable;
}

async function resolveCredentials(keychain: Keychain, repository: Repository): Promise<Resolved> {
  try {
    return { credentials: await keychain.resolve(repository) };
  } catch (error) {
    if (!(error instanceof CredentialsUnavailable)) throw error;
    return { credentials: error.found, outage: error };
  }
}

function repositoryKey(asked: RepositoryRequest): string {
  return `${asked.endpoint.registry}/${asked.repository.path}`;
}

/** The hint only sorts the caller's own candidates; it gives nobody another's credentials. */
function preferredFirst(candidates: readonly Credential[], hash: string | undefined): readonly Credential[] {
  const isPreferred = (candidate: Credential) => credentialHash(candidate) === hash;
  return [...candidates.filter(isPreferred), ...candidates.filter((candidate) => !isPreferred(candidate))];
}

function withAuthorization(request: HttpRequest, authorization: string | undefined): HttpRequest {
  return authorization === undefined ? request : { ...request, authorization };
}

/** Only the registry itself may ask for its credentials, not the host it redirected to. */
function isRefusal(response: HttpResponse, asked: RepositoryRequest): boolean {
  return (response.status === 401 || response.status === 403) && response.url.origin === asked.endpoint.origin.origin;
}

function readScheme(response: HttpResponse): AuthenticationScheme | undefined {
  const challenges = parseChallenges(response.headers['www-authenticate']);
  const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'));
  if (bearer) return bearerScheme(bearer);
  return challenges.some(({ scheme }) => scheme === 'basic') ? { kind: 'basic' } : undefined;
}

function bearerScheme({ parameters }: Challenge): AuthenticationScheme {
  const service = parameters.get('service');
  const scope = parameters.get('scope');
  return {
    kind: 'bearer',
    realm: parameters.get('realm') ?? '',
    ...(service === undefined ? {} : { service }),
    // `repository:…` is made anew for each repository; ECR Public asks for the scope `aws`.
    ...(scope === undefined || scope === '' || scope.includes(':') ? {} : { fixedScope: scope }),
  };
}

function tokenRequest(
  scheme: Extract<AuthenticationScheme, { kind: 'bearer' }>,
  credential: Credential | undefined,
  asked: RepositoryRequest,
): TokenRequest {
  return {
    endpoint: asked.endpoint,
    realm: scheme.realm,
    ...(scheme.service === undefined ? {} : { service: scheme.service }),
    scope: scheme.fixedScope ?? `repository:${asked.repository.path}:pull`,
    ...(credential ? { credential } : {}),
  };
}

function unauthorized({ endpoint, repository }: RepositoryRequest, tried: number, keychain: Keychain): EngineError {
  const { registry } = endpoint;
  const how =
    tried === 0
      ? 'no credentials were found for it'
      : `${tried} credential(s) were tried: the repository may not exist, or these credentials may not see it`;
  const remedy = keychain.remedy?.(registry);
  const message = `registry ${registry} refuses to show ${repository.path}; ${how}`;
  return new EngineError('RegistryUnauthorized', message, remedy === undefined ? {} : { remedy });
}

/** The registry wants credentials, and a source that may have them could not be asked. */
function unavailable({ endpoint, repository }: RepositoryRequest, outage: CredentialsUnavailable): EngineError {
  const message = `registry ${endpoint.registry} refuses to show ${repository.path}, and not all credentials could be asked for: ${outage.message}`;
  return new EngineError('RegistryUnavailable', message, { remedy: outage.remedy ?? '' });
}
