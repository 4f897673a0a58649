// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '../../core/observe.ts';
import { apiPath, type KubeApi, type KubeObject } from '../kubernetes/api-client.ts';
import { Reflector } from '../kubernetes/reflector.ts';
import { apply } from './apply.ts';
import { covers } from './scope.ts';
import type { WantedBinding } from './wanted.ts';

interface Annotated extends KubeObject {
  readonly spec?: unknown;
}

export interface DigestBindingOptions {
  readonly api: KubeApi;
  readonly wanted: WantedBinding;
  readonly isLeader: () => boolean;
  readonly onChange: () => void;
  readonly log: Logger;
}

const GROUP_VERSION = 'admissionregistration.k8s.io/v1';
const GROUP = `/apis/${GROUP_VERSION}`;
const POLICIES = 'validatingadmissionpolicies';
const BINDINGS = 'validatingadmissionpolicybindings';
/** On the policy, the installer's: which installation or upgrade it is of. */
const REVISION_ANNOTATION = 'cosignet.dev/revision';
/** On the policy: with which of them it had its binding. Who deletes the binding then has it back with the next one only. */
const ARMED_ANNOTATION = 'cosignet.dev/armed';
/** On a binding of a former release, which is still the installer's. */
const INSTALLER_ANNOTATION = 'meta.helm.sh/release-name';
const SMALL = { bytes: 1024 };
const METADATA = {
  fields: { name: SMALL, uid: SMALL, resourceVersion: SMALL, annotations: { bytes: 1024 * 1024 } },
};

/** The binding that puts the demand for digests in force; made once, when the webhooks are in force. */
export class DigestBinding {
  readonly reflectors: readonly Reflector<Annotated>[];
  readonly #options: DigestBindingOptions;

  constructor(options: DigestBindingOptions) {
    this.#options = options;
    const { api, wanted, onChange, log } = options;
    this.reflectors = [POLICIES, BINDINGS].map(
      (name) =>
        new Reflector<Annotated>({
          api,
          name,
          path: apiPath(GROUP, name),
          fieldSelector: `metadata.name=${wanted.name}`,
          reading: { selection: { fields: { metadata: METADATA, spec: { bytes: 1024 * 1024 } } } },
          onChanges: onChange,
          log,
        }),
    );
  }

  /** Why the demand is not in force; empty: it is. */
  unarmed(): readonly string[] {
    if (!this.#reflectorsKnow()) return [`${BINDINGS} were not listed yet`];
    if (this.#object(1)) return [];
    const policy = this.#object(0);
    const why = policy && isMarked(policy) ? 'was deleted; the next upgrade makes it anew' : 'is not there yet';
    return [`ValidatingAdmissionPolicyBinding ${this.#options.wanted.name} ${why}`];
  }

  /** Idempotent. */
  async reconcile(): Promise<void> {
    const { wanted, isLeader, log } = this.#options;
    if (!isLeader() || !this.#reflectorsKnow()) return;
    const [policy, binding] = [this.#object(0), this.#object(1)];
    if (!policy) return;
    const wasArmed = isMarked(policy);
    if (binding) {
      if (binding.metadata.annotations?.[INSTALLER_ANNOTATION] === undefined && !covers(binding.spec, wanted.spec)) {
        await this.#bind(policy, binding);
      }
    } else {
      if (wasArmed) return;
      await this.#bind(policy);
      log.info('bound the demand for digests', { name: wanted.name });
    }
    if (!wasArmed) await this.#mark(policy);
  }

  /** Goes with its policy. */
  async #bind({ metadata: { name, uid } }: Annotated, binding?: Annotated): Promise<void> {
    const { api, wanted } = this.#options;
    const owner = { apiVersion: GROUP_VERSION, kind: 'ValidatingAdmissionPolicy', name, uid };
    await apply(api, apiPath(GROUP, BINDINGS, wanted.name), {
      apiVersion: GROUP_VERSION,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: wanted.name, ...(binding && { uid: binding.metadata.uid }), ownerReferences: [owner] },
      spec: wanted.spec,
    });
  }

  async #mark(policy: Annotated): Promise<void> {
    const { name, uid, resourceVersion } = policy.metadata;
    await this.#options.api.call({
      method: 'PATCH',
      path: apiPath(GROUP, POLICIES, name),
      contentType: 'application/merge-patch+json',
      body: { metadata: { uid, resourceVersion, annotations: { [ARMED_ANNOTATION]: revisionOf(policy) } } },
    });
  }

  #object(index: 0 | 1): Annotated | undefined {
    return this.reflectors[index]?.get(this.#options.wanted.name);
  }

  #reflectorsKnow(): boolean {
    return this.reflectors.every(({ isSynced }) => isSynced);
  }
}

function isMarked(policy: Annotated): boolean {
  return policy.metadata.annotations?.[ARMED_ANNOTATION] === revisionOf(policy);
}

function revisionOf({ metadata }: Annotated): string {
  return metadata.annotations?.[REVISION_ANNOTATION] ?? '';
}
