// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_KMS, type Configuration } from '../../core/config/types.ts';
import type { KmsEntry, KmsLookup, ReadKms } from '../../core/kms/types.ts';
import { mapInParallel } from '../../core/parallel.ts';
import type { ImagePolicy } from '../../core/policy/documents/image-policy.gen.ts';
import { kmsReferences } from '../../core/policy/signers/signers.ts';
import { errorText } from '../../core/text.ts';
import type { Terminal } from '../output/terminal.ts';

const AT_ONCE = 4;

interface PersonalOptions {
  readonly configuration: Pick<Configuration, 'kms' | 'proxy'>;
  /** Whether the configuration is a cluster's: it must not say where a person's tokens go, nor what runs on this machine. */
  readonly isOfCluster: boolean;
  readonly environment: Terminal['environment'];
}

/** Reads with the credentials of the person at this machine. */
export function personalKmsReader({ configuration, isOfCluster, environment }: PersonalOptions): ReadKms {
  const kms = isOfCluster ? DEFAULT_KMS : configuration.kms;
  const around = { settings: () => kms, proxy: () => configuration.proxy, environment, mayAskTools: true };
  return async (reference, signal) => {
    // Whoever has no such key pays for nothing.
    const { createKmsReader } = await import('../../core/kms/read-keys.ts');
    return createKmsReader(around)(reference, signal);
  };
}

/** Reads all keys of a KMS that the policies name, once. What can't be read makes its policy not Ready, which says why. */
export async function kmsLookup(
  policies: readonly { readonly kind?: string; readonly spec: ImagePolicy['spec'] }[],
  read: ReadKms,
): Promise<KmsLookup> {
  const named = policies.flatMap(({ kind, spec }) => (kind === 'NamespacedImagePolicy' ? [] : kmsReferences(spec)));
  const unique = [...new Map(named.map((reference) => [reference.text, reference])).values()];
  const { signal } = new AbortController();
  const entries = await mapInParallel(unique, AT_ONCE, async (reference): Promise<readonly [string, KmsEntry]> => {
    const entry = await read(reference, signal).then(
      (pems) => ({ pems }),
      (thrown: unknown) => ({ unavailable: errorText(thrown) }),
    );
    return [reference.text, entry];
  });
  const known = new Map(entries);
  return ({ text }) => known.get(text) ?? { unavailable: 'it was not read' };
}
