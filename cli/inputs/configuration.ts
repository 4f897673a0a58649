// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_CONFIGURATION, loadConfiguration } from '../../core/config/configuration.ts';
import type { Configuration } from '../../core/config/types.ts';

/** The configuration file that was named, or the defaults. Fails with `ConfigurationError`. */
export async function configurationOf(options: { readonly config?: string }): Promise<Configuration> {
  return options.config === undefined ? DEFAULT_CONFIGURATION : loadConfiguration(options.config);
}
