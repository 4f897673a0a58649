// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
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
  const byHost = new Map(loaded.map((settings) => [settings.host, settings]));
  return (host) => byHost.get(host);
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
