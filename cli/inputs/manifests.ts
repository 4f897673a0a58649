// SPDX-License-Identifier: Apache-2.0
import { fileErrorText } from '../../core/text.ts';
import { isJsonObject, textEntries, type JsonObject } from '../../core/json.ts';
import type { WorkloadConfiguration } from '../../core/config/types.ts';
import { placesAt, type FieldFault } from '../../core/formats/field-path.ts';
import { isPlaceholder } from '../../core/image/placeholder.ts';
import { filesAt } from '../../core/policy/documents/load.ts';
import { readObjects, MAXIMUM_FILE_SIZE, type YamlObject } from '../../core/policy/documents/yaml-objects.ts';
import { collectBounded, readBounded } from '../../core/read-bounded.ts';
import { UsageError } from '../output/exit.ts';
import type { Terminal } from '../output/terminal.ts';
import { placed } from '../output/placed.ts';
import { configuredWorkload } from './custom-resources.ts';

/** Where an image is written. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** `Deployment shop/web`; text of the file. */
  readonly object: string;
  /** `spec.template.spec.containers[0].image` */
  readonly field: string;
}

/** One image of a manifest, as written; empty where a Pod names none. */
export interface ManifestImage {
  readonly image: string;
  /** Undefined: the manifest leaves it to whoever applies it. */
  readonly namespace?: string;
  readonly place: Place;
}

