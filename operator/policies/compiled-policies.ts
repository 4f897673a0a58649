// SPDX-License-Identifier: Apache-2.0
import type { KmsReference } from '../../core/kms/reference.ts';
import { namespaceOf, policyName, type AnyImagePolicy } from '../../core/policy/documents/kinds.ts';
import { refusePolicy } from '../../core/policy/compile/compile.ts';
import type { PolicyStore } from '../../core/policy/store/store.ts';
import { kmsReferences, secretNames } from '../../core/policy/signers/signers.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import { NAMESPACE_MOST, NamespaceShares } from './namespace-share.ts';
import type { SecretName } from './policy-secrets.ts';

export interface CompiledPoliciesOptions {
  /** Never throws: what is wrong with a policy is in its `problems`. */
  readonly compile: (policy: AnyImagePolicy) => CompiledPolicy;
  readonly store: Pick<PolicyStore, 'set' | 'remove' | 'replace'>;
  /** Names of policies that were compiled anew. */
  readonly onCompiled?: (names: readonly string[]) => void;
  readonly onRemoved?: (name: string) => void;
}

export interface PolicyEntry {
  readonly policy: AnyImagePolicy;
  readonly compiled: CompiledPolicy;
}

/**
 * The policies of the cluster and its namespaces, by `policyName`, compiled. Changes of one turn (a list, a burst) are published together:
 * no decision sees half of a list.
 */
export class CompiledPolicies {
  readonly #options: CompiledPoliciesOptions;
  readonly #entries = new Map<string, PolicyEntry>();
  readonly #fresh = new Set<string>();
  readonly #removed = new Set<string>();
  readonly #shares = new NamespaceShares();
  #scheduled = false;

  constructor(options: CompiledPoliciesOptions) {
    this.#options = options;
  }

  get(name: string): PolicyEntry | undefined {
    return this.#entries.get(name);
  }

  names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  entries(): readonly PolicyEntry[] {
    return [...this.#entries.values()];
  }

  set(policy: AnyImagePolicy): void {
    const name = policyName(policy);
    const before = this.#entries.get(name);
    // Our own status write comes back as a change: the spec is the same.
    const unchanged = before !== undefined && isSameSpec(before.policy, policy);
    if (unchanged) this.#entries.set(name, { policy, compiled: before.compiled });
    else this.#replace(policy, before);
  }

  /** More is known of what it refers to. */
  recompile(name: string | undefined): void {
    const entry = name === undefined ? undefined : this.#entries.get(name);
    if (entry) this.#put(entry.policy, this.#compile(entry.policy));
  }

  delete(name: string): void {
    const entry = this.#entries.get(name);
    if (!entry) return;
    this.#entries.delete(name);
    this.#options.onRemoved?.(name);
    this.recompile(this.#shares.remove(entry.policy));
    this.#fresh.delete(name);
    this.#removed.add(name);
    this.#schedule();
  }

  /**
   * A Secret came, changed or went: the policies that name it are compiled again. Without a namespace it is one of
   * the operator's, which the policies of the cluster name.
   */
  secretChanged(secretName: string, namespace?: string): void {
    for (const { policy } of this.#entries.values()) {
      if (namespaceOf(policy) !== namespace || !secretNames(policy.spec).includes(secretName)) continue;
      this.#put(policy, this.#compile(policy));
    }
  }

  /** A key of a KMS came, changed, or counts no longer: the policies that name it are compiled again. */
  kmsChanged(text: string): void {
    for (const { policy } of this.#entries.values()) {
      if (ownKms(policy).some((reference) => reference.text === text)) this.#put(policy, this.#compile(policy));
    }
  }

  /** Keys of a KMS that policies of the cluster name. */
  *namedKms(): Generator<KmsReference> {
    for (const { policy } of this.#entries.values()) yield* ownKms(policy);
  }

  /** Secrets that namespaced policies name. */
  *namedSecrets(): Generator<SecretName> {
    for (const { policy } of this.#entries.values()) yield* ownSecrets(policy);
  }

  /** The configuration changed: trust roots may have come or gone. */
  recompileAll(): void {
    for (const { policy } of this.#entries.values()) this.#put(policy, this.#compile(policy));
  }

  #replace(policy: AnyImagePolicy, before: PolicyEntry | undefined): void {
    const displaced = this.#shares.add(policy);
    const compiled = this.#compile(policy);
    const sameObject = before?.policy.metadata['uid'] === policy.metadata['uid'];
    if (before !== undefined && sameObject && isCompiling(compiled) && !isCompiling(before.compiled)) {
      // What it said stays in force for the moment until the new text is compiled, or is known not to be.
      this.#entries.set(policyName(policy), { policy, compiled: before.compiled });
    } else {
      this.#put(policy, compiled);
    }
    this.recompile(displaced);
  }

  #compile(policy: AnyImagePolicy): CompiledPolicy {
    if (!this.#shares.isOver(policy)) return this.#options.compile(policy);
    const message = `the namespace has more than ${NAMESPACE_MOST} policies: this is one of the youngest`;
    return refusePolicy(policy, [{ reason: 'TooManyPolicies', path: 'metadata.namespace', message }]);
  }

  #put(policy: AnyImagePolicy, compiled: CompiledPolicy): void {
    const name = policyName(policy);
    this.#entries.set(name, { policy, compiled });
    this.#removed.delete(name);
    this.#fresh.add(name);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#publish());
  }

  /** All of it before anything else runs, so that it is one step for every decision. */
  #publish(): void {
    this.#scheduled = false;
    const { store, onCompiled } = this.#options;
    const fresh = [...this.#fresh];
    if (fresh.length + this.#removed.size > BATCH) {
      store.replace([...this.#entries.values()].map(({ compiled }) => compiled));
    } else {
      for (const name of this.#removed) store.remove(name);
      for (const name of fresh) {
        const entry = this.#entries.get(name);
        if (entry) store.set(entry.compiled);
      }
    }
    this.#fresh.clear();
    this.#removed.clear();
    onCompiled?.(fresh);
  }
}

/** A part of it is: another compilation follows. */
export function isCompiling({ problems }: CompiledPolicy): boolean {
  return problems.some(({ reason }) => reason === 'Compiling');
}

/** More changes than this are cheaper as a whole. */
const BATCH = 100;

/** Secrets of its own namespace that a policy names; none where it is one of the cluster. */
export function ownSecrets(policy: AnyImagePolicy): readonly SecretName[] {
  const namespace = namespaceOf(policy);
  return namespace === undefined ? [] : secretNames(policy.spec).map((name) => ({ namespace, name }));
}

/** Keys of a KMS that a policy names; none where it is one of a namespace, for which none is read. */
export function ownKms(policy: AnyImagePolicy): readonly KmsReference[] {
  return namespaceOf(policy) === undefined ? kmsReferences(policy.spec) : [];
}

function isSameSpec(a: AnyImagePolicy, b: AnyImagePolicy): boolean {
  return (
    a.metadata['uid'] === b.metadata['uid'] &&
    a.metadata.generation === b.metadata.generation &&
    JSON.stringify(a.spec) === JSON.stringify(b.spec)
  );
}
