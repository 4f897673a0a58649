// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { errorText } from '../../core/text.ts';
import type { Clock, Logger } from '../../core/observe.ts';
import { createRecentlyUsed } from '../../core/recently-used.ts';
import { apiPath, type KubeApi } from './api-client.ts';

export interface EventNote {
  readonly regarding: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid?: string;
    readonly namespace?: string;
  };
  readonly type: 'Normal' | 'Warning';
  /** One word: `Compiled`, `ImageDenied`. */
  readonly reason: string;
  readonly action: string;
  /** May quote what users wrote. */
  readonly note: string;
  /** The namespace that brought it about; left out: the object's own. */
  readonly party?: string;
}

export interface EventRate {
  readonly perSecond: number;
  readonly burst: number;
  /** Requests under way. */
  readonly inFlight: number;
}

export interface EventLimits {
  /** The same reason about the same object at most once in so many milliseconds. */
  readonly repeat: number;
  /** Of one namespace: a namespace with many denials gets fewer Events, at no cost to others. */
  readonly party: EventRate;
  readonly all: EventRate;
}

export interface EventRecorderOptions {
  readonly api: KubeApi;
  readonly identity: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly limits?: EventLimits;
  readonly onDropped?: () => void;
}

export interface EventRecorder {
  /** Never waits, never fails: an Event is a courtesy, and a flood of denials must not become a flood of writes. */
  record(event: EventNote): void;
  stop(): Promise<void>;
}

const LIMITS: EventLimits = {
  repeat: 60_000,
  party: { perSecond: 2, burst: 20, inFlight: 2 },
  all: { perSecond: 10, burst: 100, inFlight: 8 },
};
/** events.k8s.io/v1. */
const NOTE_MOST = 1024;
const REMEMBERED = 2048;
const PARTIES_REMEMBERED = 1024;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const limits = options.limits ?? LIMITS;
  const recent = createRecentlyUsed<number>(REMEMBERED);
  const inFlight = new Set<Promise<void>>();
  const stopping = new AbortController();
  const all = new Account(limits.all, options.clock());
  const parties = createRecentlyUsed<Account>(PARTIES_REMEMBERED);

  function accountOf({ party, regarding }: EventNote, now: number): Account {
    const name = party ?? regarding.namespace ?? '';
    const account = parties.get(name) ?? new Account(limits.party, now);
    parties.set(name, account);
    return account;
  }

  /** What it is charged to, or undefined where it is one too many. */
  function charged(event: EventNote): readonly Account[] | undefined {
    const now = options.clock();
    const { regarding, reason } = event;
    const key = `${regarding.kind}/${regarding.namespace ?? ''}/${regarding.name}/${reason}`;
    const last = recent.get(key);
    // A clock that was set back must not silence an object.
    if (last !== undefined && now >= last && now - last < limits.repeat) return undefined;
    const accounts = [accountOf(event, now), all];
    if (!accounts.every((account) => account.mayPay(now))) return undefined;
    for (const account of accounts) account.pay();
    recent.set(key, now);
    return accounts;
  }

  function record(event: EventNote): void {
    if (stopping.signal.aborted) return;
    const accounts = charged(event);
    if (accounts === undefined) return options.onDropped?.();
    const sent: Promise<void> = send(event)
      .catch((thrown: unknown) => options.log.debug('an Event was not written', { error: errorText(thrown) }))
      .finally(() => {
        inFlight.delete(sent);
        for (const account of accounts) account.underWay -= 1;
      });
    inFlight.add(sent);
  }

  async function send({ regarding, type, reason, action, note }: EventNote): Promise<void> {
    // Events about cluster-scoped objects live in `default`, where kubectl looks for them.
    const namespace = regarding.namespace ?? 'default';
    const body = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: `${regarding.name.slice(0, 200)}.${randomUUID().slice(0, 13)}`, namespace },
      eventTime: new Date(options.clock()).toISOString().replace('Z', '000Z'),
      reportingController: 'cosignet.dev/cosignet',
      reportingInstance: options.identity.slice(0, 128),
      regarding,
      type,
      reason,
      action,
      note: note.slice(0, NOTE_MOST),
    };
    const path = apiPath('/apis/events.k8s.io/v1/namespaces', namespace, 'events');
    await options.api.call({ method: 'POST', path, body, timeout: 5000, signal: stopping.signal });
  }

  async function stop(): Promise<void> {
    stopping.abort();
    await Promise.all(inFlight);
  }

  return { record, stop };
}

/** A token bucket, which starts full. */
class Account {
  underWay = 0;
  readonly #rate: EventRate;
  #tokens: number;
  #filledAt: number;

  constructor(rate: EventRate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAt = now;
  }

  mayPay(now: number): boolean {
    const { burst, perSecond, inFlight } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, now - this.#filledAt) / 1000) * perSecond);
    this.#filledAt = now;
    return this.#tokens >= 1 && this.underWay < inFlight;
  }

  pay(): void {
    this.#tokens -= 1;
    this.underWay += 1;
  }
}
