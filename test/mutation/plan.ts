// SPDX-License-Identifier: Apache-2.0
import { globSync } from 'node:fs';
import path from 'node:path';

export interface Subject {
  readonly source: string;
  /** Tests that are for this source; then those that use it on the way. */
  readonly tests: readonly (readonly string[])[];
}

const ENGINE = ['decide', 'spec-fields', 'namespaced', 'evidence', 'requests', 'explain', 'recent', 'trust-roots'].map(
  (name) => `core/verdict/${name}`,
);
const COSIGN = [
  ...['discover', 'envelope', 'attestation-tag', 'keys', 'payload', 'statement'].map((name) => `core/cosign/${name}`),
  ...['decide', 'spec-fields'].map((name) => `core/verdict/${name}`),
  'core/policy/compile',
];
const BUNDLE = ['der-effort', 'bundle', 'chain', 'timestamp', 'transparency', 'verify-bundle', 'identity'].map(
  (name) => `core/cosign/${name}`,
);
/** Of `core/cosign`, what is read and verified of a bundle and its certificate. */
const OF_BUNDLES =
  /^core\/cosign\/(?:bundle|certificate|chain|checkpoint|fields|identity|legacy|log-|material|merkle|prehashed|signed-content|timestamp|transparency|trust-root|verif)/;
const POLICY = ['compile', 'validate', 'document', 'match', 'store', 'namespaced', 'condition', 'predicate-schema'].map(
  (name) => `core/policy/${name}`,
);
const REGISTRY = ['redirects', 'authorization', 'proxy', 'referrers', 'hostile', 'mirrors', 'client'].map(
  (name) => `core/registry/${name}`,
);

/**
 * By folder, and without those that mostly wait: what uses a source on the way, and has to notice a change of it where
 * its own test does not.
 */
const USERS: Readonly<Record<string, readonly string[]>> = {
  core: [
    'core/errors',
    'core/config/configuration',
    'core/registry/hostile',
    'core/verdict/decide',
    'core/verdict/outcome.mutation',
  ],
  'core/config': ['configuration', 'registry-settings', 'credential-providers', 'notifications'].map(
    (name) => `core/config/${name}`,
  ),
  'core/cosign': COSIGN,
  'core/image': [
    'core/image/reference',
    'core/image/pattern',
    'core/image/grammar',
    'core/policy/match',
    'core/cosign/tampering',
  ],
  'core/policy': [
    ...POLICY,
    'core/verdict/spec-fields',
    'core/verdict/identity-fields',
    'core/verdict/namespaced',
    'cli/namespaced',
  ],
  'core/registry': REGISTRY,
  'core/registry/credentials': ['match', 'provider', 'helper', 'docker-config', 'pull-secret', 'program'].map(
    (name) => `core/registry/credentials/${name}`,
  ),
  'core/tuf': ['core/tuf/refresh'],
  'core/verdict': ENGINE,
  webhook: ['handler', 'rules', 'fuzz', 'patch', 'wording', 'failures', 'body', 'record', 'workloads', 'server'].map(
    (name) => `webhook/${name}`,
  ),
};

/** All code that decides, by path: `core/` and the webhook's own folder, but for what is generated. */
export const SUBJECTS: readonly Subject[] = globSync(['core/**/*.ts', 'webhook/*.ts'])
  .filter((source) => !source.endsWith('.gen.ts'))
  .toSorted()
  .map((source) => {
    const name = source.slice(0, -'.ts'.length);
    const own = globSync([`test/unit/${name}.test.ts`, `test/unit/${name}.mutation.test.ts`]);
    const users = (OF_BUNDLES.test(source) ? BUNDLE : (USERS[path.dirname(source)] ?? []))
      .map((user) => `test/unit/${user}.test.ts`)
      .filter((test) => !own.includes(test));
    return { source, tests: [own, users].filter((group) => group.length > 0) };
  });
