// SPDX-License-Identifier: Apache-2.0
import { BlockList, isIP } from 'node:net';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';

export type AddressKind =
  'public' | 'private' | 'loopback' | 'link-local' | 'metadata' | 'multicast' | 'unspecified' | 'reserved';

/**
 * How far a connection may go; whoever wrote the host name decides.
 * - `any`: the administrator named this host in `registries[]`.
 * - `local`: a token server or redirect of a registry that is configured as insecure.
 * - `named`: a registry that only an image reference names. Companies keep registries on RFC 1918
 *   addresses under proper DNS names, so those are allowed; a bare private address or a name of the
 *   cluster's own services is not, for whoever can create a Pod could probe the network with it.
 * - `public`: a token server or redirect, named by what a registry answered.
 */
export type Reach = 'any' | 'local' | 'named' | 'public';

const REACHABLE: Readonly<Record<Reach, ReadonlySet<AddressKind>>> = {
  any: new Set<AddressKind>(['public', 'private', 'loopback', 'link-local', 'metadata', 'reserved']),
  local: new Set<AddressKind>(['public', 'private', 'loopback']),
  named: new Set<AddressKind>(['public', 'private']),
  public: new Set<AddressKind>(['public']),
};

/** First match counts. The IANA special-purpose registries, and the metadata services of the clouds. */
const RANGES: readonly (readonly [network: string, prefix: number, kind: AddressKind])[] = [
  ['169.254.169.254', 32, 'metadata'],
  ['100.100.100.200', 32, 'metadata'],
  ['192.0.0.192', 32, 'metadata'],
  ['168.63.129.16', 32, 'metadata'],
  ['0.0.0.0', 8, 'unspecified'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'private'],
  ['127.0.0.0', 8, 'loopback'],
  ['169.254.0.0', 16, 'link-local'],
  ['172.16.0.0', 12, 'private'],
  ['192.168.0.0', 16, 'private'],
  ['198.18.0.0', 15, 'private'],
  ['192.0.0.0', 24, 'reserved'],
  ['192.0.2.0', 24, 'reserved'],
  ['198.51.100.0', 24, 'reserved'],
  ['203.0.113.0', 24, 'reserved'],
  ['224.0.0.0', 4, 'multicast'],
  ['240.0.0.0', 4, 'reserved'],
  ['fd00:ec2::254', 128, 'metadata'],
  ['fd20:ce::254', 128, 'metadata'],
  ['::', 128, 'unspecified'],
  ['::1', 128, 'loopback'],
  ['fc00::', 7, 'private'],
  ['fe80::', 10, 'link-local'],
  ['fec0::', 10, 'private'],
  ['ff00::', 8, 'multicast'],
  ['100::', 64, 'reserved'],
  ['2001::', 32, 'reserved'],
  ['2001:db8::', 32, 'reserved'],
];

const RULES = RANGES.map(([network, prefix, kind]) => {
  const family = network.includes(':') ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addSubnet(network, prefix, family);
  return { list, family, kind } as const;
});

/** What an IP address is; IPv6 that carries an IPv4 address is checked by what it carries. */
export function addressKind(address: string): AddressKind {
  const bare = address.split('%', 1)[0] ?? '';
  if (isIP(bare) === 0) return 'reserved';
  const carried = isIP(bare) === 6 ? (embeddedIPv4(bare) ?? bare) : bare;
  const family = isIP(carried) === 6 ? 'ipv6' : 'ipv4';
  return RULES.find((rule) => rule.family === family && rule.list.check(carried, family))?.kind ?? 'public';
}

export function permits(reach: Reach, address: string): boolean {
  return REACHABLE[reach].has(addressKind(address));
}

/** The host of a URL before any DNS look-up; WHATWG URL parsing has already undone 0x7f.1 and 2130706433. */
export function permitsHost(reach: Reach, hostname: string): boolean {
  const literal = hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) === 0) return reach !== 'named' || !isOurOwnName(hostname);
  return permits(reach === 'named' ? 'public' : reach, literal);
}

/** `service.namespace.svc.<any cluster domain>`, and `localhost` with all below it (RFC 6761, 6.3). */
function isOurOwnName(hostname: string): boolean {
  return /\.svc(\.|$)/.test(hostname) || /\.cluster\.local\.?$/.test(hostname) || /(^|\.)localhost\.?$/.test(hostname);
}

/** The connection was not opened because of where it leads. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

/**
 * A look-up for `net.connect` that refuses a name as soon as one of its addresses is out of reach.
 * Sitting in the connection itself, it leaves no gap for DNS rebinding between check and use.
 * Names that outsiders chose are looked up as absolute (final dot): the search list of a Pod would
 * turn `vault.prod` into a service of the cluster.
 */
export function guardedLookup(reach: Reach, lookup: LookupFunction): LookupFunction {
  const absolute = reach === 'named' || reach === 'public';
  return (hostname, options, callback) => {
    const name = absolute && !hostname.endsWith('.') ? `${hostname}.` : hostname;
    lookup(name, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '');
      // The callback's type also allows for one bare address, which `all` rules out.
      const addresses: readonly LookupAddress[] = typeof found === 'string' ? [] : found;
      const [first] = addresses;
      if (!first) return callback(new AddressRefused(`${hostname} has no address`), '');
      const refused = addresses.find(({ address }) => !permits(reach, address));
      if (refused) return callback(refusal(hostname, refused.address), '');
      if (options.all) return callback(null, [...addresses]);
      callback(null, first.address, first.family);
    });
  };
}

export function refusal(hostname: string, address: string): AddressRefused {
  const kind = addressKind(address);
  return new AddressRefused(
    `${hostname} leads to a ${kind} address, which is refused unless registries[] of the configuration names it`,
  );
}

/** Prefixes under which an IPv6 address carries an IPv4 one, in hexadecimal digits, and where it starts. */
const CARRIERS: readonly (readonly [prefix: string, at: number])[] = [
  ['00000000000000000000ffff', 24], // mapped, ::ffff:0:0/96
  ['0000000000000000ffff0000', 24], // translated, ::ffff:0:0:0/96
  ['000000000000000000000000', 24], // compatible, ::/96
  ['0064ff9b', 24], // NAT64, 64:ff9b::/96 and 64:ff9b:1::/48
  ['2002', 4], // 6to4
];

function embeddedIPv4(address: string): string | undefined {
  const digits = ipv6Digits(address);
  const carrier = CARRIERS.find(([prefix]) => digits.startsWith(prefix));
  // :: and ::1 look compatible but are addresses of their own.
  if (!carrier || /^0{31}[01]$/.test(digits)) return undefined;
  const bytes = digits.slice(carrier[1], carrier[1] + 8).match(/../g) ?? [];
  return bytes.map((byte) => Number.parseInt(byte, 16)).join('.');
}

/** The address as 32 hexadecimal digits. */
function ipv6Digits(address: string): string {
  // URL parsing turns every spelling, dotted tails included, into one compressed form.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const before = paddedGroups(head);
  const after = paddedGroups(tail ?? '');
  return tail === undefined ? before : before + after.padStart(32 - before.length, '0');
}

function paddedGroups(text: string): string {
  if (text === '') return '';
  return text
    .split(':')
    .map((group) => group.padStart(4, '0'))
    .join('');
}
