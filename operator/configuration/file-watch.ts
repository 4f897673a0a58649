// SPDX-License-Identifier: Apache-2.0
import { watch, type FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { errorText } from '../../core/text.ts';
import type { Logger } from '../../core/observe.ts';

export interface FileWatchOptions {
  /** Files or folders. */
  readonly paths: readonly string[];
  /** Called one at a time, never for each single event of a burst; must be idempotent. */
  readonly onChange: () => Promise<void>;
  readonly log: Logger;
  /** Milliseconds of silence that end a burst. */
  readonly debounce?: number;
  /** Milliseconds between looks that rely on no notification: some file systems send none. */
  readonly poll?: number;
}

export interface FileWatch {
  stop(): Promise<void>;
}

const DEBOUNCE = 100;
const POLL = 10_000;

export function watchFiles(options: FileWatchOptions): FileWatch {
  const watchers: FSWatcher[] = [];
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let stopped = false;

  function soon(): void {
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(run, options.debounce ?? DEBOUNCE);
  }

  function run(): void {
    running = running.then(async () => {
      if (stopped) return;
      try {
        await options.onChange();
      } catch (thrown) {
        options.log.error('a change of files was not handled', { error: errorText(thrown) });
      }
    });
  }

  async function open(target: string): Promise<void> {
    try {
      // A file is replaced more often than written: its folder sees both, and the symbolic links of mounted ConfigMaps.
      const isFolder = (await stat(target)).isDirectory();
      if (stopped) return;
      const watcher = watch(isFolder ? target : path.dirname(target), { persistent: false }, soon);
      watcher.on('error', (error) =>
        options.log.debug('watching failed; polling goes on', { error: errorText(error) }),
      );
      watchers.push(watcher);
    } catch (thrown) {
      options.log.debug('watching failed; polling goes on', { path: target, error: errorText(thrown) });
    }
  }

  // What changed before the watchers were there is looked at once they are.
  const opening = Promise.all(options.paths.map(open)).then(soon);
  const poll = setInterval(run, options.poll ?? POLL);
  poll.unref();

  async function stop(): Promise<void> {
    stopped = true;
    clearTimeout(timer);
    clearInterval(poll);
    await opening;
    for (const watcher of watchers) watcher.close();
    await running;
  }

  return { stop };
}
