// SPDX-License-Identifier: Apache-2.0

/** Where lines go, many at a time. */
export interface LineWriter {
  /** `line` without its end. Written at the end of this turn of the event loop, or at once if urgent. */
  write(line: string, urgent: boolean): void;
  flush(): void;
}

/**
 * Writes the lines of one turn in one piece: a write to a pipe is a system call that the process waits for, and a
 * busy webhook logs a line a decision. What is left when the process ends is written then.
 */
export function createLineWriter(stream: NodeJS.WritableStream): LineWriter {
  let waiting = '';
  const flush = (): void => {
    const text = waiting;
    waiting = '';
    if (text !== '') stream.write(text);
  };
  process.once('exit', flush);
  return {
    write(line, urgent) {
      if (waiting === '' && !urgent) setImmediate(flush);
      waiting += `${line}\n`;
      if (urgent) flush();
    },
    flush,
  };
}
