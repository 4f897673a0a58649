// SPDX-License-Identifier: Apache-2.0
import type { EvidenceBatch, EvidenceFault } from '../../signatures/types.ts';

/** What came of a text: evidence, or what is wrong with it. */
export type ReadAnswer =
  | { readonly kind: 'evidence'; readonly batch: EvidenceBatch }
  | ({ readonly kind: 'fault' } & Required<Pick<EvidenceFault, 'message' | 'code'>> & Pick<EvidenceFault, 'remedy'>);
