// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { text } from 'node:stream/consumers';
import { listen, stop } from './registry.ts';

export interface TokenUser {
  readonly password: string;
  /** Repositories whose pull and push he may be granted. */
  readonly repositories: readonly string[];
  /** His refresh token. */
  readonly refreshToken?: string;
}

export interface TokenServer {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly realm: string;
  readonly issuer: string;
  readonly service: string;
  /** A JSON Web Key Set, for the registry's `auth.token.jwks`. */
  readonly keys: string;
  /** `GET alice repository:team/app:pull` of each request. */
  readonly requests: readonly string[];
  /** All tokens that were given out. */
  readonly tokens: readonly string[];
  close(): Promise<void>;
}

export interface TokenServerOptions {
  readonly users: Readonly<Record<string, TokenUser>>;
  readonly tls?: { readonly key: string; readonly cert: string };
}

const ISSUER = 'token-server';
const SERVICE = 'private-registry';
const LIFE_SECONDS = 300;

/**
 * A token server after distribution's specification (token.md, oauth.md, jwt.md): it grants what the user may do of
 * what was asked for, and signs that with a key that the registry knows.
 */
export async function startTokenServer({ users, tls }: TokenServerOptions): Promise<TokenServer> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicKey.export({ format: 'jwk' });
  const keyId = createHash('sha256').update(JSON.stringify(jwk)).digest('hex');
  const requests: string[] = [];
  const tokens: string[] = [];

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { name, scopes } =
      request.method === 'POST' ? await byRefreshToken(request, users) : byPassword(request, users);
    requests.push(`${request.method} ${name ?? '-'} ${scopes.join(' ')}`);
    if (name === undefined) return answer(response, 401, { errors: [{ code: 'UNAUTHORIZED' }] });
    const token = signedToken({ privateKey, keyId }, name, grants(scopes, users[name]));
    tokens.push(token);
    answer(response, 200, { token, access_token: token, expires_in: LIFE_SECONDS });
  }

  const serve = (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response).catch((error: unknown) => response.destroy(new Error(String(error))));
  };
  const server = tls ? createTlsServer({ ...tls }, serve) : createPlainServer(serve);
  const host = `127.0.0.1:${await listen(server)}`;
  return {
    host,
    realm: `${tls ? 'https' : 'http'}://${host}/token`,
    issuer: ISSUER,
    service: SERVICE,
    keys: JSON.stringify({ keys: [{ ...jwk, kid: keyId, use: 'sig', alg: 'ES256' }] }),
    requests,
    tokens,
    close: () => stop(server),
  };
}

interface Asked {
  /** Undefined: nobody we know. */
  readonly name: string | undefined;
  readonly scopes: readonly string[];
}

function byPassword(request: IncomingMessage, users: TokenServerOptions['users']): Asked {
  const url = new URL(request.url ?? '/', 'http://token.server');
  const basic = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString('utf8');
  const [name = '', password] = basic.split(':');
  const known = Object.hasOwn(users, name) && users[name]?.password === password;
  return { name: known ? name : undefined, scopes: url.searchParams.getAll('scope') };
}

async function byRefreshToken(request: IncomingMessage, users: TokenServerOptions['users']): Promise<Asked> {
  const form = new URLSearchParams(await text(request));
  const refreshToken = form.get('refresh_token') ?? '';
  const [name] = Object.entries(users).find(([, user]) => user.refreshToken === refreshToken) ?? [];
  const isKnown = form.get('grant_type') === 'refresh_token' && refreshToken !== '';
  return { name: isKnown ? name : undefined, scopes: (form.get('scope') ?? '').split(' ') };
}

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** Of `repository:team/app:pull,push` what he may do; less than asked is no error, the registry will say so. */
function grants(scopes: readonly string[], user: TokenUser | undefined): readonly Access[] {
  return scopes.flatMap((scope) => {
    const [, name = '', actions = ''] = /^repository:([^:]+):([a-z,]+)$/.exec(scope) ?? [];
    if (!user?.repositories.includes(name)) return [];
    return [
      { type: 'repository', name, actions: actions.split(',').filter((action) => /^(?:pull|push)$/.test(action)) },
    ];
  });
}

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

function signedToken(
  { privateKey, keyId }: { readonly privateKey: KeyObject; readonly keyId: string },
  subject: string,
  access: readonly Access[],
): string {
  const now = Math.floor(Date.now() / 1000);
  const times = { iat: now, nbf: now - 5, exp: now + LIFE_SECONDS };
  const claims = { iss: ISSUER, aud: SERVICE, sub: subject, jti: randomUUID(), ...times, access };
  const signed = `${encode({ typ: 'JWT', alg: 'ES256', kid: keyId })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
