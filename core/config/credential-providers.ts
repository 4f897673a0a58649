// SPDX-License-Identifier: Apache-2.0
import { parseDocument } from 'yaml';
import { errorText } from '../text.ts';
import type { CredentialPrograms } from '../registry/credentials/configured.ts';
import { durationMilliseconds } from '../registry/credentials/duration.ts';
import { compilesAsMatch } from '../registry/credentials/match.ts';
import type { CredentialProvider } from '../registry/credentials/provider.ts';
import { ConfigurationError, jsonPath, segmentsOf, sentenceOf } from './faults.ts';
import type { Configuration } from './types.ts';
import { validatorOf } from './validators.ts';

type WrittenProvider = Omit<CredentialProvider, 'args' | 'env' | 'defaultCacheMilliseconds'> &
  Partial<Pick<CredentialProvider, 'args' | 'env'>> & { readonly defaultCacheDuration: string };

/**
 * Reads the kubelet's CredentialProviderConfig (YAML or JSON). Fails with `ConfigurationError`, whose paths
 * are those of this file.
 */
export function parseCredentialProviders(content: string, source: string): readonly CredentialProvider[] {
  const validate = validatorOf<{ readonly providers: readonly WrittenProvider[] }>('credentialProviders');
  const written = parseYaml(content, source);
  if (!validate(written)) {
    const faults = (validate.errors ?? []).map((error) => ({
      path: jsonPath(segmentsOf(error)),
      message: sentenceOf(error),
    }));
    throw new ConfigurationError(faults, source);
  }
  const names = new Set<string>();
  return written.providers.map((provider, index) => {
    const fault = (field: string, message: string) =>
      new ConfigurationError([{ path: `$.providers[${index}].${field}`, message }], source);
    const { name, matchImages, apiVersion, args = [], env = [] } = provider;
    if (names.has(name)) throw fault('name', `names ${name} a second time`);
    names.add(name);
    const defaultCacheMilliseconds = durationMilliseconds(provider.defaultCacheDuration);
    if (defaultCacheMilliseconds === undefined) throw fault('defaultCacheDuration', 'is no duration such as 12h');
    const wrong = matchImages.findIndex((pattern) => !compilesAsMatch(pattern));
    if (wrong !== -1) throw fault(`matchImages[${wrong}]`, 'is no host with optional port and path');
    return { name, matchImages, apiVersion, args, env, defaultCacheMilliseconds };
  });
}

function parseYaml(content: string, source: string): unknown {
  try {
    const document = parseDocument(content, { stringKeys: true, prettyErrors: false });
    const [broken] = document.errors;
    if (broken) throw broken;
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ConfigurationError([{ path: '$', message: `is not valid YAML: ${errorText(error)}` }], source);
  }
}

/** The programs of `credentialProviders` and `credentialHelpers`, the kubelet's file read. Fails with `ConfigurationError`. */
export async function loadCredentialPrograms(
  { credentialProviders, credentialHelpers }: Pick<Configuration, 'credentialProviders' | 'credentialHelpers'>,
  readFile: (path: string) => Promise<string>,
): Promise<CredentialPrograms> {
  const helpers = credentialHelpers && { helpers: credentialHelpers };
  if (!credentialProviders) return { ...helpers };
  const { configFile, binDir } = credentialProviders;
  const content = await readFile(configFile).catch((error: unknown) => {
    const message = `${configFile}: ${errorText(error)}`;
    throw new ConfigurationError([{ path: '$.credentialProviders.configFile', message }]);
  });
  return { ...helpers, providers: { binDir, list: parseCredentialProviders(content, configFile) } };
}
