// SPDX-License-Identifier: Apache-2.0
import { globSync } from 'node:fs';

export interface Subject {
  readonly source: string;
  /** Tests that are for this source; then those that use it on the way. */
  readonly tests: readonly (readonly string[])[];
}

const ENGINE = ['decide', 'namespaced', 'spec-fields', 'evidence', 'requests', 'explain'].map(
  (name) => `core/verdict/${name}`,
);
const COSIGN = ['discover', 'attestation-tag', 'envelope'].map((name) => `core/cosign/${name}`);
const BUNDLE = ['verify-bundle', 'identity', 'transparency', 'tampering', 'bundle'].map(
  (name) => `core/cosign/${name}`,
);
const POLICY = ['compile', 'namespaced', 'match', 'store', 'validate'].map((name) => `core/policy/${name}`);
const REGISTRY = ['client', 'redirects', 'authorization', 'hostile', 'mirrors'].map((name) => `core/registry/${name}`);
const CREDENTIALS = ['match', 'docker-config', 'pull-secret'].map((name) => `core/registry/credentials/${name}`);
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
  'core/cosign/prehashed': ['core/cosign/algorithms', ...COSIGN],
  'core/cosign/keys': [...COSIGN, 'core/policy/compile'],
  'core/cosign/der-effort': COSIGN,
  'core/cosign/manifest': COSIGN,
  'core/cosign/envelope': COSIGN,
  'core/cosign/attestation-policy': ['core/verdict/spec-fields', ...COSIGN],
  'core/cosign/attestation-tag': COSIGN,
  'core/cosign/discover': COSIGN,
  'core/cosign/payload-prediction': COSIGN,
  'core/cosign/certificate': BUNDLE,
  'core/cosign/identity': BUNDLE,
  'core/cosign/transparency': BUNDLE,
  'core/cosign/checkpoint': BUNDLE,
  'core/cosign/merkle': BUNDLE,
  'core/cosign/log-inclusion': BUNDLE,
  'core/cosign/log-body': BUNDLE,
  'core/cosign/timestamp': BUNDLE,
  'core/cosign/signed-content': BUNDLE,
  'core/cosign/signed-entity': BUNDLE,
  'core/cosign/verify-bundle': BUNDLE,
  'core/policy/kinds': [...POLICY, 'core/verdict/namespaced'],
  'core/policy/match': [...POLICY, 'core/verdict/decide', 'core/verdict/namespaced'],
  'core/policy/store': [...POLICY, 'core/verdict/namespaced'],
  'core/policy/trie': [...POLICY, 'core/verdict/decide'],
  'core/policy/compile': [...POLICY, 'core/verdict/spec-fields', 'core/verdict/namespaced'],
  'core/policy/signers': [...POLICY, 'core/verdict/spec-fields', 'core/verdict/identity-fields'],
  'core/policy/attestations': [...POLICY, 'core/verdict/spec-fields'],
  'core/policy/label-selector': [...POLICY, 'core/verdict/spec-fields'],
  'core/policy/text-matcher': [...POLICY, 'core/verdict/identity-fields'],
  'core/image/pattern': ['core/image/glob', 'core/image/reference', ...POLICY],
  'core/image/reference': ['core/image/grammar', 'core/image/pattern'],
  'core/image/grammar': ['core/image/reference', 'core/image/pattern'],
  'core/registry/addresses': ['core/registry/endpoints', ...REGISTRY],
  'core/registry/endpoints': REGISTRY,
  'core/registry/redirects': REGISTRY,
  'core/registry/challenge': REGISTRY,
  'core/registry/authorization': REGISTRY,
  'core/registry/token': REGISTRY,
  'core/registry/transport': REGISTRY,
  'core/registry/blobs': REGISTRY,
  'core/registry/manifests': REGISTRY,
  'core/registry/referrers': REGISTRY,
  'core/registry/link': REGISTRY,
  'core/registry/mirrors': REGISTRY,
  'core/registry/failures': REGISTRY,
  'core/registry/credentials/match': CREDENTIALS,
  'core/registry/credentials/pull-secret': CREDENTIALS,
  'core/registry/credentials/docker-config': CREDENTIALS,
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
