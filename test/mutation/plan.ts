// SPDX-License-Identifier: Apache-2.0
import { globSync } from 'node:fs';

export interface Subject {
  readonly source: string;
  /** Tests that are for this source; then those that use it on the way. */
  readonly tests: readonly (readonly string[])[];
}

const ENGINE = ['decide', 'spec-fields', 'evidence', 'requests', 'explain'].map((name) => `core/verdict/${name}`);
const COSIGN = ['discover', 'attestation-tag', 'envelope'].map((name) => `core/cosign/${name}`);
const WEBHOOK = ['handler', 'rules', 'fuzz', 'patch', 'wording'].map((name) => `webhook/${name}`);

/** The code that decides, and (without those that mostly wait) the tests that have to notice a change of it. */
const PLAN: Readonly<Record<string, readonly string[]>> = {
  'core/verdict/distinct': ['core/verdict/decide'],
  'core/verdict/outcome': ['core/verdict/decide', 'core/verdict/spec-fields'],
  'core/verdict/judge': ENGINE,
  'core/verdict/weigh': ENGINE,
  'core/verdict/decide': ENGINE,
  'core/verdict/evidence': ENGINE,
  'core/verdict/cache': ENGINE,
  'core/verdict/tags': ENGINE,
  'core/verdict/places': ENGINE,
  'core/verdict/prover': ENGINE,
  'core/verdict/deadline': ENGINE,
  'core/cosign/algorithms': COSIGN,
  'core/cosign/payload': COSIGN,
  'core/cosign/statement': COSIGN,
  'core/cosign/bundle': COSIGN,
  'core/cosign/bundle-content': ['core/cosign/verify-bundle'],
  'core/cosign/bundle-evidence': ['core/cosign/verify-bundle', 'core/cosign/identity'],
  'core/cosign/simple-signing': COSIGN,
  'core/cosign/referrer': COSIGN,
  'core/cosign/referrer-selection': COSIGN,
  'core/policy/match': ['core/policy/store', 'core/verdict/decide'],
  'webhook/finding': WEBHOOK,
  'webhook/scope': WEBHOOK,
  'webhook/update': WEBHOOK,
  'webhook/exclusion': WEBHOOK,
  'webhook/judge': WEBHOOK,
  'webhook/patch': WEBHOOK,
};

export const SUBJECTS: readonly Subject[] = Object.entries(PLAN).map(([name, others]) => {
  const own = globSync([`test/unit/${name}.test.ts`, `test/unit/${name}.mutation.test.ts`]);
  const rest = others.map((other) => `test/unit/${other}.test.ts`).filter((test) => !own.includes(test));
  return { source: `${name}.ts`, tests: [own, ...rest.map((test) => [test])].filter((group) => group.length > 0) };
});