export interface Manifests {
  readonly images: readonly ManifestImage[];
  /** Labels of Namespaces that are among the manifests. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

interface Fault {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

const STANDARD_INPUT = '-';
/** A chart may repeat itself by anchors. */
const OPTIONS = { maximumAliases: 1000, merge: true, isList: (kind: string) => kind.endsWith('List') } as const;
/** The API server's own bound is lower. */
const DEPTH = 64;
const LISTS = ['containers', 'initContainers', 'ephemeralContainers'] as const;
/** Of a Kubernetes object, other than an image that is filled in later: OpenShift writes a blank. */
const BLANK = /^\s*$/;

/**
 * All images of rendered manifests: of Pods and of whatever holds a PodSpec, built-in or not, because a PodSpec looks the
 * same everywhere, and of other fields that the configuration names in `workloads`. Fails with `UsageError` that names file
 * and line where something can't be read, as an answer from a part of the manifests could be the wrong one; and where there
 * is no manifest at all.
 */
export async function readManifests(
  paths: readonly string[],
  terminal: Terminal,
  workloads: readonly WorkloadConfiguration[] = [],
): Promise<Manifests> {
  const images: ManifestImage[] = [];
  const namespaces = new Map<string, Readonly<Record<string, string>>>();
  const faults: Fault[] = [];
  let count = 0;
  for (const path of paths) {
    for (const file of path === STANDARD_INPUT ? [path] : await filesAt(path, faults)) {
      for (const object of await objectsIn(file, terminal, faults)) {
        readObject(object, file, { images, namespaces, faults, workloads });
        count++;
      }
    }
  }
  if (faults.length > 0) throw new UsageError(faults.map(placed).join('\ncosignet: '));
  // A pipe whose first half failed must not look like manifests that are all in order.
  if (paths.length > 0 && count === 0) throw new UsageError(`there is no manifest in ${paths.join(', ')}`);
  return { images, namespaces };
}

async function objectsIn(file: string, terminal: Terminal, faults: Fault[]): Promise<readonly YamlObject[]> {
  try {
    const bytes =
      file === STANDARD_INPUT
        ? await collectBounded(terminal.input(), MAXIMUM_FILE_SIZE)
        : await readBounded(file, MAXIMUM_FILE_SIZE);
    return readObjects(new TextDecoder('utf-8', { fatal: true }).decode(bytes), OPTIONS);
  } catch (error) {
    faults.push({ file, line: 0, message: fileErrorText(error) });
    return [];
  }
}

interface Found {
  readonly images: ManifestImage[];
  readonly namespaces: Map<string, Readonly<Record<string, string>>>;
  readonly faults: Fault[];
  readonly workloads: readonly WorkloadConfiguration[];
}

function readObject({ value, errors, locate }: YamlObject, file: string, found: Found): void {
  if (errors.length > 0) {
    found.faults.push(...errors.map((error) => ({ file, ...error })));
    return;
  }
  const header = headerOf(value);
  if (header === undefined || !isJsonObject(value)) {
    found.faults.push({ file, line: locate(''), message: 'not a Kubernetes object: it has no apiVersion and kind' });
    return;
  }
  const { kind, name, namespace, labels } = header;
  if (kind === 'Namespace') found.namespaces.set(name, labels);
  const object = `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
  const written = imagesIn(value, header, found.workloads);
  if ('message' in written) {
    found.faults.push({ file, line: locate(written.path), message: `${written.path}: ${written.message}` });
    return;
  }
  for (const { image, field } of written) {
    const line = locate(field);
    if (typeof image !== 'string') found.faults.push({ file, line, message: `${field}: must be a string` });
    else found.images.push({ image, ...(namespace !== '' && { namespace }), place: { file, line, object, field } });
  }
}

interface Header {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Empty where there is none. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Undefined: it is no Kubernetes object. */
function headerOf(value: unknown): Header | undefined {
  const { apiVersion, kind, metadata } = isJsonObject(value) ? value : {};
  if (typeof kind !== 'string' || typeof apiVersion !== 'string') return undefined;
  const { name, generateName, namespace, labels } = isJsonObject(metadata) ? metadata : {};
  return {
    apiVersion,
    kind,
    name: textOf(name ?? generateName),
    namespace: textOf(namespace),
    labels: textEntries(labels),
  };
}

interface Written {
  /** Anything but a string is malformed. */
  readonly image: unknown;
  readonly field: string;
}

function imagesIn(
  object: JsonObject,
  header: Header,
  workloads: readonly WorkloadConfiguration[],
): readonly Written[] | FieldFault {
  const inPods = podSpecImages(object);
  // Nothing fills in an image that isn't there.
  if (header.kind === 'Pod') return inPods;
  const workload = configuredWorkload(header, workloads);
  if (workload === undefined) return inPods.filter(({ image }) => typeof image !== 'string' || !BLANK.test(image));
  const found = new Map(inPods.map((written) => [written.field, written]));
  for (const fieldPath of workload.images) {
    const places = placesAt(object, fieldPath);
    if ('message' in places) return places;
    for (const { value, path } of places) found.set(path, { image: value, field: path });
  }
  return [...found.values()].filter(({ image }) => typeof image !== 'string' || !isPlaceholder(image));
}

function podSpecImages(object: JsonObject): readonly Written[] {
  const found: Written[] = [];
  const walk = (value: unknown, path: string, depth: number): void => {
    if (typeof value !== 'object' || value === null || depth > DEPTH) return;
    if (Array.isArray(value)) value.forEach((item, index) => walk(item, `${path}[${index}]`, depth + 1));
    else {
      if (isJsonObject(value) && Array.isArray(value['containers'])) found.push(...podImages(value, path));
      for (const [key, item] of Object.entries(value)) walk(item, path === '' ? key : `${path}.${key}`, depth + 1);
    }
  };
  walk(object, '', 0);
  return found;
}

function podImages(podSpec: JsonObject, path: string): readonly Written[] {
  const containers = LISTS.flatMap((list) =>
    entriesOf(podSpec[list]).map(({ image = '' }, index) => ({ image, field: `${path}.${list}[${index}].image` })),
  );
  const volumes = entriesOf(podSpec['volumes']).flatMap(({ image }, index) =>
    isJsonObject(image)
      ? [{ image: image['reference'] ?? '', field: `${path}.volumes[${index}].image.reference` }]
      : [],
  );
  return [...containers, ...volumes];
}

/** Entries that are no objects keep their place, and have no image. */
function entriesOf(list: unknown): readonly JsonObject[] {
  return Array.isArray(list) ? list.map((entry: unknown) => (isJsonObject(entry) ? entry : {})) : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
