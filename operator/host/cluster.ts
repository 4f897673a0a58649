// SPDX-License-Identifier: Apache-2.0
import { lostBy } from '../policies/lost-fields.ts';
import { policyReference } from '../policies/follow-policies.ts';
import { secretEntry } from '../policies/policy-secrets.ts';
import { createPullSecrets } from '../policies/pull-secrets.ts';
import { createEffects } from '../scan/effects.ts';
import { createDenialEvents } from '../telemetry/denial-events.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { startClusterScan } from './cluster-scan.ts';
import { connect, standForElection } from './connection.ts';
import { followCluster } from './followed.ts';
import type { Host } from './host.ts';
import { makeReachable } from './reachable.ts';
import { clusterOverview, clusterReadings } from './readings.ts';

/**
 * Starts everything that talks to the API server. Throws where no cluster is configured; needs none to answer yet.
 * Each stage is given what those before it made; what comes earlier tells what comes later by listeners.
 */
export async function startCluster(options: ClusterOptions): Promise<Host> {
  const { configuration, store, log, clock } = options;
  const connection = connect(options);
  const leadership = standForElection(options, connection);
  const effects = configuration.configuration().backgroundScan.enabled ? createEffects(clock) : undefined;
  const followed = followCluster(options, { connection, leadership, effects });
  const reachable = makeReachable(options, { connection, leadership, followed });
  const keychainFor = createPullSecrets({
    api: connection.api,
    registries: () => configuration.configuration().registries,
    ownSecret: followed.secret,
    programs: configuration.credentials,
    log,
  });
  const { policies, namespaces } = followed;
  const { registration, certificates } = reachable;

  leadership.onStarted(() => {
    policies.operator.enqueueStatus();
    reachable.look();
  });
  followed
    .start()
    .then(reachable.look, (thrown: unknown) => log.error('the operator did not start', { error: String(thrown) }));
  // All that is registered before is the question whether API servers reach us.
  void followed.synced.then(() => registration.look());
  leadership.election.start();
  reachable.start();
  return {
    policies: { snapshot: () => store.snapshot(), outdated: followed.outdated },
    namespaceContext: namespaces.context,
    knownNamespace: namespaces.known,
    keychainFor,
    certificate: certificates.first,
    onCertificate: (listener) => certificates.listen(listener),
    notReady: () => [...followed.notReady(), ...reachable.notReady()],
    callerBy: registration.callerBy,
    notInForce: registration.notInForce,
    readings: clusterReadings({ followed, leadership, reachable }, clock),
    counted: policies.counted,
    lostBy: (definition) => lostBy(definition, policies.book),
    denied: createDenialEvents({
      events: connection.events,
      policy: (name) => policyReference(name, policies.book.get(name)?.policy.metadata['uid']),
    }),
    overview: () => clusterOverview({ followed, leadership }, effects),
    secretText: (name, key) => secretEntry(followed.secret(name), key)?.pem,
    reconfigured: () => policies.reconfigured(),
    scan: (decide, onSweep) =>
      effects && startClusterScan(options, { connection, leadership, effects, followed, keychainFor, decide, onSweep }),
    handOver() {
      registration.retire();
      return leadership.election.stop();
    },
    async stop() {
      await leadership.election.stop();
      await followed.stop();
      await Promise.all([reachable.stop(), connection.events.stop()]);
      await connection.kubeConfig.close();
    },
  };
}
