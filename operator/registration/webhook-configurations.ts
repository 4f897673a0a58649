// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '../../core/observe.ts';
import { apiPath, type KubeApi, type KubeObject } from '../kubernetes/api-client.ts';
import { METADATA } from '../kubernetes/object-reader.ts';
import { Reflector, type ReflectorTimings } from '../kubernetes/reflector.ts';
import { apply, takeOver } from './apply.ts';
import { rememberingBundles } from './bundles.ts';
import { onlyWantedConditions } from './conditions.ts';
import { covers, includes, isOnlyReached, onlyReached } from './scope.ts';
import type { WantedRegistration, WantedWebhook } from './wanted.ts';

interface Webhook {
  readonly name: string;
  readonly clientConfig: { readonly service?: { readonly path?: string }; readonly caBundle?: string };
  readonly [field: string]: unknown;
}

interface WebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly Webhook[];
}

export interface ConfigurationReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid?: string;
}

export interface WebhookConfigurationsOptions {
  readonly api: KubeApi;
  /** Of our Lease. */
  readonly namespace: string;
  /** Of the mutating and of the validating one, and of our Lease. */
  readonly name: string;
  readonly wanted: Pick<WantedRegistration, 'mutating' | 'validating'>;
  /** Authorities to publish, PEM; undefined while there are none, empty where somebody else publishes. */
  readonly authorities: () => readonly string[] | undefined;
  /**
   * Where API servers are to call instead of a path; undefined: not known yet. `isPlain`: they call there now, as a
   * former release had it.
   */
  readonly pathOf: (path: string, isPlain: boolean) => string | undefined;
  readonly isLeader: () => boolean;
  /** This replica knows what it would decide by. */
  readonly canAnswer: () => boolean;
  /** Why API servers don't reach an endpoint; undefined: they do. */
  readonly whyNotReached: (endpoint: Endpoint) => Promise<string | undefined>;
  readonly onChange: () => void;
  /** Somebody else had changed what was right. */
  readonly onRestored: (regarding: ConfigurationReference) => void;
  readonly log: Logger;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  readonly timings?: Partial<ReflectorTimings>;
}

export type Endpoint = 'mutate' | 'validate';

const GROUP_VERSION = 'admissionregistration.k8s.io/v1';
const GROUP = `/apis/${GROUP_VERSION}`;
const ROWS = [
  {
    plural: 'mutatingwebhookconfigurations',
    kind: 'MutatingWebhookConfiguration',
    webhooks: 'mutating',
    endpoint: 'mutate',
  },
  {
    plural: 'validatingwebhookconfigurations',
    kind: 'ValidatingWebhookConfiguration',
    webhooks: 'validating',
    endpoint: 'validate',
  },
] as const;
type Row = (typeof ROWS)[number];

/** Of the names of our webhooks. */
const OUR_SUFFIX = '.cosignet.dev';
const TOKEN_END = /\/[0-9a-f]{64}$/;
/** Milliseconds in which every API server hears of what was registered. */
const PLAIN_AFTER = 60_000;

/** Ours has few. */
const CONFIGURATION_BYTES = 1024 * 1024;

/**
 * Keeps `webhooks`, and nothing else, of our two webhook configurations. Until API servers have been seen to reach a
 * replica they are asked for nothing else; from then on they are never told less, whatever becomes of the replicas.
 */
export class WebhookConfigurations {
  readonly reflectors: readonly Reflector<WebhookConfiguration>[];
  readonly #options: WebhookConfigurationsOptions;
  readonly #contains = rememberingBundles();
  /** Which bundles and paths were seen in all webhooks, and since when. */
  #seen = { calls: '', since: 0 };
  /** Until when a path without a token is served to API servers that don't know of the tokens yet. */
  #plainUntil = 0;
  /** Configuration and webhooks that were last seen to be as wanted, by collection. */
  readonly #right = new Map<string, string>();
  /** Why API servers don't reach us, as last tried. */
  #notReached: string | undefined;

