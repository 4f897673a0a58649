// SPDX-License-Identifier: Apache-2.0
import type { Target } from './engine/target.ts';

/** Loaded one by one, and late: probes have to be there before the sources are. */
const LOADERS = {
  reference: async () => (await import('./targets/reference.ts')).reference,
  pattern: async () => (await import('./targets/pattern.ts')).pattern,
  challenge: async () => (await import('./targets/challenge.ts')).challenge,
  link: async () => (await import('./targets/link.ts')).link,
  manifest: async () => (await import('./targets/manifest.ts')).manifest,
  payload: async () => (await import('./targets/payload.ts')).payload,
  statement: async () => (await import('./targets/statement.ts')).statement,
  bundle: async () => (await import('./targets/bundle.ts')).bundle,
  keyless: async () => (await import('./targets/keyless.ts')).keyless,
  key: async () => (await import('./targets/key.ts')).key,
  certificate: async () => (await import('./targets/certificate.ts')).certificate,
  'trust-root': async () => (await import('./targets/trust-root.ts')).trustRoot,
  review: async () => (await import('./targets/review.ts')).review,
  policy: async () => (await import('./targets/policy.ts')).policy,
  'label-selector': async () => (await import('./targets/label-selector.ts')).labelSelector,
  configuration: async () => (await import('./targets/configuration.ts')).configuration,
  'docker-config': async () => (await import('./targets/docker-config.ts')).dockerConfig,
} satisfies Readonly<Record<string, () => Promise<Target>>>;

export type TargetName = keyof typeof LOADERS;

export const TARGET_NAMES: readonly TargetName[] = Object.keys(LOADERS).filter(
  (name): name is TargetName => name in LOADERS,
);

export function loadTarget(name: TargetName): Promise<Target> {
  return LOADERS[name]();
}
