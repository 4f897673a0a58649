// SPDX-License-Identifier: Apache-2.0
import type { ReportFormat } from '../../core/config/types.ts';
import type { Logger } from '../../core/observe.ts';
import { errorText } from '../../core/text.ts';
import { apiPath, type KubeApi, type KubeObject } from '../kubernetes/api-client.ts';
import { pause } from '../kubernetes/backoff.ts';
import { ListReader, METADATA_ONLY } from '../kubernetes/list-reader.ts';
import { apply } from '../registration/apply.ts';
import { inTurns } from './in-turns.ts';
import type { Running } from './running-groups.ts';
import { REPORT_KINDS, reportContents, type ReportContent } from './report.ts';

export interface ReportWriterOptions {
  readonly api: KubeApi;
  /** Of the release: each report's, and of the webhook configuration that owns them. */
  readonly name: string;
  readonly format: () => ReportFormat;
  readonly isLeader: () => boolean;
  readonly log: Logger;
  /** Milliseconds from what failed to its repetition: a kind may just be coming up. */
  readonly retry?: number;
}

interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

const REGISTRATION = 'admissionregistration.k8s.io/v1';
const LABEL = 'app.kubernetes.io/managed-by';
const MANAGER = 'cosignet';
/** An API server that answers so often with an error is left alone for now. */
const FAILURES_MOST = 5;
const RETRY = 10_000;

/**
 * Writes what was found into a report in each namespace, and removes those that nothing is left to say in. They are owned
 * by a webhook configuration, which an uninstallation removes, and so are removed with it.
 */
export class ReportWriter {
  readonly #options: ReportWriterOptions;
  /** What each namespace was last told. */
  #written = new Map<string, string>();
  /** Namespaces that took none when they were last tried. */
  readonly #refusing = new Set<string>();
  #found: Running | undefined;
  /** Not written yet. */
  #wanted: ReadonlyMap<string, ReportContent> | undefined;
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  #said = '';

  constructor(options: ReportWriterOptions) {
    this.#options = options;
  }

  /** Returns at once; what was found last wins. */
  write(running: Running): void {
    if (this.#stopping.signal.aborted || this.#options.format() === 'None') return;
    this.#found = running;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while ((this.#found ?? this.#wanted) && this.#mayGoOn()) {
      let wanted: ReadonlyMap<string, ReportContent> | undefined;
      try {
        wanted = await this.#take();
        if (wanted) await this.#writeAll(wanted);
        this.#said = '';
      } catch (thrown) {
        this.#say(errorText(thrown));
        this.#wanted ??= wanted;
        await pause(this.#options.retry ?? RETRY, this.#stopping.signal);
      }
    }
  }

  async #take(): Promise<ReadonlyMap<string, ReportContent> | undefined> {
    const [found, wanted] = [this.#found, this.#wanted];
    [this.#found, this.#wanted] = [undefined, undefined];
    return found ? inTurns(reportContents(found)) : wanted;
  }

  /** Once, however often. */
  #say(text: string): void {
    if (text === this.#said) return;
    this.#said = text;
    this.#options.log.warn('reports are not written', { reason: text });
  }

  #mayGoOn(): boolean {
    return !this.#stopping.signal.aborted && this.#options.isLeader();
  }

  async #writeAll(wanted: ReadonlyMap<string, ReportContent>): Promise<void> {
    const format = this.#options.format();
    if (format === 'None') return;
    const owner = await this.#owner();
    const there = await this.#there(format);
    const failures: string[] = [];
    const namespaces = new Set([...wanted.keys(), ...there]);
    for (const namespace of this.#inOrder(namespaces)) {
      if (!this.#mayGoOn()) return;
      const content = wanted.get(namespace);
      try {
        await (content ? this.#put({ format, namespace, content, owner }, there) : this.#remove(format, namespace));
        this.#refusing.delete(namespace);
      } catch (thrown) {
        this.#refusing.add(namespace);
        failures.push(errorText(thrown));
      }
      if (failures.length >= FAILURES_MOST) break;
    }
    const [first] = failures;
    if (first !== undefined) throw new Error(first);
  }

  /** Those last that took none, because they are being deleted or have a quota: nobody else waits for them. */
  #inOrder(namespaces: ReadonlySet<string>): readonly string[] {
    for (const known of this.#refusing) if (!namespaces.has(known)) this.#refusing.delete(known);
    const all = [...namespaces];
    return [...all.filter((one) => !this.#refusing.has(one)), ...all.filter((one) => this.#refusing.has(one))];
  }

  async #owner(): Promise<Owner> {
    const { api, name } = this.#options;
    const path = apiPath(`/apis/${REGISTRATION}`, 'validatingwebhookconfigurations', name);
    const { metadata } = await api.call<KubeObject>({ path });
    return { apiVersion: REGISTRATION, kind: 'ValidatingWebhookConfiguration', name, uid: metadata.uid ?? '' };
  }

  /** Namespaces that have a report of ours. Others may have one of its name, with as much in it as they like. */
  async #there(format: Written): Promise<ReadonlySet<string>> {
    const { api, name, log } = this.#options;
    const { group, version, plural } = REPORT_KINDS[format];
    const found = new Set<string>();
    const lists = new ListReader<KubeObject>({
      api,
      path: apiPath(`/apis/${group}/${version}`, plural),
      fieldSelector: `metadata.name=${name}`,
      isMetadataOnly: true,
      reading: METADATA_ONLY,
      onUnreadable: ({ metadata }) => log.warn('a report is too large to be read', { namespace: metadata.namespace }),
    });
    await lists.list(this.#stopping.signal, (report) => {
      if (isOurs(report)) found.add(report.metadata.namespace ?? '');
    });
    return found;
  }

  async #put({ format, namespace, content, owner }: Told, there: ReadonlySet<string>): Promise<void> {
    const { api, name } = this.#options;
    const { group, version, kind, fields } = REPORT_KINDS[format];
    const report = {
      apiVersion: `${group}/${version}`,
      kind,
      metadata: { name, namespace, labels: { [LABEL]: MANAGER }, ownerReferences: [owner] },
      ...fields,
      scope: { apiVersion: 'v1', kind: 'Namespace', name: namespace },
      ...content,
    };
    const text = JSON.stringify(report);
    if (there.has(namespace) && this.#written.get(namespace) === text) return;
    await apply(api, this.#path(format, namespace), report);
    this.#written.set(namespace, text);
  }

  async #remove(format: Written, namespace: string): Promise<void> {
    this.#written.delete(namespace);
    await this.#options.api.call({ method: 'DELETE', path: this.#path(format, namespace) });
  }

  #path(format: Written, namespace: string): string {
    const { group, version, plural } = REPORT_KINDS[format];
    return apiPath(`/apis/${group}/${version}/namespaces`, namespace, plural, this.#options.name);
  }
}

type Written = keyof typeof REPORT_KINDS;

interface Told {
  readonly format: Written;
  readonly namespace: string;
  readonly content: ReportContent;
  readonly owner: Owner;
}

/** Somebody else may have one of the same name. */
function isOurs({ metadata }: KubeObject): boolean {
  return metadata.namespace !== undefined && metadata.labels?.[LABEL] === MANAGER;
}
