// SPDX-License-Identifier: Apache-2.0
import { startMeasured } from './measured-process.ts';
import type { MeasuredProcess } from './measured-process.ts';

/** Each by the variable that names a command which starts it. */
export const PEERS = {
  Connaisseur: 'CONNAISSEUR',
  'policy-controller': 'POLICY_CONTROLLER',
  Kyverno: 'KYVERNO',
} as const;

export type Peer = keyof typeof PEERS;

/** What a peer has to know. */
export interface PeerSurroundings {
  /** Of a registry that speaks HTTP. */
  readonly host: string;
  /** The public key by which `<host>/bench/*` is signed. */
  readonly keyPem: string;
  /** What it has to serve by. */
  readonly certificateFile: string;
  readonly keyFile: string;
}

/**
 * Runs `command`, which finds what it has to know in BENCH_HOST, BENCH_KEY (PEM), BENCH_TLS_CERT and BENCH_TLS_KEY (files),
 * starts whatever the peer needs as its children, prints `serving <URL>`, where reviews of Pods are to be posted, and ends
 * all of it on SIGTERM. Undefined: none is given.
 */
export async function startPeer(peer: Peer, surroundings: PeerSurroundings): Promise<MeasuredProcess | undefined> {
  const command = process.env[PEERS[peer]];
  if (command === undefined || command === '') return undefined;
  const environment = {
    BENCH_HOST: surroundings.host,
    BENCH_KEY: surroundings.keyPem,
    BENCH_TLS_CERT: surroundings.certificateFile,
    BENCH_TLS_KEY: surroundings.keyFile,
  };
  return startMeasured([], /serving (https:\S+)/, environment, command);
}
