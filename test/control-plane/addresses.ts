// SPDX-License-Identifier: Apache-2.0

/**
 * A Pod's address has two faces: the API server refuses loopback addresses in EndpointSlices, and nothing
 * but a loopback address can be listened on here. So `10.97.x.y` is what the cluster sees, and
 * `127.<octet>.x.y` where the process really listens.
 */
export interface PodAddresses {
  /** The address for the cluster of the n-th Pod, from 1. */
  readonly address: (index: number) => string;
  readonly loopback: (podAddress: string) => string;
}

export function podAddresses(octet: number): PodAddresses {
  return {
    address: (index) => `10.97.${(index >> 8) & 0xff}.${index & 0xff}`,
    loopback: (podAddress) => podAddress.replace(/^10\.97\./, `127.${octet}.`),
  };
}

/** Networks of a cluster of IPv6 alone. */
export const SERVICES6 = 'fd00:96::/112';
export const PODS6 = 'fd00:97::/112';

/** There one address is both, since whole networks of IPv6 can be this machine's. */
export function podAddresses6(): PodAddresses {
  return { address: (index) => `fd00:97::${index.toString(16)}`, loopback: (address) => address };
}

/** As an address stands before a port. */
export function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
