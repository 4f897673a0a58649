// SPDX-License-Identifier: Apache-2.0
import { apiPath, type KubeApi, type KubeObject } from '../kubernetes/api-client.ts';

export interface RollOutOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  /** Of the Deployment. */
  readonly name: string;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
}

interface Deployment extends KubeObject {
  readonly status?: Readonly<
    Record<'observedGeneration' | 'replicas' | 'updatedReplicas' | 'readyReplicas', number | undefined>
  >;
}

/** Milliseconds. What a Pod that ends may take, and API servers to hear of it. */
const ENDING = 60_000;

/** Whether only Pods of the newest template are left: those of a former release may not know what API servers are told. */
export class RollOut {
  readonly #options: RollOutOptions;
  #since: number | undefined;

  constructor(options: RollOutOptions) {
    this.#options = options;
  }

  get isOver(): boolean {
    return this.#since !== undefined && this.#options.monotonic() - this.#since >= ENDING;
  }

  /** @returns whether none but them are there now, save those that end. */
  async look(): Promise<boolean> {
    const { api, namespace, name, monotonic } = this.#options;
    const path = apiPath('/apis/apps/v1/namespaces', namespace, 'deployments', name);
    const { metadata, status } = await api.call<Deployment>({ path });
    const { observedGeneration = 0, replicas = 0, updatedReplicas, readyReplicas } = status ?? {};
    const isAlone =
      observedGeneration >= (metadata.generation ?? Infinity) &&
      replicas > 0 &&
      updatedReplicas === replicas &&
      readyReplicas === replicas;
    this.#since = isAlone ? (this.#since ?? monotonic()) : undefined;
    return isAlone;
  }
}
