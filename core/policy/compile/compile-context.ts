// SPDX-License-Identifier: Apache-2.0
import type { PreparedDemand } from '../evaluator/prepared.ts';
import type { DemandTexts } from '../expressions/types.ts';
import type { SignerLookups } from '../signers/common/signer-kind.ts';

/** What a policy refers to, looked up beforehand. */
export interface CompileContext extends SignerLookups {
  /** Schema and conditions of an attestation, ready to be evaluated, or what is wrong with them. */
  readonly prepareDemand: (texts: DemandTexts) => PreparedDemand;
}
