// SPDX-License-Identifier: Apache-2.0
import { hostIdentity } from '../../image/host.ts';
import type { Repository } from '../../image/types.ts';
import type { Credential } from '../types.ts';

export interface CredentialEntry {
  /** As in `auths`: `registry.example.com:5000/team`, `*.example.com`, `https://index.docker.io/v1/`. */
  readonly key: string;
  readonly credential: Credential;
}

interface CompiledEntry {
  readonly labels: readonly string[];
  readonly port: string;
  /** Without slashes around; empty: every path. */
  readonly path: string;
  readonly credential: Credential;
}

/**
 * The kubelet's matching (Kubernetes, "Using a private registry"): as many labels, each a glob of its
 * own; the same port; a prefix of the path. Longest path first, then exact hosts before globs; all
 * that match are candidates. Stricter than the kubelet in one thing: a path matches whole segments,
 * so that the credential for `team` is not shown to `teammate`.
 */
export function createMatcher(entries: readonly CredentialEntry[]): (repository: Repository) => readonly Credential[] {
  const compiled = entries
    .flatMap((entry) => compile(entry) ?? [])
    .toSorted((a, b) => b.path.length - a.path.length || wildcards(a) - wildcards(b));
  return (repository) => {
    const target = splitHost(hostIdentity(repository.registry));
    return compiled.filter((entry) => matches(entry, target, repository.path)).map(({ credential }) => credential);
  };
}

/** Whether a pattern can match anything: `*.dkr.ecr.*.amazonaws.com`, `registry.example.com:5000/team`. */
export function compilesAsMatch(pattern: string): boolean {
  return !/[\s\\]|:\/\//.test(pattern) && compile({ key: pattern, credential: NOBODY }) !== undefined;
}

/** Whether one of the patterns is for this repository: the kubelet's `matchImages`. */
export function createImageMatcher(patterns: readonly string[]): (repository: Repository) => boolean {
  const match = createMatcher(patterns.map((key) => ({ key, credential: NOBODY })));
  return (repository) => match(repository).length > 0;
}

const NOBODY: Credential = { username: '', password: '' };

function compile({ key, credential }: CredentialEntry): CompiledEntry | undefined {
  const bare = key.replace(/^https?:\/\//i, '');
  const slash = bare.indexOf('/');
  const host = slash === -1 ? bare : bare.slice(0, slash);
  // /v1/ and /v2/ are docker's API versions, not part of a repository.
  const path = slash === -1 ? '' : bare.slice(slash + 1).replace(/^v[12](?:\/|$)/, '');
  if (host === '') return undefined;
  return { ...splitHost(normalHost(host)), path: trimSlashes(path), credential };
}

/** As `hostIdentity`; what holds wildcards keeps them. */
function normalHost(host: string): string {
  return /[*?]/.test(host) ? host.toLowerCase().replace(/:0*443$/, '') : hostIdentity(host);
}

function splitHost(host: string): { readonly labels: readonly string[]; readonly port: string } {
  // The colons of a bracketed IPv6 address are no port's.
  const colon = host.lastIndexOf(':');
  const hasPort = colon > host.lastIndexOf(']');
  const name = hasPort ? host.slice(0, colon) : host;
  return { labels: name.split('.'), port: hasPort ? host.slice(colon + 1) : '' };
}

function trimSlashes(path: string): string {
  return path.split('/').filter(Boolean).join('/');
}

function wildcards(entry: CompiledEntry): number {
  return entry.labels.filter((label) => /[*?]/.test(label)).length;
}

function matches(entry: CompiledEntry, target: ReturnType<typeof splitHost>, path: string): boolean {
  if (entry.port !== target.port || entry.labels.length !== target.labels.length) return false;
  const within = entry.path === '' || path === entry.path || path.startsWith(`${entry.path}/`);
  return within && entry.labels.every((label, index) => matchesLabel(label, target.labels[index] ?? ''));
}

/** `*` and `?` within one label, without backtracking beyond the last star. */
function matchesLabel(glob: string, label: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let index = 0;
  while (index < label.length) {
    if (glob[at] === '*') {
      star = at;
      at += 1;
      resume = index;
    } else if (glob[at] === '?' || glob[at] === label[index]) {
      at += 1;
      index += 1;
    } else if (star !== -1) {
      resume += 1;
      index = resume;
      at = star + 1;
    } else {
      return false;
    }
  }
  return /^\**$/.test(glob.slice(at));
}
