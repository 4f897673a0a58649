// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../core/text.ts';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { factsOf } from '../../core/verdict-codes.ts';
import type { VerdictCode } from '../../core/verdict-codes.ts';
import type { Clock, Logger } from '../../core/observe.ts';
import { nextChange } from '../../core/policy/lifetime.ts';
import { matchPolicies } from '../../core/policy/store/match.ts';
import type { PolicySnapshot } from '../../core/policy/store/store.ts';
import type { CompiledPolicy, NamespaceContext } from '../../core/policy/types.ts';
import type { Keychain } from '../../core/registry/types.ts';
import type { Decide, Verdict } from '../../core/verdict/types.ts';
import { pause } from '../kubernetes/backoff.ts';
import { policyEffects, type PolicyEffect } from './policy-effect.ts';
import type { PullIdentity } from '../../core/registry/credentials/pull-identity.ts';
import { inTurns, STEPS_AT_ONCE } from './in-turns.ts';
import type { RequestBudget } from './request-budget.ts';
import { groupPods, type ScanResult, type Running, type Subject } from './running-groups.ts';
import type { PodObject } from './running-images.ts';

export interface RescanOptions {
  readonly pods: () => Iterable<PodObject>;
  /** Namespaces that admission does not look at. */
  readonly isLeftOut: (namespace: string) => boolean;
  readonly policies: () => PolicySnapshot;
  readonly namespaceContext: (name: string) => Promise<NamespaceContext>;
  readonly keychainFor: (pull: PullIdentity) => Keychain;
  readonly decide: Decide;
  /** Of one decision, milliseconds. */
  readonly deadline: () => number;
  readonly budget: RequestBudget;
  readonly isLeader: () => boolean;
  /** The effects of all policies whose images are decided about; only where this replica leads. */
  readonly publish: (effects: ReadonlyMap<string, PolicyEffect>) => void;
  /** All that runs, once it is decided about; only where this replica leads. */
  readonly report: (running: Running) => void;
  /** All that runs, and by which policies it is decided about, before it is. */
  readonly onSweep?: ((running: Running) => void) | undefined;
  readonly log: Logger;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  readonly clock: Clock;
  readonly timings?: Partial<RescanTimings>;
}

/** Milliseconds. */
export interface RescanTimings {
  /** From a change to the sweep that follows it: changes come in swarms. */
  readonly settle: number;
  /** Between two sweeps without a change. */
  readonly idle: number;
  /** Between two images, whether or not a registry had to be asked: admissions come first. */
  readonly pace: number;
  /** How often results are published while a sweep lasts. */
  readonly publish: number;
}

const TIMINGS: RescanTimings = { settle: 3_000, idle: 60_000, pace: 20, publish: 15_000 };
const MINUTE = 60_000;
/** How long a result stands while the policies are the same. */
const LIFETIMES = { allowed: 60 * MINUTE, denied: 30 * MINUTE, error: 5 * MINUTE } as const;
/**
 * Decides about what runs, one image after the other, within a budget. Every replica does: it fills the evidence cache,
 * so that the next admission of an image is a hit. The leader does it again from time to time and publishes what each
 * policy would deny. Admission never waits for any of it.
 */
export class Rescan {
  readonly #options: RescanOptions;
  readonly #timings: RescanTimings;
  readonly #stopping = new AbortController();
  /** By subject; with the policies that it was decided by. */
  #results = new Map<string, KnownResult>();
  /** Registries that failed: until when they are left alone, and why. */
  readonly #resting = new Map<string, { readonly until: number; readonly code: VerdictCode }>();
  #running: Promise<void> | undefined;
  #isNudged = false;
  #wake = () => {};
  #policiesChanged = false;

  constructor(options: RescanOptions) {
    this.#options = options;
    this.#timings = { ...TIMINGS, ...options.timings };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Pods or namespaces changed, or this replica leads now. */
  nudge(): void {
    this.#isNudged = true;
    this.#wake();
  }

  /** Also a sweep that is under way begins again; what was decided by policies that stay is not decided again. */
  policiesChanged(): void {
    this.#policiesChanged = true;
    this.nudge();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.nudge();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#sweep();
      } catch (thrown) {
        this.#options.log.error('the scan of running images failed', { error: errorText(thrown) });
      }
      await this.#idle();
      await pause(this.#timings.settle, signal);
      this.#isNudged = false;
    }
  }