  constructor(options: WebhookConfigurationsOptions) {
    this.#options = options;
    this.reflectors = ROWS.map(
      ({ plural }) =>
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
    return this.#everyBundle().every((bundle) => bundle !== undefined && this.#contains(bundle, authority));
  }

  /** All of these have been in every webhook for `milliseconds`: other API servers know by now, too. */
  carry(authorities: readonly string[], milliseconds: number): boolean {
    if (!authorities.every((authority) => this.trusts(authority))) return false;
    return this.#options.monotonic() - this.#seen.since >= milliseconds;
  }

  /** All webhooks have been at paths with this end for `milliseconds`. */
  calls(token: string, milliseconds: number): boolean {
    if (!this.#everyPath().every((path) => path.endsWith(`/${token}`))) return false;
    return this.#options.monotonic() - this.#seen.since >= milliseconds;
  }

  /** API servers call without a token, as a former release had it, or did until a moment ago. */
  get callsPlainly(): boolean {
    return this.#options.monotonic() < this.#plainUntil;
  }

  /** They do. */
  get isPlain(): boolean {
    return this.#everyPath().some((path) => path !== '' && !TOKEN_END.test(path));
  }

  /** Why Pods are admitted without being looked at; empty: both configurations are in force. */
  unarmed(): readonly string[] {
    return ROWS.flatMap((row) => {
      const live = this.#live(row);
      if (!live) return [`${row.kind} ${this.#options.name} is not there`];
      if (isArmed(live)) return [];
      return [`${row.kind} ${this.#options.name} is not in force${this.#notReached ? `: ${this.#notReached}` : ''}`];
    });
  }

  /** Why Pods are not checked as this release has it; empty: all that it registers is in force. */
  notInForce(): readonly string[] {
    const unarmed = this.unarmed();
    if (unarmed.length > 0) return unarmed;
    const { name, wanted } = this.#options;
    return ROWS.filter((row) => {
      const live = this.#live(row);
      // Where and by whom they are called may change at any time; and an enforcer of the cluster may add to what is there.
      const webhooks = wanted[row.webhooks].map((webhook) => Object.assign({}, webhook, { clientConfig: {} }));
      return live && !includes(live.webhooks ?? [], webhooks);
    }).map(({ kind }) => `${kind} ${name} is still as another release or somebody else wrote it`);
  }

  /** Idempotent; rejects while API servers don't reach us. A configuration that is not there is the installer's to make. */
  async reconcile(): Promise<void> {
    const { isLeader, authorities, canAnswer, pathOf } = this.#options;
    if (!isLeader() || authorities() === undefined || pathOf('', this.isPlain) === undefined) return;
    const rows = ROWS.filter((row) => this.#live(row));
    for (const row of rows) {
      const live = this.#live(row);
      if (live && !isArmed(live))
        await this.#write(
          row,
          live,
          this.#wanted(row).map((webhook) => onlyReached(webhook, this.#options)),
        );
    }
    if (!canAnswer()) return;
    await this.#mustBeReached(rows.filter((row) => !isArmed(this.#live(row))));
    for (const row of rows) {
      const live = this.#live(row);
      if (live) await this.#write(row, live, this.#wanted(row));
    }
  }

  /** What is in force already is not called for the question. */
  async #mustBeReached(rows: readonly Row[]): Promise<void> {
    for (const { endpoint } of rows) {
      this.#notReached = await this.#options.whyNotReached(endpoint);
      if (this.#notReached !== undefined) throw new Error(this.#notReached);
    }
  }

  /** With authorities and paths of now: others may have come while something was waited for. */
  #wanted({ webhooks }: Row): readonly WantedWebhook[] {
    const bundle = btoa((this.#options.authorities() ?? []).join(''));
    return this.#options.wanted[webhooks].map((webhook) => {
      const { service, ...client } = Object(webhook['clientConfig']);
      const path = this.#options.pathOf(String(service?.path), this.isPlain);
      const clientConfig = { ...client, service: { ...service, path }, ...(bundle !== '' && { caBundle: bundle }) };
      return { ...webhook, clientConfig };
    });
  }

  async #write(row: Row, live: WebhookConfiguration, webhooks: readonly WantedWebhook[]): Promise<void> {
    const { api, isLeader, log } = this.#options;
    const { name, uid, resourceVersion } = live.metadata;
    const right = JSON.stringify([uid, webhooks]);
    if (isRight(live, webhooks)) {
      this.#right.set(row.plural, right);
      return;
    }
    // What came before may have taken its time; leadership may be gone.
    if (!isLeader()) return;
    const wasRight = this.#right.get(row.plural) === right;
    const object = { apiVersion: GROUP_VERSION, kind: row.kind, metadata: { name, uid, resourceVersion }, webhooks };
    const path = apiPath(GROUP, row.plural, name);
    const applied = await onlyWantedConditions(api, path, { applied: await apply(api, path, object), webhooks });
    await takeOver(api, path, { applied, field: 'webhooks', whole: 'rules' });
    log.info('wrote webhooks', { kind: row.plural, name });
    if (!wasRight) return;
    this.#options.onRestored({
      apiVersion: GROUP_VERSION,
      kind: row.kind,
      name,
      ...(uid !== undefined && { uid }),
    });
  }

  #live(row: Row): WebhookConfiguration | undefined {
    return this.reflectors[ROWS.indexOf(row)]?.get(this.#options.name);
  }

  #look(): void {
    const now = this.#options.monotonic();
    const calls = [...this.#everyBundle(), ...this.#everyPath()].join();
    if (calls !== this.#seen.calls) this.#seen = { calls, since: now };
    if (this.isPlain) this.#plainUntil = Infinity;
    else if (this.#plainUntil === Infinity) this.#plainUntil = now + PLAIN_AFTER;
  }

  /** Of each webhook that is called through a Service; a missing configuration counts as one without. */
  #everyPath(): readonly string[] {
    return this.#everyClient().map(({ service }) => service?.path ?? '');
  }

  #everyBundle(): readonly (string | undefined)[] {
    return this.#everyClient().map(({ caBundle }) => caBundle);
  }

  #everyClient(): readonly Webhook['clientConfig'][] {
    return this.reflectors.flatMap((reflector) => {
      const webhooks = reflector.get(this.#options.name)?.webhooks ?? [];
      const clients = webhooks.map(({ clientConfig }) => clientConfig).filter(({ service }) => service);
      return clients.length > 0 ? clients : [{}];
    });
  }
}

/** All that is wanted is there, and nothing of ours that was wanted before. */
function isRight({ webhooks: live = [] }: WebhookConfiguration, wanted: readonly WantedWebhook[]): boolean {
  const names = new Set(wanted.map(({ name }) => name));
  if (live.some(({ name }) => name.endsWith(OUR_SUFFIX) && !names.has(name))) return false;
  return wanted.every((webhook) =>
    covers(
      live.find(({ name }) => name === webhook.name),
      webhook,
    ),
  );
}

function isArmed(configuration: WebhookConfiguration | undefined): boolean {
  return (configuration?.webhooks ?? []).some(
    (webhook) => webhook.clientConfig.service !== undefined && !isOnlyReached(webhook),
  );
}
