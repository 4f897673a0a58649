// SPDX-License-Identifier: Apache-2.0
import { imageFields, podSpecsOf } from './image-fields.ts';
import type { ImageField, WorkloadFault } from './image-fields.ts';
import { isExcludedNamespace, isMirrorPod } from './exclusion.ts';
import { oneLine } from '../../../core/text.ts';
import { pullIdentityOf } from './pull-identity.ts';
import { fieldsToDecide } from './update.ts';
import { findWorkload } from './workloads.ts';
import type { Configuration } from '../../../core/config/types.ts';
import type { PullIdentity } from '../../../core/registry/credentials/pull-identity.ts';
import type { ReviewRequest } from './review.ts';
import type { Workload } from './workloads.ts';

/** No Pod comes near it; what it stops is a review made to keep us busy. */
const MAXIMUM_IMAGES = 1000;
/** Of the names of images, containers and Secrets: they are held until the answer. */
const MAXIMUM_CHARACTERS = 1024 * 1024;

/** What is looked at beside the built-in kinds, and where nothing is. */
export interface ScopeSettings extends Pick<Configuration, 'excludedNamespaces' | 'workloads'> {
  readonly ownNamespace: string;
}

export interface ImagesToDecide {
  readonly kind: 'decide';
  readonly row: Workload;
  readonly fields: readonly ImageField[];
  readonly pull: PullIdentity;
}

/** What there is to decide in a request; or why there is nothing, or why it is refused undecided. */
export type Scope =
  | ImagesToDecide
  | { readonly kind: 'nothing'; readonly why: 'ExcludedNamespace' | 'Delete' | 'MirrorPod' | 'Unchanged' }
  | { readonly kind: 'refused'; readonly message: string };

export function scopeOf(request: ReviewRequest, settings: ScopeSettings): Scope {
  if (isExcludedNamespace(request.namespace, settings.ownNamespace, settings.excludedNamespaces)) {
    return nothing('ExcludedNamespace');
  }
  const row = findWorkload(request, settings.workloads);
  // A webhook that was registered for something else must not look as if it protected it.
  if (row === undefined)
    return refused(`${nameOf(request)} carries no images that Cosignet knows; correct the webhook's rules`);
  if (request.namespace === '') return refused('malformed AdmissionReview: request.namespace: must not be empty');
  // Nothing starts because something is deleted.
  if (request.operation === 'DELETE') return nothing('Delete');
  if (request.operation === 'CONNECT') return refused("operation CONNECT is not checked; correct the webhook's rules");
  if (isMirrorPod(row, request)) return nothing('MirrorPod');
  return imagesToDecide(row, request);
}

function imagesToDecide(row: Workload, request: ReviewRequest): Scope {
  if (request.object === undefined) return refused('malformed AdmissionReview: request.object: must be an object');
  const podSpecs = podSpecsOf(row, request.object);
  if ('fault' in podSpecs) return malformed(row, podSpecs.fault);
  const fields = imageFields(row, request.object, podSpecs.value);
  if ('fault' in fields) return malformed(row, fields.fault);
  const toDecide = fieldsToDecide(row, request, fields.value);
  if (toDecide.length === 0) return nothing('Unchanged');
  if (toDecide.length > MAXIMUM_IMAGES) return refused(`more than ${MAXIMUM_IMAGES} images in one ${row.kind}`);
  const pull = pullIdentityOf(request.namespace, podSpecs.value);
  if ('fault' in pull) return malformed(row, pull.fault);
  if (charactersOf(toDecide, pull.value) > MAXIMUM_CHARACTERS) {
    return refused(
      `more than ${MAXIMUM_CHARACTERS} characters of image, container and Secret names in one ${row.kind}`,
    );
  }
  return { kind: 'decide', row, fields: toDecide, pull: pull.value };
}

function charactersOf(fields: readonly ImageField[], { imagePullSecrets, serviceAccountName }: PullIdentity): number {
  let sum = serviceAccountName.length;
  for (const { name, image } of fields) sum += name.length + image.length;
  for (const { length } of imagePullSecrets) sum += length;
  return sum;
}

function nothing(why: 'ExcludedNamespace' | 'Delete' | 'MirrorPod' | 'Unchanged'): Scope {
  return { kind: 'nothing', why };
}

function refused(message: string): Scope {
  return { kind: 'refused', message };
}

function malformed(row: Workload, fault: WorkloadFault): Scope {
  return refused(`malformed ${row.kind}: ${fault.path}: ${fault.message}`);
}

function nameOf({ kind, resource, subResource }: ReviewRequest): string {
  const group = resource.group === '' ? '' : `.${resource.group}`;
  const slash = subResource === '' ? '' : `/${subResource}`;
  return oneLine(`${resource.resource}${slash}${group} (${kind.kind}, ${resource.version})`, 200);
}
