// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';

/** Where hostile parties send what they send; the same addresses all over where a server discards it. */
export interface Targets {
  /** Origins of the replicas' webhook ports: `https://127.0.0.1:8443`. */
  readonly webhooks: readonly string[];
  /** Origins of the ports that kubelets ask. */
  readonly probes: readonly string[];
  /** Of mutating reviews, with the token that only API servers know: a tenant's Pod comes by them. */
  readonly path: string;
  /** The API server's origin, and what it takes a policy writer for. */
  readonly api: string;
  readonly token: string;
}

export interface Scene {
  readonly targets: Targets;
  readonly dispatcher: Dispatcher;
  /** `host:port` of the registry that an image author fills. */
  readonly registry: string;
  /** The phase is over. */
  readonly signal: AbortSignal;
  /** Something was sent, or came back; by its name. */
  readonly count: (what: string) => void;
}

/** One who spends what is others'; until the signal. */
export type Party = (around: Scene) => Promise<void>;

/** What all of them stay in. */
export const NAMESPACE = 'hostile';

/** Does something at a steady rate, whatever became of what it did before, but no more than so many at a time. */
export async function steadily(
  { signal, count }: Pick<Scene, 'signal' | 'count'>,
  { each, most }: { readonly each: number; readonly most: number },
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let underWay = 0;
  for (let index = 0; !signal.aborted; index += 1) {
    await delay(each, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    if (underWay >= most) {
      count('put off');
      continue;
    }
    underWay += 1;
    void work(index)
      .catch(() => count('without an answer'))
      .finally(() => (underWay -= 1));
  }
}

/** Posts a review as an API server does, to the replicas in turns, and counts what came of it. */
export async function review(around: Scene, index: number, body: string): Promise<void> {
  const { targets, dispatcher, count } = around;
  const origin = targets.webhooks[index % targets.webhooks.length] ?? '';
  const headers = { 'content-type': 'application/json' };
  const path = `${targets.path}?timeout=10s`;
  const answer = await dispatcher.request({ origin, path, method: 'POST', headers, body });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) return count(`HTTP ${answer.statusCode}`);
  count(text.includes('"allowed":true') ? 'admitted' : 'refused');
}
