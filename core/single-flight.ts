// SPDX-License-Identifier: Apache-2.0
import { withinDeadline } from './deadline.ts';
import { EngineError } from './errors.ts';

/** Work that runs once at a time for each key: whoever asks while it runs gets its result. */
export interface SingleFlight<T> {
  /** Settles as the work that runs for this key, or as this work where none does. */
  run(key: string, work: () => Promise<T>): Promise<T>;
  /**
   * The same for work that ends with the signal of whoever started it. Nobody waits longer than their own signal
   * allows, and where another's deadline ended the work it starts anew; any other failure is everybody's.
   */
  runWithin(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Promise<T>>();

  function start(key: string, work: Promise<T>): Promise<T> {
    // Gone before anybody hears of its end, so that nobody joins what is over.
    const flight = work.finally(() => flights.delete(key));
    flights.set(key, flight);
    return flight;
  }

  return {
    run: (key, work) => flights.get(key) ?? start(key, work()),
    async runWithin(key, signal, work) {
      for (;;) {
        const running = flights.get(key);
        if (running === undefined) return await start(key, withinDeadline(work(), signal));
        try {
          return await withinDeadline(running, signal);
        } catch (error) {
          if (signal.aborted || !isDeadline(error)) throw error;
        }
      }
    },
  };
}

function isDeadline(error: unknown): boolean {
  return error instanceof EngineError && error.code === 'DeadlineExceeded';
}