  async #idle(): Promise<void> {
    if (this.#isNudged) return;
    const idling = new AbortController();
    this.#wake = () => idling.abort();
    await pause(this.#timings.idle, idling.signal);
  }

  async #sweep(): Promise<void> {
    const { pods, isLeftOut, policies } = this.#options;
    this.#policiesChanged = false;
    const running = await inTurns(groupPods(pods(), isLeftOut));
    const snapshot = policies();
    await this.#match(running, snapshot);
    this.#options.onSweep?.(running);
    let publishAt = this.#options.monotonic() + this.#timings.publish;
    for (const [index, subject] of running.subjects.entries()) {
      await breathe(index);
      if (this.#stopping.signal.aborted || this.#policiesChanged) return;
      if (!this.#isDue(subject)) continue;
      await this.#scan(subject);
      if (this.#options.monotonic() < publishAt) continue;
      publishAt = this.#options.monotonic() + this.#timings.publish;
      await this.#publish(running, snapshot);
    }
    await this.#publish(running, snapshot);
    if (this.#options.isLeader()) this.#options.report(running);
  }

  /**
   * Which policies apply to each; a verdict by the same ones stands, however old: it is better than none. What is not
   * running any more is forgotten.
   */
  async #match({ subjects }: Running, snapshot: PolicySnapshot): Promise<void> {
    const contexts = new Map<string, NamespaceContext | undefined>();
    const now = this.#options.clock();
    const results = new Map<string, KnownResult>();
    for (const [index, subject] of subjects.entries()) {
      await breathe(index);
      const { key, reference, source } = subject;
      const known = this.#results.get(key);
      if (known) results.set(key, known);
      const { namespace } = source;
      if (!contexts.has(namespace)) contexts.set(namespace, await this.#context(namespace));
      subject.context = contexts.get(namespace);
      if (subject.context === undefined || reference === undefined) continue;
      subject.policies = matchPolicies(snapshot, reference, subject.context, now).policies;
      if (known && known.until > now && sameItems(known.policies, subject.policies)) subject.result = known.result;
    }
    this.#results = results;
  }

  /** A namespace that just went has nothing to decide. */
  async #context(namespace: string): Promise<NamespaceContext | undefined> {
    return this.#options.namespaceContext(namespace).catch(() => undefined);
  }

  #isDue({ policies, result }: Subject): boolean {
    if (policies.length === 0) return false;
    if (result === undefined) return true;
    // To those that don't lead only the cache matters, and admissions keep that as fresh as it has to be.
    if (result.outcome !== 'error' && !this.#options.isLeader()) return false;
    return this.#options.monotonic() - result.at > LIFETIMES[result.outcome];
  }

  async #scan(subject: Subject): Promise<void> {
    const { signal } = this.#stopping;
    const resting = this.#restOf(subject);
    if (resting !== undefined) return this.#noteFailure(subject, resting, namesOf(subject));
    await this.#options.budget.available(signal);
    if (signal.aborted) return;
    const verdict = await this.#decide(subject);
    // What was cut short by our own end says nothing about anything.
    if (signal.aborted) return;
    this.#learn(subject, verdict);
    await pause(this.#timings.pace, signal);
  }

  #restOf(subject: Subject): VerdictCode | undefined {
    const rest = this.#resting.get(subject.reference?.registry ?? '');
    const isAsked = subject.policies.some(({ action }) => action === 'Verify');
    return rest && isAsked && rest.until > this.#options.monotonic() ? rest.code : undefined;
  }

  #learn(subject: Subject, verdict: Verdict): void {
    const { outcome, code, refusedBy = namesOf(subject), registryRequests } = verdict;
    this.#options.budget.spend(registryRequests);
    const milliseconds = factsOf(code).scanRestMilliseconds;
    if (milliseconds > 0) {
      const until = this.#options.monotonic() + milliseconds;
      this.#resting.set(subject.reference?.registry ?? '', { until, code });
    }
    if (outcome === 'error') this.#noteFailure(subject, code, refusedBy);
    else this.#note(subject, { outcome, code, refusedBy: outcome === 'allowed' ? [] : refusedBy });
  }

  #decide({ asked, source, context = { labels: {} } }: Subject): Promise<Verdict> {
    const { decide, keychainFor, deadline } = this.#options;
    const signal = AbortSignal.any([AbortSignal.timeout(deadline()), this.#stopping.signal]);
    return decide({ ...asked, namespace: context, keychain: keychainFor(source), signal, background: true });
  }

  /** An outage is no news about an image that was decided about before it. */
  #noteFailure(subject: Subject, code: VerdictCode, refusedBy: readonly string[]): void {
    const known = subject.result;
    if (known === undefined || known.outcome === 'error') this.#note(subject, { outcome: 'error', code, refusedBy });
  }

  #note(subject: Subject, result: Omit<ScanResult, 'at'>): void {
    subject.result = { ...result, at: this.#options.monotonic() };
    const { key, result: noted, policies } = subject;
    this.#results.set(key, { result: noted, policies, until: nextChange(policies, this.#options.clock()) });
  }

  async #publish(running: Running, { policies }: PolicySnapshot): Promise<void> {
    if (!this.#options.isLeader()) return;
    const effects = await inTurns(policyEffects(running, policies));
    if (this.#options.isLeader()) this.#options.publish(effects);
  }
}

interface KnownResult {
  readonly result: ScanResult;
  /** By which it was decided. */
  readonly policies: readonly CompiledPolicy[];
  /** Milliseconds since the epoch: they may decide otherwise from then on. */
  readonly until: number;
}

/** Admissions have their turn after so many. */
async function breathe(index: number): Promise<void> {
  if (index % STEPS_AT_ONCE === STEPS_AT_ONCE - 1) await nextTurn();
}

function namesOf({ policies }: Subject): readonly string[] {
  return policies.map(({ name }) => name);
}

/** Compiled policies are made anew when they change, so identity is enough. */
function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
