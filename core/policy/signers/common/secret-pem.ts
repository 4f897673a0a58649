// SPDX-License-Identifier: Apache-2.0
import type { SecretReference } from '../../documents/image-policy.gen.ts';
import type { SignerInput } from './signer-kind.ts';

/** A PEM text, and the field that it is from. */
export interface PemSource {
  readonly pem: string;
  readonly path: string;
}

/** From an entry of a Secret. Undefined after a problem was reported. */
export function secretPem(
  { name, key }: SecretReference,
  { path, lookups, report }: SignerInput,
): PemSource | undefined {
  const found = lookups.secret(name, key);
  if (found?.pem !== undefined) return { pem: found.pem, path: `${path}.secretRef` };
  const absent = `there is no Secret ${name} with an entry ${key}`;
  report.add('SecretNotFound', `${path}.secretRef`, found?.unavailable ?? absent);
  return undefined;
}
