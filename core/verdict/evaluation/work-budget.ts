// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from 'node:timers/promises';
import { EngineError } from '../../errors.ts';

/** What verifying one image for one policy may take. Counted, so that a busy machine changes no verdict. */
export interface WorkBudget {
  /** Before a signature is verified with one more key or certificate. @throws EngineError ResponseTooLarge */
  spend(units: number): void;
  /** Lets others have their turn after so much work. @throws EngineError DeadlineExceeded */
  breathe(): Promise<void>;
}

/** Some milliseconds of the slowest keys. */
const UNITS_AT_A_STRETCH = 8;

/** @param most how often a signature may be tried with a key; a certificate costs several. */
export function createWorkBudget(most: number, signal: AbortSignal): WorkBudget {
  let spent = 0;
  let rested = 0;
  return {
    spend(units) {
      spent += units;
      if (spent <= most) return;
      throw new EngineError('ResponseTooLarge', `more than ${most} attempts to verify a signature would be needed`, {
        remedy:
          'Remove signatures that nobody needs, name fewer signers, or raise limits.verifications in the configuration.',
      });
    },
    async breathe() {
      if (spent - rested < UNITS_AT_A_STRETCH) return;
      rested = spent;
      await turn();
      if (signal.aborted) throw new EngineError('DeadlineExceeded', 'the decision was not reached in time');
    },
  };
}
