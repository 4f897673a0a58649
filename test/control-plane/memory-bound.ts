// SPDX-License-Identifier: Apache-2.0
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ENVIRONMENT } from '../../release/image.ts';

const ROOT = '/sys/fs/cgroup';
const LIMIT = 512 * 2 ** 20;

/** What the kernel says of one process that was started within the bound. */
export interface MemoryUse {
  /** Mebibytes at most so far, with what it read of files. */
  readonly most: number;
  /** Processes that the kernel ended for it. */
  readonly killed: number;
}

export interface MemoryBound {
  /** A Node each of whose processes lives in a cgroup of its own, with the chart's limit. */
  readonly node: string;
  /** By process id. */
  use(this: void, pid: number): MemoryUse;
  /** Removes the cgroups of processes that have ended. */
  close(this: void): void;
}

/** Throws where this machine has no cgroups, or they are not ours to make. */
export function boundMemory(dir: string): MemoryBound {
  const isUnified = existsSync(path.join(ROOT, 'cgroup.controllers'));
  const base = path.join(ROOT, isUnified ? '' : 'memory', `cosignet-${process.pid}`);
  mkdirSync(base);
  if (isUnified) writeFileSync(path.join(base, 'cgroup.subtree_control'), '+memory');
  const groupOf = (pid: number) => path.join(base, String(pid));
  const [limit, most, events] = isUnified
    ? ['memory.max', 'memory.peak', 'memory.events']
    : ['memory.limit_in_bytes', 'memory.max_usage_in_bytes', 'memory.oom_control'];
  const node = path.join(dir, 'node-within-limit');
  const variables = Object.entries({ ...ENVIRONMENT, PATH: undefined }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  // The shell enters the cgroup and becomes Node, which takes the bound of its heap from it.
  const lines = [
    '#!/bin/sh',
    'set -e',
    `mkdir ${base}/$$`,
    `echo ${LIMIT} > ${base}/$$/${limit}`,
    `echo $$ > ${base}/$$/cgroup.procs`,
    `exec env ${variables.join(' ')} ${process.execPath} "$@"`,
  ];
  writeFileSync(node, `${lines.join('\n')}\n`);
  chmodSync(node, 0o755);
  return {
    node,
    use: (pid) => ({
      most: Math.round(Number(readFileSync(path.join(groupOf(pid), most), 'utf8')) / 2 ** 20),
      killed: Number(/^oom_kill (\d+)/m.exec(readFileSync(path.join(groupOf(pid), events), 'utf8'))?.[1]),
    }),
    close: () => {
      const within = readdirSync(base, { withFileTypes: true }).filter((entry) => entry.isDirectory());
      for (const { name } of within) rmdirSync(path.join(base, name));
      rmdirSync(base);
    },
  };
}
