// SPDX-License-Identifier: Apache-2.0
import { existsSync, globSync } from 'node:fs';

export interface Subject {
  readonly source: string;
  /** Tests that are for this source; then those that use it on the way. */
  readonly tests: readonly (readonly string[])[];
}

/**
 * By folder, the nearest one counts: what uses a source on the way, and has to notice a change of it where its own test
 * does not. Without the tests that mostly wait.
 */
const USERS: Readonly<Record<string, readonly string[]>> = {
  core: ['core/*', 'core/config/configuration', 'core/registry/client/hostile', 'core/verdict/decide*'],
  'core/config': ['core/config/*'],
  'core/cosign': ['core/cosign/*', 'core/verdict/decide', 'core/verdict/spec-fields', 'core/policy/compile/compile'],
  'core/image': ['core/image/*', 'core/policy/store/match', 'core/verdict/tampering'],
  'core/keys': ['core/keys/*', 'core/policy/compile/*', 'core/verdict/decide'],
  'core/kms': ['core/kms/*'],
  'core/policy': ['core/policy/**/*', 'core/verdict/*-fields', 'core/verdict/namespaced', 'cli/commands/namespaced'],
  'core/registry': ['core/registry/*/{redirects,authorization,proxy,referrers,hostile,mirrors,client}'],
  'core/registry/credentials': ['core/registry/credentials/*'],
  'core/sigstore': ['core/sigstore/**/*'],
  'core/turns': ['core/turns/*', 'core/verdict/large-images'],
  'core/tuf': ['core/tuf/refresh'],
  'core/verdict': [
    'core/verdict/{decide*,spec-fields,namespaced,requests,explain,recent,trust-roots}',
    'core/verdict/*/*',
  ],
  webhook: [
    'webhook/admission/{handler,rules,fuzz,failures}',
    'webhook/admission/*/{patch,wording,record,workloads}',
    'webhook/http/{body,server}',
  ],
};

/** All code that decides, by path: `core/` and `webhook/`, but for what is generated. */
export const SUBJECTS: readonly Subject[] = globSync(['core/**/*.ts', 'webhook/**/*.ts'])
  .filter((source) => !source.endsWith('.gen.ts'))
  .toSorted()
  .map((source) => {
    const name = source.slice(0, -'.ts'.length);
    const own = [`test/unit/${name}.test.ts`].filter((test) => existsSync(test));
    const users = globSync(usersOf(source).map((user) => `test/unit/${user}.test.ts`))
      .toSorted()
      .filter((test) => !own.includes(test));
    return { source, tests: [own, users].filter((group) => group.length > 0) };
  });

function usersOf(source: string): readonly string[] {
  const folder = Object.keys(USERS)
    .filter((prefix) => source.startsWith(`${prefix}/`))
    .toSorted((one, other) => other.length - one.length)[0];
  return USERS[folder ?? ''] ?? [];
}
