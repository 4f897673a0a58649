// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/observe.ts';
import type { AffectedStatus } from '../../core/policy/documents/image-policy.gen.ts';
import { sameEffect } from '../policies/policy-status.ts';
import type { PolicyEffect } from './policy-effect.ts';

/** What the scan found last of each policy, for its status. */
export interface Effects {
  /** Undefined: not known (yet). */
  readonly of: (policy: string) => AffectedStatus | undefined;
  /** Names of those of which something else was found than before. */
  put(effects: ReadonlyMap<string, PolicyEffect>): readonly string[];
  /** Forgets policies that are gone. */
  keepOnly(policies: { has(name: string): boolean }): void;
}

export function createEffects(clock: Clock): Effects {
  const found = new Map<string, AffectedStatus>();
  return {
    of: (policy) => found.get(policy),
    put(effects) {
      const observedAt = `${new Date(clock()).toISOString().slice(0, 19)}Z`;
      const changed: string[] = [];
      for (const [name, effect] of effects) {
        const known = found.get(name);
        if (known && sameEffect(known, effect)) continue;
        found.set(name, { ...effect, observedAt });
        changed.push(name);
      }
      return changed;
    },
    keepOnly(policies) {
      for (const name of found.keys()) if (!policies.has(name)) found.delete(name);
    },
  };
}
