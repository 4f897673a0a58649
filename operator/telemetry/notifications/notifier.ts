// SPDX-License-Identifier: Apache-2.0
import { urlFault } from '../../../core/config/notifications.ts';
import type { NotificationConfiguration } from '../../../core/config/types.ts';
import type { Clock, Logger } from '../../../core/observe.ts';
import type { Denial } from '../../../core/verdict/review-record.ts';
import { postFailure, postJson } from '../delivery/post-json.ts';
import { notesOf, type Note } from './note.ts';
import { payloadOf } from './payloads.ts';
import { createTarget, type NotificationResult, type Target, type TargetLimits } from './target.ts';

export interface NotifierOptions {
  /** Those in force now. */
  readonly notifications: () => readonly NotificationConfiguration[];
  readonly secretText: (name: string, key: string) => string | undefined;
  /** This replica's name. */
  readonly identity: string;
  readonly onResult: (labels: { readonly name: string; readonly result: NotificationResult }, notes: number) => void;
  readonly log: Logger;
  readonly clock: Clock;
  readonly monotonic: () => number;
  readonly limits?: TargetLimits & { readonly timeout: number };
}

export interface Notifier {
  /** Never waits, never fails: a decision is made and does not depend on who hears of it. */
  denied(denial: Denial): void;
  stop(): Promise<void>;
}

const LIMITS = { repeat: 600_000, gather: 1000, queue: 100, batch: 10, retry: 5000, timeout: 5000 };
const MINUTE = 60_000;

export function createNotifier(options: NotifierOptions): Notifier {
  const { log, clock, monotonic, onResult, identity } = options;
  const limits = options.limits ?? LIMITS;
  const stopping = new AbortController();
  const targets = new Map<string, Target>();
  const settings = (name: string) => options.notifications().find((item) => item.name === name);

  function targetOf(name: string): Target {
    const known = targets.get(name);
    if (known !== undefined) return known;
    const target = createTarget({
      send: (notes, omitted) => send(name, notes, omitted),
      spacing: () => MINUTE / (settings(name)?.ratePerMinute ?? 1),
      onResult: (result, notes) => onResult({ name, result }, notes),
      limits,
      monotonic,
    });
    targets.set(name, target);
    return target;
  }

  async function send(name: string, notes: readonly Note[], omitted: number) {
    // Read at each message, so that a changed Secret or configuration counts at once.
    const item = settings(name);
    if (item === undefined) return 'refused';
    const url = addressOf(item, options.secretText);
    if (url === undefined) {
      log.warn('a notification has no usable address', { name });
      return 'refused';
    }
    try {
      const body = JSON.stringify(payloadOf(item.template, { notes, omitted, instance: identity }));
      const status = await postJson({ url, body, timeout: limits.timeout, signal: stopping.signal });
      if (status >= 200 && status < 300) return 'sent';
      log.warn('a notification was refused', { name, status });
      return status === 429 || status >= 500 ? 'unanswered' : 'refused';
    } catch (thrown) {
      if (!stopping.signal.aborted) log.warn('a notification was not answered', { name, error: postFailure(thrown) });
      return 'unanswered';
    }
  }

  return {
    denied(denial) {
      const items = options.notifications();
      if (items.length === 0) return;
      const notes = notesOf(denial, clock());
      for (const item of items) {
        for (const note of notes) if (isWanted(item, note)) targetOf(item.name).tell(note);
      }
    },
    async stop() {
      stopping.abort();
      await Promise.all([...targets.values()].map((target) => target.stop()));
    },
  };
}

function isWanted({ outcomes, codes }: NotificationConfiguration, { verdict }: Note): boolean {
  const { outcome, code } = verdict;
  return outcome !== 'allowed' && outcomes.includes(outcome) && (codes.length === 0 || codes.includes(code));
}

/** An entry of a Secret often ends in a line break. Undefined: there is none, or none that may be used. */
function addressOf(item: NotificationConfiguration, secretText: NotifierOptions['secretText']): string | undefined {
  const { url, urlSecret, insecure } = item;
  const text = url ?? (urlSecret && secretText(urlSecret.name, urlSecret.key)?.trim());
  return text === undefined || urlFault(text, insecure) !== undefined ? undefined : text;
}
