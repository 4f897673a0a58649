// SPDX-License-Identifier: Apache-2.0
import type { Configuration } from '../../core/config/types.ts';
import type { AffectedStatus } from '../../core/policy/documents/image-policy.gen.ts';
import type { PolicyEntry } from '../policies/compiled-policies.ts';
import type { Running } from '../scan/running-groups.ts';
import type { RecentDenial } from './recent-denials.ts';

/** A policy as it is in force, and what it would do to what runs. */
export interface PolicyView extends PolicyEntry {
  /** Undefined: not known (yet). */
  readonly affected: AffectedStatus | undefined;
}

/** What this replica's host knows. Nothing of it is a Secret's content. */
export interface HostOverview {
  readonly leads: boolean;
  readonly policies: readonly PolicyView[];
}

/** All that the dashboard shows. */
export interface Overview extends HostOverview {
  /** This replica: the Pod's name. */
  readonly identity: string;
  readonly version: string;
  /** Why it should get no requests; empty: ready. */
  readonly notReady: readonly string[];
  /** Why API servers don't ask about every Pod yet; empty: they do. */
  readonly notInForce: readonly string[];
  readonly configuration: Pick<Configuration, 'enforcement' | 'unmatchedImages' | 'backgroundScan'>;
  /** As the last sweep of the scan found it. Undefined: none was made yet, or none ever is. */
  readonly running: Running | undefined;
  /** The newest first. */
  readonly denials: readonly RecentDenial[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}
