// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { NAMESPACE, steadily, type Party, type Scene } from './party.ts';

/** What the definition lets a team write, each of which once stopped every replica for seconds or for good. */
export const HOSTILE_SPECS: Readonly<Record<string, object>> = {
  'pattern-program': { identities: identities(2, '(a?){1000}'.repeat(100)) },
  'pattern-sum': { identities: identities(16, '(a?b?c?){60}') },
  'condition-dots': demands(16, { conditions: [{ expression: `predicate${'.a'.repeat(2000)} == 1` }] }),
  'condition-brackets': demands(1, { conditions: [{ expression: `${'('.repeat(300)}true` }] }),
  'condition-sum': demands(16, { conditions: Array.from({ length: 16 }, or) }),
  'schema-choices': demands(16, { schema: { oneOf: Array.from({ length: 1900 }, (_, index) => ({ const: index })) } }),
  'schema-nesting': demands(1, { schema: nested(200) }),
  'schema-values': demands(1, { schema: { examples: Array.from({ length: 200_000 }, () => ({})) } }),
  'schema-patterns': demands(4, { schema: { type: 'string', pattern: '(a?){1000}'.repeat(100) } }),
};

/** Within every bound, and as large as they let it be. */
export const LARGE_SPEC = demands(8, {
  schema: { oneOf: Array.from({ length: 400 }, (_, index) => ({ const: index })) },
  conditions: [{ expression: `[${'1,'.repeat(700)}1] != []` }],
});

const KIND = `/apis/cosignet.dev/v1/namespaces/${NAMESPACE}/namespacedimagepolicies`;
/** Of a namespace's 64. */
const LARGE_POLICIES = 24;
/** Keys in Secrets that are not there, each under a name of its own. */
const SECRETS_OF_POLICY = 16;

/** A team writes the worst that its namespace may hold, and changes one of it five times in two seconds. */
export const policiesOfHostileTeam: Party = async (around) => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { pem: publicKey.export({ format: 'pem', type: 'spki' }) };
  const images = [`${around.registry}/**`];
  const specs: readonly [string, object][] = [
    ...Object.entries(HOSTILE_SPECS).map(([name, spec]): [string, object] => [name, { keys: [key], ...spec }]),
    ...Array.from({ length: LARGE_POLICIES }, (_, index): [string, object] => [
      `large-${index}`,
      { keys: [key], ...LARGE_SPEC },
    ]),
    ['secrets', { keys: Array.from({ length: SECRETS_OF_POLICY }, (_, index) => secret(index)) }],
  ];
  for (const [name, spec] of specs) {
    if (around.signal.aborted) return;
    const metadata = { name, namespace: NAMESPACE };
    const whole = { apiVersion: 'cosignet.dev/v1', kind: 'NamespacedImagePolicy', metadata, spec: { images, ...spec } };
    await write(around, { method: 'POST', path: KIND }, whole).catch(() => undefined);
  }
  await steadily(around, { each: 400, most: 4 }, (index) => {
    const [name] = specs[index % specs.length] ?? [''];
    // Another image is another policy: compiled again, and stored by every replica.
    const spec = { images: [...images, `example.com/${index}`] };
    return write(around, { method: 'PATCH', path: `${KIND}/${name}` }, { spec });
  });
};

async function write(
  { targets, dispatcher, count }: Scene,
  { method, path }: { readonly method: 'POST' | 'PATCH'; readonly path: string },
  object: object,
): Promise<void> {
  const headers = {
    authorization: `Bearer ${targets.token}`,
    'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
  };
  const answer = await dispatcher.request({ origin: targets.api, path, method, headers, body: JSON.stringify(object) });
  await answer.body.dump();
  count(answer.statusCode < 300 ? 'written' : `HTTP ${answer.statusCode}`);
}

function secret(index: number): object {
  return { secretRef: { name: `key-${index}`, key: 'key' } };
}

function identities(count: number, subjectPattern: string): object[] {
  return Array.from({ length: count }, () => ({ issuer: 'https://issuer.example.com', subjectPattern }));
}

function demands(count: number, asked: object): object {
  const attestations = Array.from({ length: count }, (_, index) => ({
    name: `a${index}`,
    predicateType: 'https://example.com/x',
    ...asked,
  }));
  return { attestations };
}

function or(): object {
  return { expression: `${'predicate.a||'.repeat(300)}false` };
}

function nested(depth: number): object {
  return Array.from({ length: depth }).reduce<object>((inner) => ({ not: inner }), {});
}
