// SPDX-License-Identifier: Apache-2.0
import { quote } from '../../../image/reference.ts';
import { parseKmsReference, type KmsReference } from '../../../kms/reference.ts';
import type { PolicyKey } from '../../documents/image-policy.gen.ts';
import { secretPem } from '../common/secret-pem.ts';
import type { SignerInput } from '../common/signer-kind.ts';

/** The texts of a key, and the field that they are from. */
export interface KeySource {
  /** All versions, the newest first. */
  readonly pems: readonly string[];
  readonly path: string;
}

/** Where the key is from: the policy, an entry of a Secret, or a KMS. Undefined after a problem was reported. */
export function sourceOf(entry: PolicyKey, input: SignerInput): KeySource | undefined {
  const { pem, secretRef, kms } = entry;
  if ([pem, secretRef, kms].filter((source) => source !== undefined).length !== 1) {
    input.report.add('InvalidSpec', input.path, 'exactly one of pem, secretRef or kms');
    return undefined;
  }
  if (pem !== undefined) return { pems: [pem], path: `${input.path}.pem` };
  if (kms !== undefined) return kmsSource(kms, input);
  const source = secretRef && secretPem(secretRef, input);
  return source && { pems: [source.pem], path: source.path };
}

function kmsSource(text: string, { path: entry, lookups, report }: SignerInput): KeySource | undefined {
  const path = `${entry}.kms`;
  const reference = report.attempt('InvalidKey', path, () => parseKmsReference(text));
  if (reference === undefined) return undefined;
  const { pems, refused, unavailable } = lookups.kms?.(reference) ?? { unavailable: `${quote(text)} is not read here` };
  if (pems !== undefined) return { pems, path };
  if (refused !== undefined) report.add('InvalidSpec', path, refused);
  else report.add('KeyUnavailable', path, unavailable ?? 'it was not read');
  return undefined;
}

/** Of an entry that nobody checked: what is not well spelled is left to `sourceOf` to tell. */
export function kmsReferencesIn(entry: Partial<PolicyKey> | null | undefined): readonly KmsReference[] {
  const text: unknown = entry?.kms;
  if (typeof text !== 'string') return [];
  try {
    return [parseKmsReference(text)];
  } catch {
    return [];
  }
}
