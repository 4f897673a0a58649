// SPDX-License-Identifier: Apache-2.0
import {
  certificatesFromFiles,
  manageCertificates,
  type ServingCertificates,
} from '../certificates/serving-certificates.ts';
import { keepRegistration, type Registration } from '../registration/registration.ts';
import type { ClusterOptions } from './cluster-options.ts';
import type { Connection, Leadership } from './connection.ts';
import type { Followed } from './followed.ts';

/** How API servers reach this replica: what they are told of it, and the certificates that it serves by. */
export interface Reachable {
  readonly registration: Registration;
  readonly certificates: ServingCertificates;
  /** Something that matters to both changed. */
  readonly look: () => void;
  /** Why no API server could call; empty: ready. */
  readonly notReady: () => readonly string[];
  start(): void;
  stop(): Promise<void>;
}

export interface ReachableParts {
  readonly connection: Connection;
  readonly leadership: Leadership;
  readonly followed: Followed;
}

export function makeReachable(options: ClusterOptions, parts: ReachableParts): Reachable {
  const registration = registrationOf(options, parts);
  const certificates = certificatesOf(options, parts, registration);
  const { name } = options;
  parts.followed.policies.onSecret((changed) => {
    if (changed === `${name}-path`) registration.look();
    if (changed === `${name}-tls`) certificates.look();
  });
  return {
    registration,
    certificates,
    look() {
      certificates.look();
      registration.look();
    },
    notReady: () => [...certificates.notReady(), ...registration.notReady()],
    start() {
      certificates.start();
      registration.start();
    },
    async stop() {
      await Promise.all([certificates.stop(), registration.stop()]);
    },
  };
}

function registrationOf(
  { namespace, name, wantedRegistration: wanted, metrics, log, clock }: ClusterOptions,
  { connection: { api, events }, leadership: { isLeader }, followed }: ReachableParts,
): Registration {
  return keepRegistration({
    api,
    namespace,
    name,
    wanted,
    secrets: followed.secrets,
    isLeader,
    canAnswer: () => followed.notReady().length === 0,
    events,
    log,
    clock,
    queueMetrics: metrics.queue,
  });
}

function certificatesOf(
  options: ClusterOptions,
  { connection: { api }, leadership: { isLeader }, followed }: ReachableParts,
  registration: Registration,
): ServingCertificates {
  if (options.ownCertificate) {
    registration.publish([]);
    return certificatesFromFiles(options.ownCertificate);
  }
  const { namespace, name, dnsNames, issuer, certificateLife: life, log, clock, metrics } = options;
  return manageCertificates({
    api,
    namespace,
    name,
    dnsNames,
    issuer,
    life,
    secrets: followed.secrets,
    isLeader,
    registration,
    log,
    clock,
    queueMetrics: metrics.queue,
  });
}
