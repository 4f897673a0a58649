// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from '../../../core/json.ts';
import type { JsonObject } from '../../../core/json.ts';
import { oneLine } from '../../../core/text.ts';

export const ADMISSION_VERSION = 'admission.k8s.io/v1';
const REVIEW_KIND = 'AdmissionReview';

const OPERATIONS = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface GroupVersionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

/** The part of an AdmissionRequest that is used. The API server wrote it; the user wrote `object`. */
export interface ReviewRequest {
  readonly uid: string;
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  /** Empty: the resource itself. */
  readonly subResource: string;
  readonly operation: Operation;
  /** Empty: cluster-scoped. */
  readonly namespace: string;
  /** Empty with generateName. */
  readonly name: string;
  /** Who asks, as the API server authenticated it; empty where it does not say. */
  readonly user: string;
  readonly groups: readonly string[];
  readonly dryRun: boolean;
  readonly object: JsonObject | undefined;
  readonly oldObject: JsonObject | undefined;
}

/** Why a body is no review; `uid` is empty where it could not be read. */
export interface ReviewFault {
  readonly uid: string;
  readonly message: string;
}

export type ParsedReview = { readonly request: ReviewRequest } | { readonly fault: ReviewFault };

/** Internal: ends the parse of one review; never leaves this file. */
class Malformed extends Error {}

/**
 * Reads an AdmissionReview (admission.k8s.io/v1) from parsed JSON. Only fixed paths are read and
 * nothing recurses, so depth costs nothing here. Never throws.
 */
export function parseReview(review: unknown): ParsedReview {
  const untrusted = isJsonObject(review) ? review['request'] : undefined;
  const uid = isJsonObject(untrusted) ? untrusted['uid'] : undefined;
  const knownUid = typeof uid === 'string' && uid.length <= 256 ? uid : '';
  try {
    return { request: parseRequest(review) };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { fault: { uid: knownUid, message: `malformed AdmissionReview: ${error.message}` } };
  }
}

function parseRequest(review: unknown): ReviewRequest {
  if (!isJsonObject(review)) throw new Malformed('not a JSON object');
  if (review['apiVersion'] !== ADMISSION_VERSION) throw new Malformed(`apiVersion: must be ${ADMISSION_VERSION}`);
  if (review['kind'] !== REVIEW_KIND) throw new Malformed(`kind: must be ${REVIEW_KIND}`);
  const request = objectAt(review, 'request', 'request');
  const kind = objectAt(request, 'kind', 'request.kind');
  const resource = objectAt(request, 'resource', 'request.resource');
  return {
    uid: requiredText(request, 'uid', 'request.uid'),
    kind: {
      group: text(kind, 'group', 'request.kind.group'),
      version: requiredText(kind, 'version', 'request.kind.version'),
      kind: requiredText(kind, 'kind', 'request.kind.kind'),
    },
    resource: {
      group: text(resource, 'group', 'request.resource.group'),
      version: requiredText(resource, 'version', 'request.resource.version'),
      resource: requiredText(resource, 'resource', 'request.resource.resource'),
    },
    subResource: text(request, 'subResource', 'request.subResource'),
    operation: operation(request['operation']),
    namespace: text(request, 'namespace', 'request.namespace'),
    name: text(request, 'name', 'request.name'),
    user: userName(request['userInfo']),
    groups: groups(request['userInfo']),
    dryRun: request['dryRun'] === true,
    object: optionalObject(request, 'object'),
    oldObject: optionalObject(request, 'oldObject'),
  };
}

function objectAt(holder: JsonObject, field: string, path: string): JsonObject {
  const value = holder[field];
  if (!isJsonObject(value)) throw new Malformed(`${path}: must be an object`);
  return value;
}

function optionalObject(request: JsonObject, field: string): JsonObject | undefined {
  // Go writes an absent RawExtension as null.
  const value = request[field] ?? undefined;
  if (value !== undefined && !isJsonObject(value)) throw new Malformed(`request.${field}: must be an object or null`);
  return value;
}

function text(holder: JsonObject, field: string, path: string): string {
  const value = holder[field] ?? '';
  if (typeof value !== 'string') throw new Malformed(`${path}: must be a string`);
  if (value.length > 256) throw new Malformed(`${path}: longer than 256 characters`);
  return value;
}

function requiredText(holder: JsonObject, field: string, path: string): string {
  const value = text(holder, field, path);
  if (value === '') throw new Malformed(`${path}: must not be empty`);
  return value;
}

function operation(value: unknown): Operation {
  const known = OPERATIONS.find((name) => name === value);
  if (known !== undefined) return known;
  const shown = typeof value === 'string' ? ` not "${oneLine(value, 32)}"` : '';
  throw new Malformed(`request.operation: must be one of ${OPERATIONS.join(', ')}${shown}`);
}

/** For messages only: it decides nothing, so that an odd one is no reason to refuse. */
function userName(userInfo: unknown): string {
  const name = isJsonObject(userInfo) ? userInfo['username'] : undefined;
  return typeof name === 'string' ? name : '';
}

function groups(userInfo: unknown): readonly string[] {
  if (userInfo === undefined || userInfo === null) return [];
  const value = isJsonObject(userInfo) ? (userInfo['groups'] ?? []) : undefined;
  if (!Array.isArray(value)) throw new Malformed('request.userInfo.groups: must be a list of strings');
  const names = value.filter((name) => typeof name === 'string');
  if (names.length !== value.length) throw new Malformed('request.userInfo.groups: must be a list of strings');
  return names;
}
