// SPDX-License-Identifier: Apache-2.0

/** What run.sh tells of the frame that it made. */
export interface Frame {
  /** Of this machine in its own network. */
  readonly address: string;
  /** The group, in each hierarchy of cgroups, beneath which Pods are limited; without `/`. */
  readonly cgroup: string;
}

export function readFrame(env: NodeJS.ProcessEnv = process.env): Frame {
  const { COSIGNET_ADDRESS: address, COSIGNET_CGROUP: cgroup } = env;
  if (!address || !cgroup) throw new Error('this runs in a frame of its own: make test-node');
  return { address, cgroup };
}
