// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import type { Logger } from '../../core/observe.ts';
import { apiPath, type KubeApi, type KubeObject } from '../kubernetes/api-client.ts';
import { METADATA } from '../kubernetes/object-reader.ts';
import { Reflector, type ReflectorTimings } from '../kubernetes/reflector.ts';

interface WebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly {
    readonly name: string;
    readonly clientConfig: { readonly service?: unknown; readonly caBundle?: string };
  }[];
}

export interface ConfigurationReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid?: string;
}

export interface WebhookConfigurationsOptions {
  readonly api: KubeApi;
  /** Of the mutating and of the validating one. */
  readonly name: string;
  /** Authorities to publish, PEM; undefined while there are none. */
  readonly authorities: () => readonly string[] | undefined;
  readonly isLeader: () => boolean;
  readonly onChange: () => void;
  /** Somebody else had changed what was right. */
  readonly onRestored: (regarding: ConfigurationReference) => void;
  readonly log: Logger;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  readonly timings?: Partial<ReflectorTimings>;
}

const GROUP_VERSION = 'admissionregistration.k8s.io/v1';
const GROUP = `/apis/${GROUP_VERSION}`;
const KINDS = {
  mutatingwebhookconfigurations: 'MutatingWebhookConfiguration',
  validatingwebhookconfigurations: 'ValidatingWebhookConfiguration',
} as const;
const PLURALS = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'] as const;
type Plural = (typeof PLURALS)[number];

/** Ours has few. */
const CONFIGURATION_BYTES = 1024 * 1024;

/** Keeps caBundle, and nothing else, of our two webhook configurations. */
export class WebhookConfigurations {
  readonly reflectors: readonly Reflector<WebhookConfiguration>[];
  readonly #options: WebhookConfigurationsOptions;
  /** Which bundle was seen in all webhooks, and since when. */
  #seen = { bundle: '', since: 0 };
  /** Configuration and bundle that were last seen to be as wanted, by collection. */
  readonly #right = new Map<Plural, string>();

  constructor(options: WebhookConfigurationsOptions) {
    this.#options = options;
    this.reflectors = PLURALS.map(
      (plural) =>
        new Reflector<WebhookConfiguration>({
          api: options.api,
          name: plural,
          path: apiPath(GROUP, plural),
          fieldSelector: `metadata.name=${options.name}`,
          reading: { selection: { fields: { metadata: METADATA, webhooks: { bytes: CONFIGURATION_BYTES } } } },
          onChanges: () => {
            this.#look();
            options.onChange();
          },
          log: options.log,
          ...(options.timings && { timings: options.timings }),
        }),
    );
  }

  /** API servers trust this authority when they call us. */
  trusts(authority: string): boolean {
    return this.#everyBundle().every((bundle) => bundle !== undefined && contains(bundle, authority));
  }

  /** All of these have been in every webhook for `milliseconds`: other API servers know by now, too. */
  carry(authorities: readonly string[], milliseconds: number): boolean {
    if (!authorities.every((authority) => this.trusts(authority))) return false;
    return this.#options.monotonic() - this.#seen.since >= milliseconds;
  }

  /** Idempotent. A configuration that is not there is the installer's to make. */
  async reconcile(): Promise<void> {
    const authorities = this.#options.authorities();
    if (!authorities) return;
    const bundle = btoa(authorities.join(''));
    for (const [index, plural] of PLURALS.entries()) {
      const configuration = this.reflectors[index]?.get(this.#options.name);
      // The first may have taken its time; leadership may be gone.
      if (configuration && this.#options.isLeader()) await this.#publish(plural, configuration, bundle);
    }
  }

  async #publish(plural: Plural, configuration: WebhookConfiguration, bundle: string): Promise<void> {
    const operations = (configuration.webhooks ?? []).flatMap(({ name, clientConfig }, index) => {
      if (!clientConfig.service || clientConfig.caBundle === bundle) return [];
      return [
        // Entries may have moved since they were read: never write into another's.
        { op: 'test', path: `/webhooks/${index}/name`, value: name },
        { op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: bundle },
      ];
    });
    const { name, uid, resourceVersion } = configuration.metadata;
    const wanted = `${uid} ${bundle}`;
    if (operations.length === 0) {
      this.#right.set(plural, wanted);
      return;
    }
    const wasRight = this.#right.get(plural) === wanted;
    await this.#options.api.call({
      method: 'PATCH',
      path: apiPath(GROUP, plural, this.#options.name),
      contentType: 'application/json-patch+json',
      // Of the version that was looked at: a request that a broken network delivers late must not undo a later leader's.
      body: [{ op: 'test', path: '/metadata/resourceVersion', value: resourceVersion }, ...operations],
    });
    this.#options.log.info('wrote caBundle', { kind: plural, name: this.#options.name });
    if (!wasRight) return;
    this.#options.onRestored({
      apiVersion: GROUP_VERSION,
      kind: KINDS[plural],
      name,
      ...(uid !== undefined && { uid }),
    });
  }

  #look(): void {
    const bundle = this.#everyBundle().join();
    if (bundle !== this.#seen.bundle) this.#seen = { bundle, since: this.#options.monotonic() };
  }

  /** One for each webhook that is called through a Service; a missing configuration counts as one without. */
  #everyBundle(): readonly (string | undefined)[] {
    return this.reflectors.flatMap((reflector) => {
      const webhooks = reflector.get(this.#options.name)?.webhooks ?? [];
      const bundles = webhooks
        .filter(({ clientConfig }) => clientConfig.service)
        .map((hook) => hook.clientConfig.caBundle);
      return bundles.length > 0 ? bundles : [undefined];
    });
  }
}

function contains(bundle: string, authority: string): boolean {
  const wanted = new X509Certificate(authority).raw;
  const blocks = atob(bundle).match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.some((pem) => {
    try {
      return new X509Certificate(pem).raw.equals(wanted);
    } catch {
      return false;
    }
  });
}
