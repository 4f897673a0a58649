// SPDX-License-Identifier: Apache-2.0
import type { ImagePolicy } from '../core/policy/schema.gen.ts';
import type { CompiledPolicy } from '../core/policy/types.ts';

export interface PolicyBookOptions {
  /** Never throws: what is wrong with a policy is in its `problems`. */
  readonly compile: (policy: ImagePolicy) => CompiledPolicy;
  /** All policies in force from now on, in one step. */
  readonly publish: (policies: readonly CompiledPolicy[]) => void;
  /** Policies that were compiled anew. */
  readonly onCompiled?: (names: readonly string[]) => void;
}

export interface PolicyEntry {
  readonly policy: ImagePolicy;
  readonly compiled: CompiledPolicy;
}

/**
 * The policies of the cluster, compiled. Changes of one turn (a list, a burst) are published together:
 * no decision sees half of a list.
 */
export class PolicyBook {
  readonly #options: PolicyBookOptions;
  readonly #entries = new Map<string, PolicyEntry>();
  readonly #fresh = new Set<string>();
  #scheduled = false;

  constructor(options: PolicyBookOptions) {
    this.#options = options;
  }

  get(name: string): PolicyEntry | undefined {
    return this.#entries.get(name);
  }

  names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  set(policy: ImagePolicy): void {
    const before = this.#entries.get(policy.metadata.name);
    // Our own status write comes back as a change: the spec is the same.
    const unchanged = before !== undefined && isSameSpec(before.policy, policy);
    this.#put(policy, unchanged ? before.compiled : this.#options.compile(policy));
    if (!unchanged) this.#schedule();
  }

  delete(name: string): void {
    this.#entries.delete(name);
    this.#schedule();
  }

  /** A Secret came, changed or went: the policies that name it are compiled again. */
  secretChanged(secretName: string): void {
    for (const { policy } of this.#entries.values()) {
      if (!policy.spec.keys?.some((key) => key.secretRef?.name === secretName)) continue;
      this.#put(policy, this.#options.compile(policy));
      this.#schedule();
    }
  }

  /** The configuration changed: trust roots may have come or gone. */
  recompileAll(): void {
    for (const { policy } of this.#entries.values()) this.#put(policy, this.#options.compile(policy));
    this.#schedule();
  }

  #put(policy: ImagePolicy, compiled: CompiledPolicy): void {
    this.#entries.set(policy.metadata.name, { policy, compiled });
    this.#fresh.add(policy.metadata.name);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#publish());
  }

  #publish(): void {
    this.#scheduled = false;
    this.#options.publish([...this.#entries.values()].map(({ compiled }) => compiled));
    const fresh = [...this.#fresh];
    this.#fresh.clear();
    this.#options.onCompiled?.(fresh);
  }
}

function isSameSpec(a: ImagePolicy, b: ImagePolicy): boolean {
  return (
    a.metadata['uid'] === b.metadata['uid'] &&
    a.metadata.generation === b.metadata.generation &&
    JSON.stringify(a.spec) === JSON.stringify(b.spec)
  );
}
