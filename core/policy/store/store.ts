// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '../../image/digest.ts';
import { editClaims } from './trie.ts';
import type { Batch, Claim, TrieNode } from './trie.ts';
import type { CompiledPolicy } from '../types.ts';

/** The policies at one moment; immutable, whatever happens to the store. */
export interface PolicySnapshot {
  /** Grows by one with each change. */
  readonly version: number;
  readonly policies: ReadonlyMap<string, CompiledPolicy>;
  /** Of the cluster's policies. */
  readonly index: PatternIndex;
  /** Of namespaced policies, by their namespace. */
  readonly namespaced: ReadonlyMap<string, PatternIndex>;
}

/** Patterns with a digest stand apart: for their digest they come before all others. */
export interface PatternIndex {
  readonly general: TrieNode | undefined;
  readonly byDigest: ReadonlyMap<Digest, TrieNode>;
  /** Patterns whose digest could not be read: it may have been any. */
  readonly unreadableDigest: TrieNode | undefined;
  /** The same without their digests: which repositories have such patterns at all. */
  readonly withDigest: TrieNode | undefined;
}

export interface PolicyStore {
  readonly snapshot: () => PolicySnapshot;
  /** All policies at once, as after a list. */
  readonly replace: (policies: Iterable<CompiledPolicy>) => void;
  /** Adds a policy, or puts it in the place of the one with its name. */
  readonly set: (policy: CompiledPolicy) => void;
  readonly remove: (name: string) => void;
  readonly version: () => number;
}

const NO_PATTERNS: PatternIndex = {
  general: undefined,
  byDigest: new Map(),
  unreadableDigest: undefined,
  withDigest: undefined,
};
const EMPTY: PolicySnapshot = { version: 0, policies: new Map(), index: NO_PATTERNS, namespaced: new Map() };

export function createPolicyStore(): PolicyStore {
  let current = EMPTY;

  function swap(next: Omit<PolicySnapshot, 'version'>): void {
    current = { ...next, version: current.version + 1 };
  }

  function change(name: string, policy: CompiledPolicy | undefined): void {
    const before = current.policies.get(name);
    if (before === undefined && policy === undefined) return;
    const policies = new Map(current.policies);
    if (policy === undefined) policies.delete(name);
    else policies.set(name, policy);
    const batch: Batch = Symbol('batch');
    const without = before === undefined ? current : editedAt(current, before, batch, withoutPolicy);
    const { index, namespaced } = policy === undefined ? without : editedAt(without, policy, batch, withPolicy);
    swap({ policies, index, namespaced });
  }

  return {
    snapshot: () => current,
    version: () => current.version,
    set: (policy) => change(policy.name, policy),
    remove: (name) => change(name, undefined),
    replace(policies) {
      const byName = new Map([...policies].map((policy) => [policy.name, policy]));
      const batch: Batch = Symbol('batch');
      const indices = new Map<string | undefined, PatternIndex>();
      for (const policy of byName.values()) {
        const index = indices.get(policy.namespace) ?? NO_PATTERNS;
        indices.set(policy.namespace, withPolicy(index, policy, batch));
      }
      const namespaced = new Map<string, PatternIndex>();
      for (const [namespace, index] of indices) if (namespace !== undefined) namespaced.set(namespace, index);
      swap({ policies: byName, index: indices.get(undefined) ?? NO_PATTERNS, namespaced });
    },
  };
}

type Indices = Pick<PolicySnapshot, 'index' | 'namespaced'>;

/** The index that the policy belongs to edited, the others as they are. */
function editedAt(
  { index, namespaced }: Indices,
  policy: CompiledPolicy,
  batch: Batch,
  change: (index: PatternIndex, policy: CompiledPolicy, batch: Batch) => PatternIndex,
): Indices {
  const { namespace } = policy;
  if (namespace === undefined) return { index: change(index, policy, batch), namespaced };
  const changed = change(namespaced.get(namespace) ?? NO_PATTERNS, policy, batch);
  const others = new Map(namespaced);
  if (isEmpty(changed)) others.delete(namespace);
  else others.set(namespace, changed);
  return { index, namespaced: others };
}

function isEmpty({ general, byDigest, unreadableDigest }: PatternIndex): boolean {
  return general === undefined && byDigest.size === 0 && unreadableDigest === undefined;
}

function withPolicy(index: PatternIndex, policy: CompiledPolicy, batch: Batch): PatternIndex {
  return edit(index, policy, batch, (claims, claim) => insert(claims, claim));
}

function withoutPolicy(index: PatternIndex, policy: CompiledPolicy, batch: Batch): PatternIndex {
  return edit(index, policy, batch, (claims) => claims.filter((claim) => claim.policy.name !== policy.name));
}

type Edit = (claims: readonly Claim[], claim: Claim) => readonly Claim[];

function edit(index: PatternIndex, policy: CompiledPolicy, batch: Batch, change: Edit): PatternIndex {
  let { general, byDigest, unreadableDigest, withDigest } = index;
  for (const pattern of policy.patterns) {
    const { digest, unreadable } = pattern;
    const editHere = (claims: readonly Claim[]) => change(claims, { policy, pattern });
    if (unreadable === 'digest') {
      unreadableDigest = editClaims(unreadableDigest, pattern, editHere, batch);
    } else if (digest === undefined) {
      general = editClaims(general, pattern, editHere, batch);
    } else {
      byDigest = withRoot(byDigest, digest, editClaims(byDigest.get(digest), pattern, editHere, batch));
      withDigest = editClaims(withDigest, pattern, editHere, batch);
    }
  }
  return { general, byDigest, unreadableDigest, withDigest };
}

function withRoot(
  roots: ReadonlyMap<Digest, TrieNode>,
  digest: Digest,
  root: TrieNode | undefined,
): ReadonlyMap<Digest, TrieNode> {
  if (roots.get(digest) === root) return roots;
  const changed = new Map(roots);
  if (root === undefined) changed.delete(digest);
  else changed.set(digest, root);
  return changed;
}

/** By name, so that messages list policies in one order; two spellings of one pattern are one claim. */
function insert(claims: readonly Claim[], claim: Claim): readonly Claim[] {
  const { name } = claim.policy;
  if (claims.some((other) => other.policy.name === name)) return claims;
  const at = claims.findIndex((other) => other.policy.name > name);
  return at === -1 ? [...claims, claim] : claims.toSpliced(at, 0, claim);
}
