// SPDX-License-Identifier: Apache-2.0
// Credentials that are no password in a file: refresh tokens, and helpers that do not give what they have.
import { refusal } from '../front.ts';
import type { Answer, Asked, Manner } from '../front.ts';
import type { Row } from '../row.ts';

const topic = 'What registries answer';

/** Given for a refresh token only. */
const ACCESS = 'access-token';
const REFRESH = 'refresh token: /+&';
const LOGIN = 'user:secret';

/** The protocol of oauth.md: the refresh token in the body of a POST. */
function isRefresh({ method, body, headers }: Asked): boolean {
  const form = new URLSearchParams(body);
  const typed = headers['content-type'] === 'application/x-www-form-urlencoded';
  const asks = form.get('grant_type') === 'refresh_token' && form.get('refresh_token') === REFRESH;
  return method === 'POST' && typed && asks && /^repository:field\/[a-z0-9-]+:pull$/.test(form.get('scope') ?? '');
}

/** The older protocol (token.md): GET with the password or, where there is none, with the refresh token in its place. */
function isPlain({ method, headers }: Asked): boolean {
  const [, encoded = ''] = (headers.authorization ?? '').split(' ');
  const login = Buffer.from(encoded, 'base64').toString();
  return method === 'GET' && (login === LOGIN || login.endsWith(`:${REFRESH}`));
}

const given: Answer = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ access_token: ACCESS, expires_in: 300 }),
};

/** A token server that answers a POST so, and GET by the older protocol unless it is told otherwise. */
function tokensBy(post: (asked: Asked) => Answer, get = isPlain): Manner {
  return (asked) => {
    if (asked.path.startsWith('/token')) {
      if (asked.method === 'POST') return post(asked);
      return get(asked) ? given : refusal(401, 'UNAUTHORIZED');
    }
    if (asked.headers.authorization === `Bearer ${ACCESS}`) return asked.onward();
    const challenge = `Bearer realm="http://${asked.host}/token",service="field"`;
    return refusal(401, 'UNAUTHORIZED', { 'www-authenticate': challenge });
  };
}

function refreshRow(status: number, cosign: Row['cosign'], source: string): Row {
  return {
    topic,
    input: `a token server that answers ${status} to the POST of a refresh token, and GET as ever`,
    source,
    make: async ({ signed }) => ({ image: await signed('simple-signing'), login: LOGIN, identityToken: REFRESH }),
    manner: tokensBy(() => refusal(status)),
    cosign,
    cosignet: 'Verified',
    ...(cosign === 'refuses' && {
      why: 'cosign tries GET only after a 404. The same token server gets the same credentials either way',
    }),
  };
}

function helperRow(input: string, source: string, helper: readonly string[], says: string): Row {
  return {
    topic,
    input,
    source,
    make: async ({ signed }) => ({
      image: await signed('simple-signing'),
      helper,
      // Longer than a helper may take.
      configuration: { deadlineSeconds: 29 },
    }),
    manner: (asked) =>
      asked.headers.authorization === undefined
        ? refusal(401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="field"' })
        : asked.onward(),
    cosign: 'refuses',
    cosignet: 'RegistryUnavailable',
    says: [says],
  };
}

export const credentialRows: readonly Row[] = [
  {
    topic,
    input: 'a refresh token (`identitytoken`), exchanged by POST',
    source: 'ACR (`az acr login`), Docker with an external token; distribution, oauth.md',
    make: async ({ signed }) => ({ image: await signed('simple-signing'), identityToken: REFRESH }),
    manner: tokensBy(
      (asked) => (isRefresh(asked) ? given : refusal(403, 'DENIED')),
      () => false,
    ),
    cosign: 'accepts',
    cosignet: 'Verified',
  },
  refreshRow(404, 'accepts', 'token servers that know only the older protocol; distribution, oauth.md'),
  refreshRow(400, 'refuses', 'token servers that take POST for a form of their own'),
  refreshRow(401, 'refuses', 'token servers behind a proxy that asks for a login first'),
  refreshRow(405, 'refuses', 'token servers on static routes'),
  {
    topic,
    input: 'a token server that takes a refresh token as the password of a GET only',
    source: 'token servers that know only the older protocol',
    make: async ({ signed }) => ({ image: await signed('simple-signing'), identityToken: REFRESH }),
    manner: tokensBy(() => refusal(404)),
    cosign: 'refuses',
    cosignet: 'Verified',
    why: 'cosign asks again without any credentials. The same token server gets the same credentials either way',
  },
  helperRow(
    'a credential helper that does not answer',
    '`docker-credential-ecr-login`, `-gcloud` without a way to their cloud',
    ['sleep 15', 'exit 1'],
    'docker-credential-field took longer than',
  ),
  helperRow(
    'a credential helper that fails',
    '`docker-credential-ecr-login`, `-gcloud` with an expired login',
    ['cat > /dev/null', 'echo "error: session expired" >&2', 'exit 1'],
    'docker-credential-field failed with exit code 1',
  ),
];
