// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from '../../../core/json.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { ReviewRequest } from './review.ts';
import type { ObjectReference } from '../../../core/verdict/review-record.ts';

const MAXIMUM_OWNERS = 16;
// Kubernetes' own bounds for these names, each a class and a length: linear on any input.
const API_VERSION = /^(?:[a-z0-9][a-z0-9.-]{0,252}\/)?v[a-z0-9]{1,30}$/;
const KIND = /^[A-Za-z][A-Za-z0-9]{0,62}$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}$/;
const UID = /^[A-Za-z0-9-]{1,64}$/;

/**
 * The object to write a refusal's Event on: one that exists. An object that is changed exists itself; one that was to
 * be made never will, so it is its controller's (the ReplicaSet of a Pod). Undefined: there is none.
 *
 * Owner references are written by whoever makes the object and prove nothing: the most that a forged one gains is an
 * Event on another object of the namespace in which its writer may make Pods.
 */
export function subjectOf(request: ReviewRequest): ObjectReference | undefined {
  return request.operation === 'UPDATE' ? changedObject(request) : controllerOf(request.object);
}

/** The name to be, as far as it was written; the object's own text. */
export function generateNameOf({ object }: ReviewRequest): string | undefined {
  const prefix = metadataOf(object)['generateName'];
  return typeof prefix === 'string' && prefix !== '' ? prefix : undefined;
}

function changedObject({ kind, name, oldObject }: ReviewRequest): ObjectReference | undefined {
  const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
  return reference({ apiVersion, kind: kind.kind, name, uid: metadataOf(oldObject)['uid'] });
}

/** The controller that an object names. */
export function controllerOf(object: JsonObject | undefined): ObjectReference | undefined {
  const owners = metadataOf(object)['ownerReferences'];
  if (!Array.isArray(owners)) return undefined;
  const controller: unknown = owners
    .slice(0, MAXIMUM_OWNERS)
    .find((owner) => isJsonObject(owner) && owner['controller'] === true);
  return isJsonObject(controller) ? reference(controller) : undefined;
}

function metadataOf(object: JsonObject | undefined): JsonObject {
  const metadata = object?.['metadata'];
  return isJsonObject(metadata) ? metadata : {};
}

function reference(untrusted: JsonObject): ObjectReference | undefined {
  const apiVersion = matching(untrusted['apiVersion'], API_VERSION);
  const kind = matching(untrusted['kind'], KIND);
  const name = matching(untrusted['name'], NAME);
  const uid = matching(untrusted['uid'], UID);
  if (apiVersion === undefined || kind === undefined || name === undefined || uid === undefined) return undefined;
  // A node is in no namespace, and an Event about it elsewhere would be seen by nobody.
  return kind === 'Node' && apiVersion === 'v1' ? undefined : { apiVersion, kind, name, uid };
}

function matching(value: unknown, pattern: RegExp): string | undefined {
  return typeof value === 'string' && pattern.test(value) ? value : undefined;
}
