// SPDX-License-Identifier: Apache-2.0

/** Where lines go, many at a time. */
export interface LineWriter {
  /** `line` without its end. Written within `WAIT_MILLISECONDS`, or at once if urgent. */
  write(line: string, urgent: boolean): void;
}

/** Nobody reads a log sooner, and a busy webhook logs a hundred lines meanwhile. */
const WAIT_MILLISECONDS = 20;
/** Characters. Of a pipe's room, so that one write is one system call. */
const MOST = 32 * 1024;

/**
 * Gives lines on in pieces: whatever they go through costs more than a line is worth, and a write to a pipe is a system
 * call that the process waits for. What is left when the process ends is given on then, by an error too; only what the
 * system ends at once, such as by SIGKILL, loses the lines of the last moment.
 */
export function createLineWriter(give: (text: string) => void): LineWriter {
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const text = waiting;
    waiting = '';
    if (text !== '') give(text);
  };
  process.once('exit', flush);
  return {
    write(line, urgent) {
      waiting += `${line}\n`;
      if (urgent || waiting.length >= MOST) flush();
      // It needs not hold the process: its end writes them.
      else timer ??= setTimeout(flush, WAIT_MILLISECONDS).unref();
    },
  };
}
