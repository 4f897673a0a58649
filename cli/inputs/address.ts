// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../output/exit.ts';

export interface Address {
  /** Empty: every address of the machine, of IPv4 and of IPv6, where it has them. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** Reads `host:port`, `[::1]:port` or `:port` (all addresses). */
export function parseAddress(option: string, text: string): Address {
  const [, ipv6, name, digits = ''] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^[\]:\s]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = digits === '' ? Number.NaN : Number(digits);
  if (!(port <= 65_535)) throw new UsageError(`${option} ${text}: write it as host:port`);
  return { host: ipv6 ?? name ?? '', port };
}

/** 0: any free one. */
export function parsePort(option: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new UsageError(`${option} ${text}: write a port, from 0 to 65535`);
  return port;
}
