// SPDX-License-Identifier: Apache-2.0
import { formatReference, parseReference, repositoryName } from '../../core/image/reference.ts';
import type { ImageReference } from '../../core/image/types.ts';
import { createRecentlyUsed } from '../../core/recently-used.ts';
import type { KubeObject } from '../kubernetes/api-client.ts';
import type { Selection } from '../kubernetes/selected-json.ts';

/** A Pod as the API server sends it, as far as it is read; its images are text of whoever made it. */
export interface PodObject extends KubeObject {
  readonly spec?: PodSpec | undefined;
  readonly status?: PodStatus | undefined;
  /** Set in place of spec and status on what is kept. */
  readonly runs?: RunningImages;
}

interface PodSpec {
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly ephemeralContainers?: readonly Container[];
  readonly volumes?: readonly { readonly image?: { readonly reference?: string } }[];
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  readonly serviceAccountName?: string;
}

interface PodStatus {
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly ephemeralContainerStatuses?: readonly ContainerStatus[];
}

interface Container {
  readonly name?: string;
  readonly image?: string;
}

interface ContainerStatus {
  readonly name?: string;
  readonly imageID?: string;
}

/** One image of a Pod; untrusted text. */
export interface RunningImage {
  /** For people and for patterns: with the digest that runs, where the node tells one of this repository. */
  readonly image: string;
  readonly written: string;
  /** `repository@digest` as the node names it, where the Pod has no digest; perhaps of another repository. */
  readonly runs?: string;
}

/** What a Pod runs, and what it was pulled with. */
export interface RunningImages {
  /** Each once. */
  readonly images: readonly RunningImage[];
  readonly imagePullSecrets: readonly string[];
  readonly serviceAccountName: string;
}

/** Of one Pod; no image reference is longer (name, tag and digest), and no Pod has nearly as many. */
const TEXT_BYTES = 1024;
const LISTED = 256;
const IMAGES = 64;
const TEXT: Selection = { bytes: TEXT_BYTES };
const listOf = (fields: Readonly<Record<string, Selection>>): Selection => ({ each: { fields }, most: LISTED });
const SPECS = listOf({ name: TEXT, image: TEXT });
const STATUSES = listOf({ name: TEXT, imageID: TEXT });

/** What is read of a Pod: whatever else its maker wrote costs no memory here. */
export const POD_SELECTION: Selection = {
  fields: {
    metadata: { fields: { name: TEXT, namespace: TEXT, resourceVersion: TEXT } },
    spec: {
      fields: {
        containers: SPECS,
        initContainers: SPECS,
        ephemeralContainers: SPECS,
        volumes: listOf({ image: { fields: { reference: TEXT } } }),
        imagePullSecrets: listOf({ name: TEXT }),
        serviceAccountName: TEXT,
      },
    },
    status: {
      fields: { containerStatuses: STATUSES, initContainerStatuses: STATUSES, ephemeralContainerStatuses: STATUSES },
    },
  },
};

/** Pods of one Deployment run the same; so many different ones are shared. */
const SHARED = 10_000;

/** Cuts Pods down to what is needed: a large cluster has 150,000 of them. */
export function createPodKeeper(): (pod: PodObject, cut?: string[]) => PodObject {
  const shared = createRecentlyUsed<RunningImages>(SHARED);
  return (pod, cut = []) => {
    const { name, namespace, resourceVersion } = pod.metadata;
    const { images, imagePullSecrets, serviceAccountName } = runningImages(pod);
    if (images.length > IMAGES) cut.push('images');
    const runs = { images: images.slice(0, IMAGES), imagePullSecrets, serviceAccountName };
    const key = JSON.stringify(runs);
    const known = shared.get(key) ?? runs;
    shared.set(key, known);
    return {
      metadata: { name, ...(namespace && { namespace }), ...(resourceVersion && { resourceVersion }) },
      runs: known,
    };
  };
}

export function runningImages({ spec = {}, status = {} }: PodObject): RunningImages {
  const lists = [
    [spec.containers, status.containerStatuses],
    [spec.initContainers, status.initContainerStatuses],
    [spec.ephemeralContainers, status.ephemeralContainerStatuses],
  ] as const;
  const containers = lists.flatMap(([list, statuses]) =>
    (list ?? []).flatMap(({ name, image }) => {
      const imageId = statuses?.find((one) => one.name === name)?.imageID;
      return image ? [runningImage(image, imageId)] : [];
    }),
  );
  const volumes = (spec.volumes ?? []).flatMap(({ image }) =>
    image?.reference ? [runningImage(image.reference)] : [],
  );
  const each = new Map([...containers, ...volumes].map((one) => [JSON.stringify(one), one]));
  return {
    images: [...each.values()],
    imagePullSecrets: (spec.imagePullSecrets ?? []).flatMap(({ name }) => name || []),
    serviceAccountName: spec.serviceAccountName || 'default',
  };
}

/**
 * As written where that has a digest, which is what admission verified, or where the node names none: `imageID` is
 * `docker.io/acme/app@sha256:…`, with docker's prefix or without; `sha256:…` alone is no manifest's digest.
 */
export function runningImage(image: string, imageId = ''): RunningImage {
  const written = parsedReference(image);
  const pulled = parsedReference(imageId.replace(/^docker-pullable:\/\//, ''));
  if (written === undefined || written.digest !== undefined || pulled?.digest === undefined) {
    return { image, written: image };
  }
  const { registry, path, digest } = pulled;
  const isHere = registry === written.registry && path === written.path;
  const shown = isHere ? formatReference({ ...written, digest }) : image;
  return { image: shown, written: image, runs: `${repositoryName(pulled)}@${digest}` };
}

/** Undefined: the text is none. */
export function parsedReference(text: string): ImageReference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}
