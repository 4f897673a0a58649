// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '../core/observe.ts';
import { errorText } from '../core/text.ts';

/** What is open, to be closed in the reverse order. */
export interface Opened {
  /** Returns the part. */
  keep<Part>(part: Part, close: (part: Part) => Promise<unknown>): Part;
  /** Closes all; what one of them throws is logged. Never rejects. */
  closeAll(): Promise<void>;
}

export function createOpened(log: Pick<Logger, 'warn'>): Opened {
  const closing: (() => Promise<unknown>)[] = [];
  return {
    keep(part, close) {
      closing.push(() => close(part));
      return part;
    },
    async closeAll() {
      for (const close of closing.toReversed()) {
        try {
          await close();
        } catch (error) {
          log.warn('a part could not be closed', { reason: errorText(error) });
        }
      }
    },
  };
}
