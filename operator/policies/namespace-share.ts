// SPDX-License-Identifier: Apache-2.0
import { namespaceOf, policyName, type AnyImagePolicy } from '../../core/policy/documents/kinds.ts';

/** NamespacedImagePolicies of one namespace that are compiled. */
export const NAMESPACE_MOST = 64;

interface Entry {
  readonly name: string;
  /** RFC 3339, in UTC, as the API server writes it; the oldest come first, by name where that is the same. */
  readonly created: string;
}

interface Share {
  /** In their order. */
  readonly within: Entry[];
  readonly over: Map<string, Entry>;
}

/** Which policies are more than a namespace may have. Every replica finds the same ones: the youngest. */
export class NamespaceShares {
  readonly #shares = new Map<string, Share>();

  isOver(policy: AnyImagePolicy): boolean {
    return this.#shares.get(namespaceOf(policy) ?? '')?.over.has(policyName(policy)) === true;
  }

  /** @returns the name of one that is over its share now, because this one is older. */
  add(policy: AnyImagePolicy): string | undefined {
    const namespace = namespaceOf(policy);
    if (namespace === undefined) return undefined;
    const share = this.#shares.get(namespace) ?? { within: [], over: new Map<string, Entry>() };
    this.#shares.set(namespace, share);
    const { creationTimestamp: created } = policy.metadata;
    const entry = { name: policyName(policy), created: typeof created === 'string' ? created : '' };
    if (share.over.has(entry.name) || share.within.some(({ name }) => name === entry.name)) return undefined;
    const at = share.within.findIndex((other) => isBefore(entry, other));
    share.within.splice(at === -1 ? share.within.length : at, 0, entry);
    const last = share.within.length > NAMESPACE_MOST ? share.within.pop() : undefined;
    if (last === undefined) return undefined;
    share.over.set(last.name, last);
    return last.name === entry.name ? undefined : last.name;
  }

  /** @returns the name of one that is within its share now. */
  remove(policy: AnyImagePolicy): string | undefined {
    const namespace = namespaceOf(policy) ?? '';
    const share = this.#shares.get(namespace);
    if (share === undefined || share.over.delete(policyName(policy))) return undefined;
    const at = share.within.findIndex(({ name }) => name === policyName(policy));
    if (at !== -1) share.within.splice(at, 1);
    if (share.within.length === 0) this.#shares.delete(namespace);
    const [next] = [...share.over.values()].toSorted((a, b) => (isBefore(a, b) ? -1 : 1));
    if (next === undefined) return undefined;
    share.over.delete(next.name);
    share.within.push(next);
    return next.name;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.created === b.created ? a.name < b.name : a.created < b.created;
}
