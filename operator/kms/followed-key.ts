// SPDX-License-Identifier: Apache-2.0
import type { KmsReference } from '../../core/kms/reference.ts';
import type { KmsConfiguration } from '../../core/config/types.ts';
import type { KmsEntry, ReadKms } from '../../core/kms/types.ts';
import type { Logger } from '../../core/observe.ts';
import type { InTurn } from '../../core/parallel.ts';
import { errorText } from '../../core/text.ts';
import { backoffDelay, pause, type BackoffLimits } from '../kubernetes/backoff.ts';

export interface FollowedKeyOptions {
  readonly read: ReadKms;
  readonly settings: () => Pick<KmsConfiguration, 'refreshSeconds' | 'maxAgeSeconds'>;
  /** It is not what it was: policies that name it have to be compiled again. */
  readonly onChange: (reference: KmsReference) => void;
  /** It was asked for, and came or did not. */
  readonly onRead?: (reference: KmsReference, succeeded: boolean) => void;
  readonly inTurn: InTurn;
  readonly log: Logger;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  readonly random: () => number;
  /** Milliseconds, for tests. */
  readonly backoff?: BackoffLimits;
}

interface Found {
  readonly pems: readonly string[];
  /** By the monotonic clock. */
  readonly at: number;
}

const BACKOFF: BackoffLimits = { first: 2_000, most: 300_000 };

/** One key of a KMS, read on an interval until it is stopped. */
export class FollowedKey {
  readonly #reference: KmsReference;
  readonly #options: FollowedKeyOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #found: Found | undefined;
  /** Why the last reading failed; empty: it did not. Undefined: the first one is not over. */
  #failure: string | undefined;
  #waking = new AbortController();
  #ending: NodeJS.Timeout | undefined;

  constructor(reference: KmsReference, options: FollowedKeyOptions) {
    this.#reference = reference;
    this.#options = options;
    this.#running = this.#run();
  }

  /** Asks nobody. */
  entry(): KmsEntry {
    if (this.#found !== undefined && this.#age(this.#found) < this.#maximumAge()) return { pems: this.#found.pems };
    const since =
      this.#found === undefined ? '' : `it was last read ${Math.round(this.#age(this.#found) / 1000)} s ago; `;
    return { unavailable: `${since}${this.#failure || 'it was not read yet'}` };
  }

  isPending(): boolean {
    return this.#failure === undefined;
  }

  /** The settings changed: what failed may succeed now, and a key may count for another time. */
  reconfigured(): void {
    this.#watchAge();
    this.#waking.abort();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#ending);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { settings, random, inTurn, backoff = BACKOFF } = this.#options;
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted;) {
      this.#waking = new AbortController();
      const waking = AbortSignal.any([signal, this.#waking.signal]);
      const succeeded = await inTurn(() => this.#read());
      failures = succeeded ? 0 : failures + 1;
      // Replicas that began together don't stay together.
      const regular = settings().refreshSeconds * 1000 * (0.9 + random() / 10);
      await pause(succeeded ? regular : Math.min(regular, backoffDelay(failures - 1, backoff, random)), waking);
    }
  }

  /** Whether it succeeded; never rejects. */
  async #read(): Promise<boolean> {
    const { read, onRead } = this.#options;
    const { signal } = this.#stopping;
    if (signal.aborted) return false;
    try {
      const pems = await read(this.#reference, signal);
      if (signal.aborted) return false;
      onRead?.(this.#reference, true);
      this.#succeed(pems);
      return true;
    } catch (thrown) {
      if (signal.aborted) return false;
      onRead?.(this.#reference, false);
      this.#fail(errorText(thrown));
      return false;
    }
  }

  #succeed(pems: readonly string[]): void {
    const before = this.entry();
    this.#failure = '';
    this.#found = { pems, at: this.#options.monotonic() };
    this.#watchAge();
    if (JSON.stringify(before) === JSON.stringify({ pems })) return;
    const { log, onChange } = this.#options;
    log.info(before.pems === undefined ? 'a key of a KMS was read' : 'a key of a KMS changed', {
      key: this.#reference.text,
      versions: pems.length,
    });
    onChange(this.#reference);
  }

  /** Told once for each reason. */
  #fail(reason: string): void {
    const { log, onChange } = this.#options;
    if (reason === this.#failure) return;
    this.#failure = reason;
    const counts = this.entry().pems !== undefined;
    const message = counts
      ? 'a key of a KMS could not be read again; it counts as it was read last'
      : 'a key of a KMS could not be read; policies that name it deny their images';
    log.error(message, { key: this.#reference.text, error: reason });
    if (!counts) onChange(this.#reference);
  }

  /** When it counts no longer, its policies have to know at once. */
  #watchAge(): void {
    clearTimeout(this.#ending);
    if (this.#found === undefined) return;
    const left = this.#maximumAge() - this.#age(this.#found);
    const end = () => {
      if (this.entry().pems !== undefined) return this.#watchAge();
      const { log, onChange } = this.#options;
      log.error('a key of a KMS counts no longer: it was not read for too long', { key: this.#reference.text });
      onChange(this.#reference);
    };
    this.#ending = setTimeout(end, Math.max(1, left)).unref();
  }

  #age({ at }: Found): number {
    return this.#options.monotonic() - at;
  }

  #maximumAge(): number {
    return this.#options.settings().maxAgeSeconds * 1000;
  }
}
