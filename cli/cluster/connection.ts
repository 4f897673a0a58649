// SPDX-License-Identifier: Apache-2.0
import { errorText, fileErrorText } from '../../core/text.ts';
import type { KubeApi } from '../../operator/kubernetes/api-client.ts';
import {
  kubeApiOf,
  loadKubeConfig,
  type KubeConfigSelection,
  type SharedKubeConfig,
} from '../../operator/kubernetes/kube-config.ts';
import { UsageError } from '../output/exit.ts';

export interface Connection {
  readonly kubeConfig: SharedKubeConfig;
  readonly api: KubeApi;
}

/**
 * To the cluster of the kubeconfig. Fails with `UsageError` where there is none.
 *
 * @param advice what to do without a cluster.
 */
export function connect(selection: KubeConfigSelection, advice = ''): Connection {
  try {
    const kubeConfig = loadKubeConfig(selection);
    return { kubeConfig, api: kubeApiOf(kubeConfig) };
  } catch (error) {
    throw new UsageError([reasonOf(error, selection.kubeconfig), advice].filter((part) => part !== '').join('; '), {
      cause: error,
    });
  }
}

function reasonOf(error: unknown, kubeconfig: string | undefined): string {
  if (!(error instanceof Error) || !('code' in error)) return errorText(error);
  // Not every error of the file system has the path.
  const file = 'path' in error ? String(error.path) : kubeconfig;
  return `${['kubeconfig', file].filter(Boolean).join(' ')}: ${fileErrorText(error)}`;
}
