// SPDX-License-Identifier: Apache-2.0
import type { Clock, Logger } from '../../core/observe.ts';
import type { Secret } from '../kubernetes/secret.ts';
import type { KubeApi } from '../kubernetes/api-client.ts';
import type { EventRecorder } from '../kubernetes/events.ts';
import { createWorkQueue, type QueueMetrics } from '../kubernetes/work-queue.ts';
import { DigestBinding } from './digest-binding.ts';
import { PathTokens } from './path-tokens.ts';
import { whyNotReached } from './reach-check.ts';
import { RollOut } from './roll-out.ts';
import type { WantedRegistration } from './wanted.ts';
import { WebhookConfigurations } from './webhook-configurations.ts';

export interface RegistrationOptions {
  readonly api: KubeApi;
  /** The release's. */
  readonly namespace: string;
  readonly name: string;
  readonly wanted: WantedRegistration;
  /** Undefined: not listed yet. */
  readonly secrets: () => { readonly get: (name: string) => Secret | undefined } | undefined;
  readonly isLeader: () => boolean;
  /** This replica knows what it would decide by. */
  readonly canAnswer: () => boolean;
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly clock: Clock;
  readonly queueMetrics: QueueMetrics;
}

/** What API servers are told of us, kept by the leading replica. */
export interface Registration extends Pick<WebhookConfigurations, 'trusts' | 'carry'> {
  /** Why not all of it is in force; empty: armed. */
  readonly unarmed: () => readonly string[];
  /** Why what this release registers is not in force; empty: it is, and armed. */
  readonly notInForce: () => readonly string[];
  /** Who calls by a path with this end, or with none: `known` are API servers. */
  readonly callerBy: (token: string | undefined) => 'known' | 'anybody' | 'refused';
  /** Why no API server could prove itself; empty: ready. */
  readonly notReady: () => readonly string[];
  /** Authorities, PEM, for API servers to trust; none where somebody else publishes. Before the first, nothing is registered. */
  publish(authorities: readonly string[]): void;
  /** Something that matters to it changed. */
  look(): void;
  /** This replica ends. */
  retire(): void;
  start(): void;
  stop(): Promise<void>;
}

const monotonic = () => performance.now();
/** Milliseconds. */
const TICK = 15_000;
/** Milliseconds. API servers learn of what was registered within this. */
const PROPAGATION = 10_000;

export function keepRegistration(options: RegistrationOptions): Registration {
  const { api, wanted, isLeader, log } = options;
  const look = () => queue.add('registration');
  let published: readonly string[] | undefined;
  const configurations = new WebhookConfigurations({
    ...options,
    authorities: () => published,
    whyNotReached: (endpoint) => whyNotReached(options, endpoint),
    onChange: look,
    onRestored: (regarding) => {
      options.events.record({
        regarding,
        type: 'Warning',
        reason: 'WebhooksRestored',
        action: 'Restore',
        note: 'webhooks or their caBundle were changed by somebody else; what is wanted is restored',
      });
    },
    pathOf,
    monotonic,
  });
  let isRetired = false;
  const rollOut = new RollOut({ ...options, monotonic });
  const tokens = wanted.pathToken
    ? new PathTokens({
        ...options,
        secretName: `${options.name}-path`,
        isConfirmed: (token) => configurations.calls(token, PROPAGATION),
        // A release that wants none takes the right to ask away, too.
        isStillOurs: async () => !isRetired && (await rollOut.look().catch(() => false)),
        onChange: look,
      })
    : undefined;
  /** A former release's replicas would not know a path with a token: not while they may still be asked. */
  function pathOf(path: string, isPlain: boolean): string | undefined {
    if (!tokens || (isPlain && !rollOut.isOver)) return path;
    return tokens.active && `${path}/${tokens.active}`;
  }
  const binding =
    wanted.digestRequired && new DigestBinding({ api, wanted: wanted.digestRequired, isLeader, onChange: look, log });
  const reflectors = [...configurations.reflectors, ...(binding?.reflectors ?? [])];
  const queue = createWorkQueue({
    name: 'registration',
    process: async () => {
      await tokens?.reconcile();
      if (tokens && isLeader() && configurations.isPlain) await rollOut.look();
      await configurations.reconcile();
      // What is not pinned is refused: only once somebody pins.
      if (configurations.unarmed().length === 0) await binding?.reconcile();
    },
    backoff: { first: 100, most: 5000 },
    log,
    metrics: options.queueMetrics,
  });
  let timer: NodeJS.Timeout | undefined;
  return {
    trusts: (authority) => configurations.trusts(authority),
    carry: (authorities, milliseconds) => configurations.carry(authorities, milliseconds),
    unarmed: () => [...configurations.unarmed(), ...(binding?.unarmed() ?? [])],
    notInForce: () => [...configurations.notInForce(), ...(binding?.unarmed() ?? [])],
    callerBy: (token) => {
      if (!tokens) return 'anybody';
      if (token !== undefined) return tokens.accepts(token) ? 'known' : 'refused';
      return configurations.callsPlainly ? 'anybody' : 'refused';
    },
    notReady: () => (tokens && !tokens.active ? ['there is no token yet by which API servers prove themselves'] : []),
    publish(authorities) {
      published = authorities;
      look();
    },
    look,
    retire() {
      isRetired = true;
    },
    start() {
      for (const reflector of reflectors) reflector.start();
      timer = setInterval(look, TICK);
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(reflectors.map((reflector) => reflector.stop()));
      await queue.stop();
    },
  };
}
