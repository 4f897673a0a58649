// SPDX-License-Identifier: Apache-2.0
import type { V1EndpointSlice, V1Service } from '@kubernetes/client-node';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { follow, type Api } from './api.ts';
import type { PodAddresses } from './addresses.ts';

export interface ProxyOptions {
  readonly api: Api;
  readonly addresses: PodAddresses;
  readonly report: (line: string) => void;
}

/** A miniature kube-proxy: listens on each ClusterIP and forwards to the ready endpoints. */
export interface ServiceProxy {
  stop(): Promise<void>;
}

export function startProxy({ api, addresses, report }: ProxyOptions): ServiceProxy {
  const stopping = new AbortController();
  const { signal } = stopping;
  const slices = new Map<string, V1EndpointSlice>();
  const servers = new Map<string, Server[]>();
  const sockets = new Set<Socket>();
  const following = [
    follow<V1EndpointSlice>(api, {
      path: '/apis/discovery.k8s.io/v1/endpointslices',
      signal,
      onChange: (slice) => slices.set(slice.metadata?.uid ?? '', slice),
      onDelete: (slice) => slices.delete(slice.metadata?.uid ?? ''),
    }),
    follow<V1Service>(api, { path: '/api/v1/services', signal, onChange: open, onDelete: close }),
  ];

  return {
    stop: async () => {
      stopping.abort();
      for (const server of [...servers.values()].flat()) server.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all(following);
    },
  };

  function open(service: V1Service): void {
    const uid = service.metadata?.uid ?? '';
    const address = service.spec?.clusterIP;
    if (servers.has(uid) || !service.spec?.selector || !address || address === 'None') return;
    const ports = service.spec.ports ?? [];
    servers.set(
      uid,
      ports.map(({ port, name = '' }) => {
        // As what the kernel forwards: no bytes wait for others.
        const server = createServer({ noDelay: true }, (socket) => forward(socket, targets(service, name)));
        server.on('error', (error) => report(`${service.metadata?.name}: ${error.message}`));
        return server.listen(port, address);
      }),
    );
  }

  function close(service: V1Service): void {
    const uid = service.metadata?.uid ?? '';
    for (const server of servers.get(uid) ?? []) server.close();
    servers.delete(uid);
  }

  /** `[port, address]` of all ready endpoints behind a port of a Service. */
  function targets(service: V1Service, portName: string): [number, string][] {
    return [...slices.values()].flatMap((slice) => {
      const owner = slice.metadata?.labels?.['kubernetes.io/service-name'];
      if (owner !== service.metadata?.name || slice.metadata?.namespace !== service.metadata?.namespace) return [];
      const port = slice.ports?.find(({ name = '' }) => name === portName)?.port;
      if (port === undefined) return [];
      const ready = (slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
      return ready.flatMap((endpoint) =>
        endpoint.addresses.map((at): [number, string] => [port, addresses.loopback(at)]),
      );
    });
  }

  function forward(socket: Socket, candidates: readonly [number, string][]): void {
    const chosen = candidates[Math.floor(Math.random() * candidates.length)];
    // As kube-proxy: a Service without endpoints refuses.
    if (chosen === undefined) return void socket.resetAndDestroy();
    const [port, host] = chosen;
    const upstream = connect({ port, host, noDelay: true });
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => sockets.delete(one));
      one.pipe(other);
    }
  }
}
