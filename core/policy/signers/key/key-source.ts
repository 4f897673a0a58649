// SPDX-License-Identifier: Apache-2.0
import type { PolicyKey } from '../../documents/image-policy.gen.ts';
import type { SignerInput } from '../common/signer-kind.ts';

/** The public key's PEM, and the field that it is from. */
export interface KeySource {
  readonly pem: string;
  readonly path: string;
}

/** Where the key is from: written in the policy, or an entry of a Secret. Undefined after a problem was reported. */
export function sourceOf({ pem, secretRef }: PolicyKey, input: SignerInput): KeySource | undefined {
  if (pem !== undefined && secretRef === undefined) return { pem, path: `${input.path}.pem` };
  if (secretRef === undefined || pem !== undefined) {
    input.report.add('InvalidSpec', input.path, 'exactly one of pem or secretRef');
    return undefined;
  }
  const path = `${input.path}.secretRef`;
  const found = input.lookups.secret(secretRef.name, secretRef.key);
  if (found?.pem !== undefined) return { pem: found.pem, path };
  const absent = `there is no Secret ${secretRef.name} with an entry ${secretRef.key}`;
  input.report.add('SecretNotFound', path, found?.unavailable ?? absent);
  return undefined;
}
