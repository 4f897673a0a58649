// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { podAddresses, podAddresses6 } from './addresses.ts';
import { startControlPlane, type ControlPlane, type ControlPlaneOptions } from './control-plane.ts';
import { startNode } from './node.ts';
import type { PodHost } from './pod-process.ts';
import { startProxy } from './proxy.ts';

export interface ClusterOptions extends ControlPlaneOptions {
  /** Runs in the place of the chart's image. */
  readonly entrypoint: readonly [string, ...string[]];
  /** By which address a Pod reaches the API server; left out, its own. */
  readonly reach?: PodHost['reach'];
  /** What goes wrong beside the tests; left out, standard error. */
  readonly report?: (line: string) => void;
}

/** Pods with these values of the label are run for real. */
const LABEL = 'app.kubernetes.io/name';
const PRODUCT: ReadonlySet<unknown> = new Set(['cosignet', 'cosignet-test']);

/** A control plane with one node and Services: enough for helm to install the chart and wait for it. */
export async function startCluster(options: ClusterOptions): Promise<ControlPlane> {
  const { entrypoint, dir, reach, report = (line) => console.error(`cluster: ${line}`) } = options;
  const plane = await startControlPlane(options);
  const { api, server, caFile } = plane;
  // The services' network has an octet below 128, the Pods' its neighbour 64 higher.
  const addresses = options.ipv6 ? podAddresses6() : podAddresses(plane.serviceOctet + 64);
  const proxy = startProxy({ api, addresses, report });
  const node = await startNode({
    host: { api, server, reach, caFile, entrypoint, dir: path.join(dir, 'pods') },
    addresses,
    runs: (pod) => PRODUCT.has(pod.metadata?.labels?.[LABEL]),
    report,
  });
  const stop = async () => {
    await node.stop();
    await proxy.stop();
    await plane.stop();
  };
  return { ...plane, stop };
}
