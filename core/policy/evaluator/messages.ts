// SPDX-License-Identifier: Apache-2.0
import type { CheckedPredicate, Circumstances, DemandFault, DemandTexts } from '../expressions/types.ts';

/** What the thread is asked, one at a time. */
export type Question =
  | { readonly kind: 'compile'; readonly texts: DemandTexts }
  | {
      readonly kind: 'check';
      readonly texts: DemandTexts;
      /** UTF-8 of the in-toto statement; copied, never shared. */
      readonly statement: Uint8Array;
      readonly circumstances: Circumstances;
    };

/** What it says, an answer to each question. */
export type Answer =
  | { readonly kind: 'compiled'; readonly faults: readonly DemandFault[] }
  | { readonly kind: 'checked'; readonly checked: CheckedPredicate };
