// SPDX-License-Identifier: Apache-2.0

/** On whose behalf a Pod's images are pulled; names in the Pod's own namespace, written by its creator. */
export interface PullIdentity {
  readonly namespace: string;
  readonly imagePullSecrets: readonly string[];
  readonly serviceAccountName: string;
}
