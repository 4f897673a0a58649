// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '../../core/observe.ts';
import type { NamespaceContext } from '../../core/policy/types.ts';
import { createSingleFlight } from '../../core/single-flight.ts';
import { apiPath, ONLY_METADATA, type KubeApi, type KubeObject } from './api-client.ts';
import { METADATA } from './object-reader.ts';
import { Reflector, type PartlyRead, type ReflectorTimings } from './reflector.ts';

export interface Namespaces {
  readonly reflector: Reflector<KubeObject>;
  /** The namespace's labels. Fails (`ApiError`) where it is not known and can't be asked for: never "no labels". */
  readonly context: (name: string) => Promise<NamespaceContext>;
  /** The same from our copy; undefined where it has none. The labels are one object until they may have changed. */
  readonly known: (name: string) => NamespaceContext | undefined;
}

export interface NamespacesOptions {
  readonly api: KubeApi;
  /** Labels may have changed, and with them which policies apply. */
  readonly onChange?: () => void;
  readonly onPartlyRead?: PartlyRead;
  readonly log: Logger;
  readonly timings?: Partial<ReflectorTimings>;
}

const PATH = '/api/v1/namespaces';
/** An admission waits for this answer. */
const GET_TIMEOUT = 2000;

export function createNamespaces(options: NamespacesOptions): Namespaces {
  const reflector = new Reflector<KubeObject>({
    api: options.api,
    name: 'namespaces',
    path: PATH,
    reading: { selection: { fields: { metadata: METADATA } }, keep: onlyLabels },
    onChanges: () => options.onChange?.(),
    ...(options.onPartlyRead && { onPartlyRead: options.onPartlyRead }),
    log: options.log,
    ...(options.timings && { timings: options.timings }),
  });
  const asking = createSingleFlight<KubeObject>();

  /** A namespace may be newer than our watch; many requests for it ask once. */
  function ask(name: string): Promise<KubeObject> {
    return asking.run(name, () =>
      options.api.call({ path: apiPath(PATH, name), accept: ONLY_METADATA, timeout: GET_TIMEOUT }),
    );
  }

  function known(name: string): NamespaceContext | undefined {
    const found = reflector.get(name);
    return found && contextOf(name, found);
  }

  async function context(name: string): Promise<NamespaceContext> {
    return known(name) ?? contextOf(name, await ask(name));
  }

  return { reflector, context, known };
}

const NO_LABELS = {};

function contextOf(name: string, { metadata }: KubeObject): NamespaceContext {
  return { name, labels: metadata.labels ?? NO_LABELS };
}

function onlyLabels({ metadata }: KubeObject): KubeObject {
  const { name, resourceVersion, labels } = metadata;
  return { metadata: { name, ...(resourceVersion && { resourceVersion }), ...(labels && { labels }) } };
}
