// SPDX-License-Identifier: Apache-2.0
import type { SignerLookups } from '../signers/common/signer-kind.ts';
import type { AttestationCondition } from '../expressions/types.ts';
import type { AttestationDemand } from '../types.ts';

/** What a policy refers to, looked up beforehand. */
export interface CompileContext extends SignerLookups {
  /** Throws with a sentence where the CEL expression is not valid. */
  readonly compileCondition: (expression: string, message: string) => AttestationCondition;
  /** Throws with a sentence where the JSON Schema is not valid. */
  readonly compileSchema: (schema: unknown) => NonNullable<AttestationDemand['schemaFault']>;
}
