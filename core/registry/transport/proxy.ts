// SPDX-License-Identifier: Apache-2.0

/** A proxy for HTTPS, named by the administrator. */
export interface ProxySettings {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** Hosts to ask directly: `registry.example.com`, with all below it `.example.com`. */
  readonly noProxy: readonly string[];
}

/**
 * The proxy that a request goes through; undefined: none. Plain HTTP goes direct: it is only spoken to hosts that are
 * configured as insecure, which are near.
 */
export function proxyFor(target: URL, proxy: ProxySettings | undefined): string | undefined {
  if (!proxy || target.protocol !== 'https:') return undefined;
  const host = target.hostname.toLowerCase();
  const direct = proxy.noProxy.some((entry) => {
    const name = entry.toLowerCase();
    return name.startsWith('.') ? host === name.slice(1) || host.endsWith(name) : host === name;
  });
  return direct ? undefined : proxy.url;
}
