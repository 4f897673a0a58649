// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../control-plane/process.ts';
import { admitted, install, openInstallation, tryPod, type Installation } from './installation.ts';

const KIND = 'namespacedimagepolicies.cosignet.dev';

/** What the definition lets a team write, each of which once stopped every replica for seconds or for good. */
const SPECS: Readonly<Record<string, object>> = {
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
const LARGE = demands(8, {
  schema: { oneOf: Array.from({ length: 400 }, (_, index) => ({ const: index })) },
  conditions: [{ expression: `[${'1,'.repeat(700)}1] != []` }],
});

describe('policies of a hostile team', () => {
  let here: Installation;

  before(async () => {
    here = await openInstallation();
    await here.kubectl('create', 'namespace', 'hostile');
    await install(here, '--set=extraEnv[0].name=NODE_OPTIONS', '--set=extraEnv[0].value=--max-old-space-size=320');
  });
  after(() => here.close());

  test('are not Ready where they are over a bound, with the field and the bound, and nobody else waits', async () => {
    for (const [name, spec] of Object.entries(SPECS)) await apply(name, spec);
    for (let index = 0; index < 20; index += 1) await apply(`large-${index}`, LARGE);
    await admitted(here, here.images.signed);
    assert.match(await here.refused(...tryPod(here.images.unsigned)), /is not signed\. Policy "default"/);
    for (const name of Object.keys(SPECS)) {
      const message = await waitFor(`the status of ${name}`, async () => {
        const found = await here.read(`hostile:${KIND}/${name}`, '.status.conditions[?(@.type=="Ready")].message');
        return found === '' ? undefined : found;
      });
      assert.match(
        message,
        / spec(\.identities|\.attestations|:).*(too large|more than|longer than|at most|deep)/,
        name,
      );
    }
  });

  test('leave every replica alive, and let new ones start', async () => {
    await here.kubectl('--namespace=cosignet', 'rollout', 'restart', 'deployment/cosignet');
    await here.kubectl('--namespace=cosignet', 'rollout', 'status', 'deployment/cosignet', '--timeout=120s');
    await admitted(here, here.images.signed);
    const restarts = await here.kubectl(
      '--namespace=cosignet',
      'get',
      'pods',
      '--selector=app.kubernetes.io/name=cosignet',
      '--output=jsonpath={.items[*].status.containerStatuses[*].restartCount}',
    );
    assert.match(restarts, /^[0 ]*$/);
  });

  async function apply(name: string, spec: object): Promise<void> {
    const metadata = { name, namespace: 'hostile' };
    const whole = { images: ['example.com/**'], keys: [{ name: 'k', pem: here.other.publicKey }], ...spec };
    const object = { apiVersion: 'cosignet.dev/v1', kind: 'NamespacedImagePolicy', metadata, spec: whole };
    // Not `apply`, which would write a second copy into an annotation that has room for a quarter of a MiB.
    const { code, stderr } = await here.bench.kubectl(['create', '--filename=-'], JSON.stringify(object));
    assert.equal(code, 0, stderr);
  }
});

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
