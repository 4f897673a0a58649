// SPDX-License-Identifier: Apache-2.0
import type { PolicyKey } from '../../documents/image-policy.gen.ts';
import { secretPem } from '../common/secret-pem.ts';
import type { PemSource } from '../common/secret-pem.ts';
import type { SignerInput } from '../common/signer-kind.ts';

/** Where the key is from: written in the policy, or an entry of a Secret. Undefined after a problem was reported. */
export function sourceOf({ pem, secretRef }: PolicyKey, input: SignerInput): PemSource | undefined {
  if (pem !== undefined && secretRef === undefined) return { pem, path: `${input.path}.pem` };
  if (secretRef === undefined || pem !== undefined) {
    input.report.add('InvalidSpec', input.path, 'exactly one of pem or secretRef');
    return undefined;
  }
  return secretPem(secretRef, input);
}
