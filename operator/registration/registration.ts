// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '../../core/observe.ts';
import type { KubeApi } from '../kubernetes/api-client.ts';
import type { EventRecorder } from '../kubernetes/events.ts';
import { createWorkQueue, type QueueMetrics } from '../kubernetes/work-queue.ts';
import { DigestBinding } from './digest-binding.ts';
import { whyNotReached } from './reach-check.ts';
import type { WantedRegistration } from './wanted.ts';
import { WebhookConfigurations } from './webhook-configurations.ts';

export interface RegistrationOptions {
  readonly api: KubeApi;
  /** The release's. */
  readonly namespace: string;
  readonly name: string;
  readonly wanted: WantedRegistration;
  /** Authorities to publish, PEM; undefined while there are none, empty where somebody else publishes. */
  readonly authorities: () => readonly string[] | undefined;
  readonly isLeader: () => boolean;
  /** This replica knows what it would decide by. */
  readonly canAnswer: () => boolean;
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly queueMetrics: QueueMetrics;
}

/** What API servers are told of us, kept by the leading replica. */
export interface Registration extends Pick<WebhookConfigurations, 'trusts' | 'carry'> {
  /** Why not all of it is in force; empty: armed. */
  readonly unarmed: () => readonly string[];
  /** Something that matters to it changed. */
  look(): void;
  start(): void;
  stop(): Promise<void>;
}

/** Milliseconds. */
const TICK = 15_000;

export function keepRegistration(options: RegistrationOptions): Registration {
  const { api, wanted, isLeader, log } = options;
  const look = () => queue.add('registration');
  const configurations = new WebhookConfigurations({
    ...options,
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
    monotonic: () => performance.now(),
  });
  const binding =
    wanted.digestRequired && new DigestBinding({ api, wanted: wanted.digestRequired, isLeader, onChange: look, log });
  const reflectors = [...configurations.reflectors, ...(binding?.reflectors ?? [])];
  const queue = createWorkQueue({
    name: 'registration',
    process: async () => {
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
    look,
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
