// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import type { Installation } from './installation.ts';

export interface LoadFailure {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly error: string;
}

export interface LoadResult {
  /** Requests that were answered rightly at last. */
  readonly answered: number;
  /** Attempts that were not answered, or wrongly. */
  readonly failures: readonly LoadFailure[];
}

/** Stops by itself at the end of its block, however that ends. */
export interface Load extends AsyncDisposable {
  /** Lets what is under way come to its end first. */
  stop(): Promise<LoadResult>;
}

/**
 * Asks for Pods without making them, each asker one after the other: a signed image, which must be admitted,
 * and an unsigned one, which must be denied for its signature. What fails is asked again, as controllers do.
 */
export function startLoad({ bench, images }: Installation, { askers }: { readonly askers: number }): Load {
  const stopping = new AbortController();
  const failures: LoadFailure[] = [];
  let answered = 0;

  /** Undefined: right. */
  async function fault(goods: 'signed' | 'unsigned'): Promise<string | undefined> {
    const containers = [{ name: 'a', image: images[goods].tag }];
    const pod = { metadata: { generateName: 'asked-' }, spec: { containers } };
    const said = await bench.cluster.api
      .post('/api/v1/namespaces/shop/pods?dryRun=All', pod)
      .then(() => 'admitted', String);
    const right = goods === 'signed' ? said === 'admitted' : said.includes('denied the request');
    return right ? undefined : `${goods}: ${said}`;
  }

  async function ask(): Promise<void> {
    while (!stopping.signal.aborted) {
      await askUntilRight('signed');
      await askUntilRight('unsigned');
      await delay(20);
    }
  }

  async function askUntilRight(goods: 'signed' | 'unsigned'): Promise<void> {
    for (let error = await fault(goods); error !== undefined && failures.length < 1000; error = await fault(goods)) {
      failures.push({ at: Date.now(), error });
      await delay(20);
    }
    answered += 1;
  }

  const asking = Array.from({ length: askers }, ask);
  async function stop(): Promise<LoadResult> {
    stopping.abort();
    await Promise.all(asking);
    return { answered, failures };
  }
  return {
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}
