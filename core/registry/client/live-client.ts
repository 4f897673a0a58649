// SPDX-License-Identifier: Apache-2.0
import type { ClosableRegistryClient } from './client.ts';
import type { RegistryClient } from '../types.ts';

/** A client that can be made anew while it is used. */
export interface LiveRegistryClient extends ClosableRegistryClient {
  /**
   * What is asked from now on is asked by a new client: with new limits, and on connections that no replaced
   * certificate authority vouched for. What is under way ends as it began.
   */
  renew(): void;
}

interface Lease {
  readonly client: ClosableRegistryClient;
  asking: number;
}

export function createLiveRegistryClient(create: () => ClosableRegistryClient): LiveRegistryClient {
  let current: Lease = { client: create(), asking: 0 };
  const leases = new Set([current]);

  function closeIfDone(lease: Lease): void {
    if (lease === current || lease.asking > 0) return;
    leases.delete(lease);
    void lease.client.close();
  }

  async function using<T>(ask: (client: RegistryClient) => Promise<T>): Promise<T> {
    const lease = current;
    lease.asking += 1;
    try {
      return await ask(lease.client);
    } finally {
      lease.asking -= 1;
      closeIfDone(lease);
    }
  }

  return {
    resolveTag: (...question) => using((client) => client.resolveTag(...question)),
    getManifest: (...question) => using((client) => client.getManifest(...question)),
    getBlob: (...question) => using((client) => client.getBlob(...question)),
    listReferrers: (...question) => using((client) => client.listReferrers(...question)),
    askReferrersAhead: (...question) => using(async (client) => client.askReferrersAhead?.(...question)),
    renew() {
      const before = current;
      current = { client: create(), asking: 0 };
      leases.add(current);
      closeIfDone(before);
    },
    async close() {
      await Promise.all([...leases].map(({ client }) => client.close()));
      leases.clear();
    },
  };
}
