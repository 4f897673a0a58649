// SPDX-License-Identifier: Apache-2.0
import type { PublicKey } from '../../keys/public-key.ts';
import type { AttestationCondition, AttestationDemand } from '../types.ts';

/** What a policy refers to, looked up beforehand. */
export interface CompileContext {
  /** `createKeyRing()` where many policies are compiled; `parsePublicKey` unless given. */
  readonly parseKey?: (pem: string) => PublicKey;
  /** An entry of a Secret, of the operator's namespace or the policy's; undefined where it is not there. */
  readonly secret: SecretLookup;
  /** Names of the configured trust roots. */
  readonly trustRoots: ReadonlySet<string>;
  /** Throws with a sentence where the CEL expression is not valid. */
  readonly compileCondition?: (expression: string, message: string) => AttestationCondition;
  /** Throws with a sentence where the JSON Schema is not valid. */
  readonly compileSchema?: (schema: unknown) => NonNullable<AttestationDemand['schemaFault']>;
}

export type SecretLookup = (name: string, key: string) => SecretEntry | undefined;

/** `unavailable`: why it could not be read, as a sentence. */
export type SecretEntry =
  { readonly pem: string; readonly unavailable?: never } | { readonly pem?: never; readonly unavailable: string };
