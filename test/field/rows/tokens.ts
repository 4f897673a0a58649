// SPDX-License-Identifier: Apache-2.0
// How registries ask for tokens, and token servers give them.
import { refusal } from '../front.ts';
import type { Answer, Asked } from '../front.ts';
import type { Row } from '../row.ts';

const topic = 'What registries answer';

interface Tokens {
  /** WWW-Authenticate, one or several. */
  readonly challenge?: (asked: Asked) => string | string[];
  readonly answer?: (asked: Asked) => Answer;
}

const realm = ({ host }: Asked): string => `http://${host}/token`;
const bearer = (asked: Asked): string => `Bearer realm="${realm(asked)}",service="field"`;
const json = (body: object): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: JSON.stringify(body),
});

function row(input: string, source: string, tokens: Tokens, more: Partial<Row> = {}): Row {
  const { challenge = bearer, answer = () => json({ token: 'T' }) } = tokens;
  return {
    topic,
    input,
    source,
    make: async ({ signed }) => ({
      image: (await signed('simple-signing')).replace(/@.*/, ':1.0'),
      login: 'user:secret',
    }),
    manner: (asked) => {
      if (asked.path.startsWith('/token')) return answer(asked);
      if (asked.headers.authorization === 'Bearer T') return asked.onward();
      return refusal(401, 'UNAUTHORIZED', { 'www-authenticate': challenge(asked) });
    },
    cosign: 'accepts',
    cosignet: 'Verified',
    ...more,
  };
}

export const tokenRows: readonly Row[] = [
  row(
    'two challenges in one header, Basic first',
    'registries with several ways in',
    { challenge: (asked) => `Basic realm="field", ${bearer(asked)}` },
    { cosign: 'refuses', why: 'cosign takes the first of a header. The registry names both (RFC 9110, 11.6.1).' },
  ),
  row('two challenges in two headers, Negotiate first', 'registries behind Kerberos', {
    challenge: (asked) => ['Negotiate', bearer(asked)],
  }),
  row('the challenge has no service', 'Gitea, GitLab', { challenge: (asked) => `Bearer realm="${realm(asked)}"` }),
  row('the challenge asks for pull and push', 'registries that ask for everything', {
    challenge: (asked) => `${bearer(asked)},scope="repository:field/any:pull,push"`,
  }),
  row(
    'the token lives for a number in quotes',
    'token servers in languages without types',
    { answer: () => json({ token: 'T', expires_in: '300', issued_at: 'today' }) },
    {
      cosign: 'refuses',
      why: 'The time only saves requests: without one that can be read, a token lives for a minute.',
    },
  ),
  row('the token has ended when it is given', 'clocks that differ', {
    answer: () => json({ token: 'T', expires_in: 1, issued_at: '2001-01-01T00:00:00Z' }),
  }),
  row('the token server redirects', 'token servers behind a load balancer', {
    answer: ({ path }) =>
      path.startsWith('/token/here')
        ? json({ token: 'T' })
        : { status: 307, headers: { location: `/token/here?${path.split('?')[1]}` }, body: '' },
  }),
  row('the realm has a query of its own', 'Harbor and Portus behind a proxy', {
    challenge: (asked) => `Bearer realm="${realm(asked)}?account=field",service="field"`,
    answer: ({ path }) => (path.includes('account=field') ? json({ token: 'T' }) : refusal(401)),
  }),
];
