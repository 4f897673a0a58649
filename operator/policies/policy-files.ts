// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import type { Logger } from '../../core/observe.ts';
import type { DocumentFault, PolicyDocument, PolicyDocuments } from '../../core/policy/documents/document.ts';
import { isFollowed, policyName, type AnyImagePolicy } from '../../core/policy/documents/kinds.ts';
import { loadPolicies } from '../../core/policy/documents/load.ts';
import type { PolicyStore } from '../../core/policy/store/store.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import type { KmsLookup } from '../../core/kms/types.ts';
import type { FollowKms } from '../kms/kms-keys.ts';
import { ownKms } from './compiled-policies.ts';
import { watchFiles } from '../configuration/file-watch.ts';

export interface PolicyFilesOptions {
  /** Files and folders. */
  readonly paths: readonly string[];
  readonly compile: (policy: AnyImagePolicy, kms: KmsLookup) => CompiledPolicy;
  /** Before they are compiled: loads what that takes. */
  readonly load: (policies: readonly AnyImagePolicy[]) => Promise<void>;
  readonly followKms: FollowKms;
  /** Policies of namespaces are left out where they are not. */
  readonly namespacedPolicies: boolean;
  readonly store: Pick<PolicyStore, 'replace'>;
  readonly log: Logger;
  readonly onReload: (succeeded: boolean) => void;
  /** Milliseconds, for tests. */
  readonly poll?: number;
}

export interface PolicyFiles {
  readonly compiled: () => readonly CompiledPolicy[];
  /** The configuration, which the policies refer to, changed. */
  readonly reconfigured: () => void;
  /** Why they can't be relied on yet. */
  readonly notReady: () => readonly string[];
  stop(): Promise<void>;
}

/** Policies that can't be used as they are at start. The message lists them, one a line. */
export class PolicyFilesError extends Error {
  constructor(faults: readonly DocumentFault[]) {
    super(faults.map(sentence).join('\n'));
    this.name = 'PolicyFilesError';
  }
}

/**
 * Policies from files, followed. Rejects (`PolicyFilesError`) if any file has a fault at start. Later, a file
 * with a fault keeps what it said before: its images must not fall to a weaker policy while somebody types.
 */
export async function followPolicyFiles(options: PolicyFilesOptions): Promise<PolicyFiles> {
  const { paths, compile, load, store, log, onReload } = options;
  const first = await loadPolicies(paths);
  if (first.faults.length > 0) throw new PolicyFilesError(first.faults);
  await load(policiesOf(first.policies));
  let documents = first.policies;
  let compiled: readonly CompiledPolicy[] = [];
  let seen = signatureOf(first);
  const keys = options.followKms({
    named: () => documents.flatMap(({ policy }) => ownKms(policy)),
    onChange: () => publish(),
  });

  function publish(): void {
    compiled = policiesOf(documents)
      .filter((policy) => isFollowed(policy, options))
      .map((policy) => compile(policy, keys.lookup));
    store.replace(compiled);
    for (const { name, problems } of compiled) {
      if (problems.length > 0) log.error('a policy is not Ready and denies its images', { policy: name, problems });
    }
  }

  async function reload(): Promise<void> {
    const next = await loadPolicies(paths);
    const signature = signatureOf(next);
    if (signature === seen) return;
    await load(policiesOf(next.policies));
    seen = signature;
    for (const fault of next.faults) log.error('a policy file keeps what it said before', { fault: sentence(fault) });
    documents = merged(next, documents);
    publish();
    log.info('policies reloaded', { policies: documents.length, faults: next.faults.length });
    onReload(next.faults.length === 0);
  }

  publish();
  const poll = options.poll === undefined ? {} : { poll: options.poll };
  const watcher = watchFiles({ paths, onChange: reload, log, ...poll });
  return {
    compiled: () => compiled,
    notReady: () => (keys.isSettled() ? [] : ['keys of a KMS were not read yet']),
    reconfigured() {
      keys.reconfigured();
      publish();
    },
    async stop() {
      await Promise.all([watcher.stop(), keys.stop()]);
    },
  };
}

function policiesOf(documents: readonly PolicyDocument[]): readonly AnyImagePolicy[] {
  return documents.map(({ policy }) => policy);
}

function merged(next: PolicyDocuments, before: readonly PolicyDocument[]): readonly PolicyDocument[] {
  const isFaulty = (file: string) => next.faults.some((fault) => isWithin(file, fault.file));
  const sound = next.policies.filter(({ file }) => !isFaulty(file));
  const names = new Set(sound.map(({ policy }) => policyName(policy)));
  const kept = before.filter(({ file, policy }) => isFaulty(file) && !names.has(policyName(policy)));
  return [...sound, ...kept];
}

/** A fault may be about a folder that can't be read. */
function isWithin(file: string, faulty: string): boolean {
  return file === faulty || file.startsWith(faulty.endsWith(path.sep) ? faulty : faulty + path.sep);
}

function signatureOf({ policies, faults }: PolicyDocuments): string {
  return JSON.stringify([policies.map(({ file, policy }) => [file, policy]), faults]);
}

function sentence({ file, line, message }: DocumentFault): string {
  return line > 0 ? `${file}:${line}: ${message}` : `${file}: ${message}`;
}
