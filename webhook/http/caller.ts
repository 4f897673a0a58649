// SPDX-License-Identifier: Apache-2.0
import type { CallerPresence } from './door.ts';

/** Who waits for an answer. Most go unasked: what is known already is answered before anybody can leave. */
export class Caller implements CallerPresence {
  #controller: AbortController | undefined;
  #hasLeft = false;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#hasLeft) this.#controller.abort();
    return this.#controller.signal;
  }

  leave(): void {
    this.#hasLeft = true;
    this.#controller?.abort();
  }
}
