// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import { createAskedThread, type AskedThreadOptions } from '../../threads/asked-thread.ts';
import { readStored } from './read-stored.ts';
import type { ReadStored, StoredText } from '../stored-text.ts';
import type { ReadAnswer } from './messages.ts';

export interface ReadingThread {
  readonly readStored: ReadStored;
  stop(): Promise<void>;
}

export interface ReadingThreadOptions extends Pick<AskedThreadOptions, 'monotonic' | 'backstop' | 'onEnded'> {
  /** For tests: what the thread runs. */
  readonly source?: URL;
}

/** Bytes from which on a text is worth the way to another thread; a signature has some thousand. */
const LARGE = 64 * 1024;
/** The largest text that may be read takes some 60 MiB, as text and as objects. */
const LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 };
/** In the bundle the thread's program is a file beside the chunk that this is in. */
const SOURCE = new URL(
  import.meta.url.endsWith('.ts') ? './reading-worker.ts' : './reading-worker.js',
  import.meta.url,
);

/**
 * Reads large texts in a thread of its own, so that neither reading them nor collecting what it leaves makes admissions
 * wait. The thread starts with the first of them.
 */
export function createReadingThread({ source = SOURCE, ...options }: ReadingThreadOptions): ReadingThread {
  const thread = createAskedThread<StoredText, ReadAnswer>({
    ...options,
    name: 'reading',
    source,
    limits: LIMITS,
    lost: (why) => new EngineError('DeadlineExceeded', `what is stored beside the image was not read: ${why}`),
  });
  return {
    async readStored(text, { owner, signal }) {
      if (text.bytes.length < LARGE) return readStored(text);
      // Others may hold a part of the same memory.
      const bytes = new Uint8Array(text.bytes);
      const answer = await thread.ask(owner, { ...text, bytes }, { signal, transfer: [bytes.buffer] });
      if (answer.kind === 'evidence') return answer.batch;
      const { code, message, remedy } = answer;
      throw new EngineError(code, message, remedy === undefined ? undefined : { remedy });
    },
    stop: () => thread.stop(),
  };
}
