// SPDX-License-Identifier: Apache-2.0
import { EngineError } from './errors.ts';

/** Settles as `work` does, or fails with `DeadlineExceeded` once the signal aborts, whatever `work` does. */
export function withinDeadline<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const expire = () => {
      reject(new EngineError('DeadlineExceeded', 'the decision was not reached in time'));
    };
    if (signal.aborted) {
      expire();
      work.catch(() => {}); // nobody waits for it any more; its failure must not end the process
      return;
    }
    signal.addEventListener('abort', expire, { once: true });
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', expire);
    });
  });
}
