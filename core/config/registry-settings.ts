// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { hostIdentity, plainHttpTwin } from '../image/host.ts';
import { errorText } from '../text.ts';
import type { RegistrySettings, SettingsOf } from '../registry/transport/endpoints.ts';
import { ConfigurationError } from './faults.ts';
import type { RegistryConfiguration } from './types.ts';

/**
 * `registries[]` with its certificate files read, found by host.
 * Fails with `ConfigurationError` where a file can't be read or holds no certificate.
 */
export async function loadRegistrySettings(
  registries: readonly RegistryConfiguration[],
  readFile: (path: string) => Promise<string>,
): Promise<SettingsOf> {
  const loaded = await Promise.all(registries.map((registry, index) => loadOne(registry, index, readFile)));
  const byHost = new Map(loaded.flatMap((settings) => hostsOf(settings).map((host) => [host, settings])));
  return (host) => byHost.get(hostIdentity(host));
}

/** Whether the configuration has a registry asked by plain HTTP, so that its host with `:80` is the same host. */
export function isPlainHttp(
  registries: readonly Pick<RegistryConfiguration, 'host' | 'insecure'>[],
  host: string,
): boolean {
  const identity = hostIdentity(host);
  return registries.some((registry) => registry.insecure && hostsOf(registry).includes(identity));
}

/** All spellings by which an entry is found, as `hostIdentity` gives them. */
export function hostsOf({ host, insecure }: Pick<RegistryConfiguration, 'host' | 'insecure'>): readonly string[] {
  const identity = hostIdentity(host);
  return insecure ? [identity, plainHttpTwin(identity)] : [identity];
}

async function loadOne(
  { host, mirrors, insecure, caFile }: RegistryConfiguration,
  index: number,
  readFile: (path: string) => Promise<string>,
): Promise<RegistrySettings> {
  if (caFile === undefined) return { host, mirrors, insecure };
  try {
    return { host, mirrors, insecure, ca: certificatesIn(await readFile(caFile)) };
  } catch (error) {
    throw new ConfigurationError([
      { path: `$.registries[${index}].caFile`, message: `${caFile}: ${errorText(error)}` },
    ]);
  }
}

/** Returns the text if it is PEM with a certificate first: a key or a page of HTML would fail at each request. */
export function certificatesIn(text: string): string {
  const { raw } = new X509Certificate(text);
  if (raw.length === 0) throw new Error('holds no certificate');
  return text;
}
