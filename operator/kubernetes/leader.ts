// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../core/text.ts';
import type { Clock, Logger } from '../../core/observe.ts';
import { apiPath, isStatus, type KubeApi, type KubeObject } from './api-client.ts';
import { pause } from './backoff.ts';

/** Milliseconds. `renewDeadline` must be shorter than `leaseDuration`, so that two never lead at a time. */
export interface LeaderTimings {
  readonly leaseDuration: number;
  /** A leader that could not renew for so long stops leading, before anyone else may start. */
  readonly renewDeadline: number;
  readonly retryPeriod: number;
}

export const LEADER_TIMINGS: LeaderTimings = { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2_000 };

export interface LeaderOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Unique to this process, not only to its Pod: a restarted container must not take itself for its forerunner. */
  readonly identity: string;
  readonly onStarted: () => void;
  readonly onStopped: () => void;
  readonly log: Logger;
  /** Milliseconds that only grow, as `performance.now`: a wall clock that is set must not move a deadline. */
  readonly monotonic: () => number;
  /** For the times in the Lease, which others only read for display. */
  readonly clock: Clock;
  readonly random?: () => number;
  readonly timings?: LeaderTimings;
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

interface Lease extends KubeObject {
  readonly spec?: LeaseSpec;
}

/** Another holder's lease is trusted to last no longer than this, whatever it says. */
const LONGEST_LEASE = 60_000;

/**
 * Leader election on a Lease: compare-and-swap by resourceVersion. A lease has run out when it did not
 * change for its duration *as watched from here*; the times written in it are never compared with our clock.
 */
