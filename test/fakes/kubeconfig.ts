// SPDX-License-Identifier: Apache-2.0

interface Around {
  readonly user?: object;
  readonly namespace?: string;
}

/** Text of a kubeconfig with one context, `here`, for a fake API server. */
export function kubeconfigFor({ url }: { readonly url: string }, { user = {}, namespace }: Around = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'here', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'here', user }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'here', namespace } }],
    'current-context': 'here',
  });
}
