// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_CONFIGURATION, parseConfiguration } from '../../core/config/configuration.ts';
import { PUBLIC_GOOD } from '../../core/config/trust-root-settings.ts';
import type { Configuration, RegistryConfiguration } from '../../core/config/types.ts';
import { errorText } from '../../core/text.ts';
import { apiPath, isStatus, type KubeApi, type KubeObject } from '../../operator/kubernetes/api-client.ts';
import { UsageError } from '../output/exit.ts';

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** The chart's name; its objects carry it whatever the release is called. */
const SELECTOR = 'app.kubernetes.io/name=cosignet';
const KEY = 'config.yaml';

/**
 * What Cosignet is configured with in a cluster, as far as it counts outside: files and programs that only its Pods have
 * are left out, and that is said. Fails with `UsageError` where it can't be used.
 */
export async function readClusterConfiguration(
  api: KubeApi,
  releaseNamespace: string,
  warn: (text: string) => void,
): Promise<Configuration> {
  const text = await configText(api, releaseNamespace, warn);
  if (text === undefined) return DEFAULT_CONFIGURATION;
  try {
    return outside(parseConfiguration(text), warn);
  } catch (error) {
    throw new UsageError(`the configuration in namespace ${releaseNamespace}: ${errorText(error)}`, { cause: error });
  }
}

async function configText(api: KubeApi, namespace: string, warn: (text: string) => void): Promise<string | undefined> {
  try {
    const path = apiPath('/api/v1/namespaces', namespace, 'configmaps');
    const { items = [] } = await api.call<{ items?: readonly ConfigMap[] }>({
      path,
      query: { labelSelector: SELECTOR },
    });
    const texts = items.flatMap(({ data }) => data?.[KEY] ?? []);
    if (texts.length > 1) throw new UsageError(`there are ${texts.length} configurations in namespace ${namespace}`);
    if (texts.length === 0) warn(`there is no configuration in namespace ${namespace}: the defaults count`);
    return texts[0];
  } catch (error) {
    if (!isStatus(error, 403)) throw error;
    warn(`the configuration in namespace ${namespace} is not used: ${errorText(error)}`);
    return undefined;
  }
}

function outside(configuration: Configuration, warn: (text: string) => void): Configuration {
  const { credentialHelpers, credentialProviders, ...rest } = configuration;
  const withFile = rest.registries.filter(({ caFile }) => caFile !== undefined).map(({ host }) => host);
  if (withFile.length > 0) warn(`caFile of ${withFile.join(', ')} is in the cluster: name it with --registry-ca`);
  const inFiles = rest.trustRoots.filter(({ file, tuf }) => file !== undefined || tuf !== undefined);
  // Without its entry the root that is built in would count in its place.
  if (inFiles.some(({ name }) => name === PUBLIC_GOOD)) {
    throw new UsageError(`trust root ${PUBLIC_GOOD} is from a file that only the cluster has: give --config`);
  }
  if (inFiles.length > 0) {
    const names = inFiles.map(({ name }) => name).join(', ');
    warn(`trust roots from files are in the cluster: what needs ${names} can't be decided; give --config`);
  }
  if (credentialHelpers !== undefined || credentialProviders !== undefined) {
    warn('credential helpers and providers are in the cluster: your own credentials are used');
  }
  return {
    ...rest,
    registries: rest.registries.map(withoutFile),
    // Unknown to the policies that name them: not Ready, and so never weaker.
    trustRoots: rest.trustRoots.filter((root) => !inFiles.includes(root)),
  };
}

function withoutFile({ caFile: _file, ...registry }: RegistryConfiguration): RegistryConfiguration {
  return registry;
}
