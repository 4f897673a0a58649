// SPDX-License-Identifier: Apache-2.0
import { Ajv } from 'ajv';
import { parseDocument } from 'yaml';
import { errorText } from '../text.ts';
import type { CredentialPrograms } from '../registry/credentials/configured.ts';
import { durationMilliseconds } from '../registry/credentials/duration.ts';
import { compilesAsMatch } from '../registry/credentials/match.ts';
import { PROGRAM_NAME } from '../registry/credentials/program.ts';
import type { CredentialProvider } from '../registry/credentials/provider.ts';
import { ConfigurationError, jsonPath, segmentsOf, sentenceOf } from './faults.ts';
import type { Configuration } from './types.ts';

const text = { type: 'string', minLength: 1, maxLength: 4096 };

/** kubelet.config.k8s.io/v1; what we can't do (tokenAttributes) is no known field, so that nobody waits for it. */
const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['apiVersion', 'kind', 'providers'],
  properties: {
    apiVersion: { enum: ['v1', 'v1beta1', 'v1alpha1'].map((version) => `kubelet.config.k8s.io/${version}`) },
    kind: { enum: ['CredentialProviderConfig'] },
    providers: {
      type: 'array',
      minItems: 1,
      maxItems: 32,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'matchImages', 'defaultCacheDuration', 'apiVersion'],
        properties: {
          name: { ...text, pattern: PROGRAM_NAME, description: 'Name of a file in binDir.' },
          matchImages: { type: 'array', items: text, minItems: 1, maxItems: 256 },
          defaultCacheDuration: text,
          apiVersion: {
            enum: ['v1', 'v1beta1', 'v1alpha1'].map((version) => `credentialprovider.kubelet.k8s.io/${version}`),
          },
          args: { type: 'array', items: { type: 'string', maxLength: 4096 }, maxItems: 64 },
          env: {
            type: 'array',
            maxItems: 64,
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['name', 'value'],
              properties: {
                name: { ...text, pattern: '^[A-Za-z_][A-Za-z0-9_]*$', description: 'Name of a variable.' },
                value: { type: 'string', maxLength: 4096 },
              },
            },
          },
        },
      },
    },
  },
};

type WrittenProvider = Omit<CredentialProvider, 'args' | 'env' | 'defaultCacheMilliseconds'> &
  Partial<Pick<CredentialProvider, 'args' | 'env'>> & { readonly defaultCacheDuration: string };

/**
 * Reads the kubelet's CredentialProviderConfig (YAML or JSON). Fails with `ConfigurationError`, whose paths
 * are those of this file.
 */
export function parseCredentialProviders(content: string, source: string): readonly CredentialProvider[] {
  // Compiling takes longer than all else here: not at the start of every process, few of which have such a file.
  const validate = new Ajv({ allErrors: true, strict: true, verbose: true, allowUnionTypes: true }).compile<{
    readonly providers: readonly WrittenProvider[];
  }>(SCHEMA);
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