export class LeaderElection {
  readonly #options: LeaderOptions;
  readonly #timings: LeaderTimings;
  readonly #collection: string;
  readonly #path: string;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  /** The lease as last seen, and when it was first seen so. */
  #observed: Lease | undefined;
  #observedAt = 0;
  #announced = false;
  /** Start of the last request that renewed; -Infinity: not ours. */
  #renewedAt = -Infinity;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#timings = options.timings ?? LEADER_TIMINGS;
    const { leaseDuration, renewDeadline, retryPeriod } = this.#timings;
    if (!(retryPeriod < renewDeadline && renewDeadline < leaseDuration)) {
      throw new RangeError('retryPeriod < renewDeadline < leaseDuration must hold');
    }
    this.#collection = apiPath('/apis/coordination.k8s.io/v1/namespaces', options.namespace, 'leases');
    this.#path = apiPath(this.#collection, options.name);
  }

  /** True only while it is certain: also a process that was suspended reads false at once. */
  get isLeader(): boolean {
    return this.#options.monotonic() - this.#renewedAt < this.#timings.renewDeadline;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops leading first, then gives the lease back, so that another can take it at once. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    const held = this.isLeader ? this.#observed : undefined;
    this.#resign('stopped');
    if (held) await this.#release(held);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const random = this.#options.random ?? Math.random;
    while (!signal.aborted) {
      await this.#attempt();
      if (signal.aborted) return;
      this.#announce();
      await this.#pause(this.#timings.retryPeriod * (0.8 + random() * 0.4));
    }
  }

  /** Wakes when leadership runs out, so that `onStopped` is not late. */
  async #pause(milliseconds: number): Promise<void> {
    const left = this.#renewedAt + this.#timings.renewDeadline - this.#options.monotonic();
    const wait = this.#announced ? Math.max(0, Math.min(milliseconds, left)) : milliseconds;
    await pause(wait, this.#stopping.signal);
    this.#announce();
  }

  async #attempt(): Promise<void> {
    const startedAt = this.#options.monotonic();
    try {
      const lease = await this.#read();
      this.#observe(lease);
      if (lease && !this.#mayTake(lease)) return this.#resign('another replica leads');
      const written = await this.#write(lease, this.#claim(lease));
      this.#observe(written);
      // The lease runs from before the request at the latest, so this is on the safe side.
      this.#renewedAt = startedAt;
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return;
      // 409: another replica was faster; the next look shows whom.
      if (!isStatus(thrown, 409)) this.#options.log.warn('the lease was not renewed', { error: errorText(thrown) });
    }
  }

  #announce(): void {
    if (!this.isLeader) return this.#resign('the lease could not be renewed in time');
    if (this.#announced) return;
    this.#announced = true;
    this.#options.log.info('leading', { identity: this.#options.identity });
    this.#options.onStarted();
  }

  #resign(reason: string): void {
    this.#renewedAt = -Infinity;
    if (!this.#announced) return;
    this.#announced = false;
    this.#options.log.info('no longer leading', { reason });
    this.#options.onStopped();
  }

  #observe(lease: Lease | undefined): void {
    if (lease?.metadata.resourceVersion === this.#observed?.metadata.resourceVersion && this.#observed) return;
    this.#observed = lease;
    this.#observedAt = this.#options.monotonic();
  }

  #mayTake(lease: Lease): boolean {
    const { holderIdentity, leaseDurationSeconds } = lease.spec ?? {};
    if (!holderIdentity || holderIdentity === this.#options.identity) return true;
    const duration = Math.min((leaseDurationSeconds ?? 0) * 1000 || this.#timings.leaseDuration, LONGEST_LEASE);
    return this.#options.monotonic() - this.#observedAt > duration;
  }

  #claim(lease: Lease | undefined): LeaseSpec {
    const now = microTime(this.#options.clock());
    const before = lease?.spec ?? {};
    const ours = before.holderIdentity === this.#options.identity;
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.max(1, Math.ceil(this.#timings.leaseDuration / 1000)),
      acquireTime: ours && before.acquireTime ? before.acquireTime : now,
      renewTime: now,
      leaseTransitions: (before.leaseTransitions ?? 0) + (ours || !lease?.spec ? 0 : 1),
    };
  }

  async #read(): Promise<Lease | undefined> {
    try {
      return await this.#options.api.call<Lease>({ path: this.#path, ...this.#bounds() });
    } catch (thrown) {
      if (isStatus(thrown, 404)) return undefined;
      throw thrown;
    }
  }

  #write(lease: Lease | undefined, spec: LeaseSpec): Promise<Lease> {
    const { name, namespace } = this.#options;
    const kind = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
    if (!lease) {
      const body = { ...kind, metadata: { name, namespace }, spec };
      return this.#options.api.call<Lease>({ method: 'POST', path: this.#collection, body, ...this.#bounds() });
    }
    const body = { ...kind, metadata: lease.metadata, spec };
    return this.#options.api.call<Lease>({ method: 'PUT', path: this.#path, body, ...this.#bounds() });
  }

  /** A hanging request must not make `onStopped` late. */
  #bounds() {
    const { renewDeadline } = this.#timings;
    const left = this.#renewedAt + renewDeadline - this.#options.monotonic();
    const timeout = left > 0 ? Math.min(renewDeadline / 2, left) : renewDeadline / 2;
    return { timeout, signal: this.#stopping.signal, lane: 'lease' } as const;
  }

  async #release(lease: Lease): Promise<void> {
    try {
      await this.#giveBack(lease).catch(async (thrown: unknown) => {
        if (!isStatus(thrown, 409)) throw thrown;
        // A renewal that was under way when we stopped may have come through.
        const latest = await this.#options.api.call<Lease>({ path: this.#path, timeout: 2000, lane: 'lease' });
        if (latest.spec?.holderIdentity === this.#options.identity) await this.#giveBack(latest);
      });
    } catch (thrown) {
      this.#options.log.warn('the lease was not given back; it runs out by itself', { error: errorText(thrown) });
    }
  }

  async #giveBack({ metadata, spec: held }: Lease): Promise<void> {
    const spec: LeaseSpec = { ...held, holderIdentity: '', leaseDurationSeconds: 1 };
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    await this.#options.api.call({ method: 'PUT', path: this.#path, body, timeout: 2000, lane: 'lease' });
  }
}

/** metav1.MicroTime. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
