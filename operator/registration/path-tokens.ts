// SPDX-License-Identifier: Apache-2.0
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock, Logger } from '../../core/observe.ts';
import type { KubeApi } from '../kubernetes/api-client.ts';
import { writeSecret, type Secret } from '../kubernetes/secret.ts';

export interface PathTokensOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly secretName: string;
  /** As last seen; `undefined` before Secrets were listed. */
  readonly secrets: () => { readonly get: (name: string) => Secret | undefined } | undefined;
  readonly isLeader: () => boolean;
  /** API servers have been told to call by this one, long enough ago for all of them to know. */
  readonly isConfirmed: (token: string) => boolean;
  /** Whether a Secret that is gone was lost, and not taken away with a release's use of it. */
  readonly isStillOurs: () => Promise<boolean>;
  readonly onChange: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Hexadecimal, of 256 bits. */
interface Tokens {
  readonly previous?: string;
  /** By which API servers call. */
  readonly active: string;
  /** Known to every replica before it is called by. */
  readonly next: string;
  /** Milliseconds since the epoch. */
  readonly rotatedAt: number;
}

/**
 * Milliseconds. A replica that hears of no Secret for as long as `STALE` (operator/kubernetes/sync.ts) gets no requests any
 * more: it knew the next token before that became the one to call by.
 */
export const ROTATION = 300_000;
const TOKEN = /^[0-9a-f]{64}$/;

/**
 * What API servers prove themselves by: the end of the path that the webhook configurations tell them, and nobody else. It
 * may leak, by errors that print an address, so that each is called by for about five minutes and taken for ten.
 */
export class PathTokens {
  readonly #options: PathTokensOptions;
  #known: Tokens | undefined;

  constructor(options: PathTokensOptions) {
    this.#options = options;
  }

  /** To be called by; undefined: not known yet. */
  get active(): string | undefined {
    return this.#known?.active;
  }

  accepts(token: string): boolean {
    const { previous, active, next } = this.#known ?? {};
    // All are compared, so that the time says nothing of which.
    return [previous, active, next].map((one) => one !== undefined && isSame(one, token)).includes(true);
  }

  /** Idempotent; run on every change of the Secret or of leadership, and from time to time. */
  async reconcile(): Promise<void> {
    const secrets = this.#options.secrets();
    if (!secrets) return;
    const secret = secrets.get(this.#options.secretName);
    const stored = parse(secret);
    // What is missing or garbage replaces nothing that works.
    if (stored) this.#adopt(stored);
    // The first ones are made by any replica that finds none: in an upgrade from a release without tokens its replica leads until
    // one that knows them is ready. The API server lets one of several win, and the others try again.
    if (stored && !this.#options.isLeader()) return;
    const wanted = this.#wanted(stored);
    if (wanted === stored) return;
    // Who knows tokens can wait: nobody would take away again what is made after the release that had it.
    if (!secret && this.#known && !(await this.#options.isStillOurs())) return;
    await this.#store(secret, wanted);
    this.#adopt(wanted);
    this.#options.log.info('wrote path tokens', { secret: this.#options.secretName });
  }

  #wanted(stored: Tokens | undefined): Tokens {
    const now = this.#options.clock();
    if (!stored) return this.#known ?? { active: newToken(), next: newToken(), rotatedAt: now };
    // A clock that was set back must not keep one for ever.
    const isDue = Math.abs(now - stored.rotatedAt) >= ROTATION;
    if (!isDue || !this.#options.isConfirmed(stored.active)) return stored;
    return { previous: stored.active, active: stored.next, next: newToken(), rotatedAt: now };
  }

  #adopt(tokens: Tokens): void {
    const isNews = tokens.active !== this.#known?.active;
    this.#known = tokens;
    if (isNews) this.#options.onChange();
  }

  async #store(secret: Secret | undefined, tokens: Tokens): Promise<void> {
    const { api, namespace, secretName: name } = this.#options;
    const data = Object.fromEntries(Object.entries(tokens).map(([key, value]) => [key, btoa(String(value))]));
    await writeSecret(api, { namespace, name }, secret, data);
  }
}

function parse(secret: Secret | undefined): Tokens | undefined {
  const entry = (name: string) => Buffer.from(secret?.data?.[name] ?? '', 'base64').toString('latin1');
  const [previous, active, next] = ['previous', 'active', 'next'].map(entry);
  const rotatedAt = Number(entry('rotatedAt'));
  if (!isToken(active) || !isToken(next) || !(rotatedAt > 0)) return undefined;
  return { active, next, rotatedAt, ...(isToken(previous) && { previous }) };
}

function isToken(text: string | undefined): text is string {
  return text !== undefined && TOKEN.test(text);
}

function newToken(): string {
  return randomBytes(32).toString('hex');
}

/** Two of one length take the same time, whatever they hold; how long ours are is no secret. */
function isSame(one: string, other: string): boolean {
  const [own, asked] = [Buffer.from(one), Buffer.from(other)];
  return own.length === asked.length && timingSafeEqual(own, asked);
}
