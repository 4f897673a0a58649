// SPDX-License-Identifier: Apache-2.0
import { certificatesIn, loadRegistrySettings } from '../../core/config/registry-settings.ts';
import type { Configuration } from '../../core/config/types.ts';
import { fileErrorText } from '../../core/text.ts';
import { readBoundedText } from '../../core/read-bounded.ts';
import type { SettingsOf } from '../../core/registry/transport/endpoints.ts';
import { UsageError } from '../output/exit.ts';

export interface RegistryOptions {
  /** `host[:port]`, as in image references. */
  readonly insecureRegistry: readonly string[];
  readonly registryCa?: string;
}

/** How registries are reached: the configuration, and what the command line says on top of it. */
export async function registrySettings(configuration: Configuration, options: RegistryOptions): Promise<SettingsOf> {
  const configured = await loadRegistrySettings(configuration.registries, (file) => readBoundedText(file));
  const insecure = new Set(options.insecureRegistry.map((host) => host.toLowerCase()));
  const ca = options.registryCa === undefined ? undefined : await readCertificates(options.registryCa);
  return (host) => {
    const settings = configured(host) ?? { host, mirrors: [], insecure: false };
    if (insecure.has(host)) return { ...settings, insecure: true };
    return ca === undefined ? configured(host) : { ...settings, ca };
  };
}

async function readCertificates(file: string): Promise<string> {
  try {
    return certificatesIn(await readBoundedText(file));
  } catch (error) {
    throw new UsageError(`--registry-ca ${file}: ${fileErrorText(error)}`);
  }
}
