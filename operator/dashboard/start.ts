// SPDX-License-Identifier: Apache-2.0
import type { Clock, Logger } from '../../core/observe.ts';
import { errorText } from '../../core/text.ts';
import type { Denial } from '../../core/verdict/review-record.ts';
import type { Running } from '../scan/running-groups.ts';
import type { Overview } from './overview.ts';
import { dashboardPage } from './page.ts';
import { createRecentDenials } from './recent-denials.ts';
import { startDashboardServer } from './server.ts';

export interface DashboardOptions {
  readonly port: number;
  /** POD_IP and HOST_IP say whether the loopback is the Pod's own. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly overview: () => Omit<Overview, 'denials' | 'running' | 'now'>;
  readonly log: Logger;
  readonly clock: Clock;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
}

export interface Dashboard {
  /** A review was refused. Never throws, never waits. */
  readonly denied: (denial: Denial) => void;
  /** The scan begins to decide about this; it goes on in it. */
  readonly swept: (running: Running) => void;
  readonly stop: () => Promise<void>;
}

/** Milliseconds for which a page is shown again: making it takes the thread that also answers reviews. */
const KEPT = 3_000;

/** Undefined where it can't be served, which the log says: admission does not end for a page. */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard | undefined> {
  const { port, overview, environment, log, clock, monotonic } = options;
  const denials = createRecentDenials(clock);
  let running: Running | undefined;
  const page = rarely(
    () => Buffer.from(dashboardPage({ ...overview(), denials: denials.list(), running, now: clock() })),
    monotonic,
  );
  try {
    const reason = sharedLoopback(environment);
    if (reason !== undefined) throw new Error(reason);
    const server = await startDashboardServer({ port, page, log });
    log.info('the dashboard is served', { dashboard: `http://127.0.0.1:${server.port}` });
    return { denied: denials.record, swept: (found) => void (running = found), stop: server.close };
  } catch (thrown) {
    log.error('the dashboard is not served', { error: errorText(thrown) });
    return undefined;
  }
}

/** Why the loopback may be everybody's on the node; undefined: it is the Pod's own. */
function sharedLoopback({ POD_IP, HOST_IP }: DashboardOptions['environment']): string | undefined {
  if (!POD_IP || !HOST_IP) return 'POD_IP and HOST_IP do not say whether this Pod has a network of its own';
  return POD_IP === HOST_IP
    ? "this Pod is in its node's network, where every process of the node could read it"
    : undefined;
}

function rarely<T>(make: () => T, monotonic: () => number): () => T {
  let made: { readonly value: T; readonly at: number } | undefined;
  return () => {
    if (made === undefined || monotonic() - made.at >= KEPT) made = { value: make(), at: monotonic() };
    return made.value;
  };
}
