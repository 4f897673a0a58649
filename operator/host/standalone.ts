// SPDX-License-Identifier: Apache-2.0
import type { KmsLookup } from '../../core/kms/types.ts';
import type { Logger } from '../../core/observe.ts';
import type { AnyImagePolicy } from '../../core/policy/documents/kinds.ts';
import type { PolicyStore } from '../../core/policy/store/store.ts';
import type { CompiledPolicy, NamespaceContext } from '../../core/policy/types.ts';
import type { Keychain } from '../../core/registry/types.ts';
import type { ServingPair } from '../certificates/file-certificate.ts';
import type { FollowKms } from '../kms/kms-keys.ts';
import { followPolicyFiles } from '../policies/policy-files.ts';
import type { Host } from './host.ts';
import { policyReadings } from './readings.ts';

export interface StandaloneOptions {
  readonly policies: readonly string[];
  readonly compile: (policy: AnyImagePolicy, kms: KmsLookup) => CompiledPolicy;
  /** Before they are compiled: loads what that takes. */
  readonly load: (policies: readonly AnyImagePolicy[]) => Promise<void>;
  readonly followKms: FollowKms;
  /** Whether policies of namespaces are followed. */
  readonly namespacedPolicies: boolean;
  readonly store: PolicyStore;
  readonly keychain: Keychain;
  readonly certificate: Promise<ServingPair>;
  readonly onCertificate: (listener: (pair: ServingPair) => void) => void;
  readonly onReload: (succeeded: boolean) => void;
  readonly log: Logger;
}

/** Beside their names, which are matched as a label of theirs. */
const NO_LABELS = {};

function knownNamespace(name: string): NamespaceContext {
  return { name, labels: NO_LABELS };
}

/** Policies from files, and no cluster: namespaces have their names and no other labels. */
export async function startStandalone(options: StandaloneOptions): Promise<Host> {
  const { policies: paths, compile, load, followKms, namespacedPolicies, store, log, onReload } = options;
  const files = await followPolicyFiles({ paths, compile, load, followKms, namespacedPolicies, store, log, onReload });
  return {
    policies: { snapshot: () => store.snapshot(), outdated: () => undefined },
    namespaceContext: async (name) => knownNamespace(name),
    knownNamespace,
    keychainFor: () => options.keychain,
    certificate: options.certificate,
    onCertificate: options.onCertificate,
    notReady: files.notReady,
    // Registering and guarding it is up to the user who runs it like this.
    callerBy: (token) => (token === undefined ? 'anybody' : 'refused'),
    notInForce: () => [],
    readings: {
      ...policyReadings(files.compiled, Date.now),
      // What was read is what there is.
      storeAge: () => 0,
      certificateExpiry: () => undefined,
      isLeader: () => undefined,
      armed: () => undefined,
    },
    counted: () => undefined,
    lostBy: () => [],
    denied: () => undefined,
    overview: undefined,
    secretText: () => undefined,
    reconfigured: files.reconfigured,
    scan: () => undefined,
    handOver: async () => undefined,
    stop: () => files.stop(),
  };
}
