// SPDX-License-Identifier: Apache-2.0

/** The names by which a Service is called; the API server's TLS name is the one that ends in `.svc`. */
export function serviceDnsNames(service: string, namespace: string): readonly string[] {
  const name = `${service}.${namespace}`;
  return [`${name}.svc`, `${name}.svc.cluster.local`, name];
}

/** Outside of a cluster: who calls is on this machine. */
export const LOCAL_NAMES = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '::1'] } as const;
