// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

/** `users`: name to password. `anonymous`: a token without credentials may pull. */
export type FakeAuth =
  | { readonly kind: 'basic'; readonly users: Readonly<Record<string, string>> }
  | {
      readonly kind: 'bearer';
      readonly users?: Readonly<Record<string, string>>;
      readonly anonymous?: boolean;
      readonly refreshTokens?: readonly string[];
      readonly expiresIn?: number;
      /** POST answers 404, as old token servers do. */
      readonly onlyGet?: boolean;
      /** Instead of the registry's own `/token`. */
      readonly realm?: string;
      readonly service?: string;
      readonly scope?: string;
    };

/** Who may read, and the token server. Tokens are numbered, so that tests see which one was used. */
export class FakeAuthority {
  #auth: FakeAuth | undefined;
  readonly #tokens = new Set<string>();
  #issued = 0;

  constructor(auth: FakeAuth | undefined) {
    this.#auth = auth;
  }

  set(auth: FakeAuth | undefined): void {
    this.#auth = auth;
  }

  revokeTokens(): void {
    this.#tokens.clear();
  }

  /** True: the request may go on; else it was answered with a challenge. */
  admits(request: IncomingMessage, response: ServerResponse, origin: string, repository: string): boolean {
    const auth = this.#auth;
    if (!auth) return true;
    const header = request.headers.authorization ?? '';
    if (auth.kind === 'basic' && isUser(auth.users, header)) return true;
    if (auth.kind === 'bearer' && this.#tokens.has(`${header.replace(/^Bearer /, '')} ${repository}`)) return true;
    response.statusCode = 401;
    response.setHeader(
      'www-authenticate',
      auth.kind === 'basic' ? 'Basic realm="fake"' : challenge(auth, origin, repository),
    );
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }));
    return false;
  }

  async serveToken(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
    const auth = this.#auth;
    if (auth?.kind !== 'bearer') return answer(response, 404, {});
    if (request.method === 'POST') {
      if (auth.onlyGet) return answer(response, 404, {});
      const form = new URLSearchParams(await text(request));
      const known = auth.refreshTokens?.includes(form.get('refresh_token') ?? '') ?? false;
      if (!known || form.get('grant_type') !== 'refresh_token') return answer(response, 401, {});
      return answer(response, 200, { access_token: this.#issue(form.get('scope')), expires_in: auth.expiresIn });
    }
    const header = request.headers.authorization;
    const allowed = header === undefined ? auth.anonymous === true : isUser(auth.users ?? {}, header);
    if (!allowed) return answer(response, 401, {});
    answer(response, 200, { token: this.#issue(query.get('scope')), expires_in: auth.expiresIn });
  }

  #issue(scope: string | null): string {
    this.#issued += 1;
    const token = `token-${this.#issued}`;
    const repository = /^repository:(.+):pull$/.exec(scope ?? '')?.[1] ?? '';
    this.#tokens.add(`${token} ${repository}`);
    return token;
  }
}

function challenge(auth: Extract<FakeAuth, { kind: 'bearer' }>, origin: string, repository: string): string {
  const realm = auth.realm ?? `${origin}/token`;
  const scope = auth.scope ?? `repository:${repository}:pull`;
  return `Bearer realm="${realm}",service="${auth.service ?? 'fake'}",scope="${scope}"`;
}

function isUser(users: Readonly<Record<string, string>>, header: string): boolean {
  const [name = '', password] = Buffer.from(header.replace(/^Basic /, ''), 'base64')
    .toString('utf8')
    .split(':');
  return password !== undefined && users[name] === password;
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(body));
}
