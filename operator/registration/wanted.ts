// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { isJsonObject, type JsonObject } from '../../core/json.ts';

/** An entry of `webhooks` as the API server takes it, save caBundle. */
export interface WantedWebhook extends JsonObject {
  readonly name: string;
}

/** What is registered with API servers once they reach us; written by the chart. */
export interface WantedRegistration {
  /** Of the configurations; the first one of each is how API servers reach the endpoint. */
  readonly mutating: readonly WantedWebhook[];
  readonly validating: readonly WantedWebhook[];
  /** API servers prove themselves by the end of the path that they are told. */
  readonly pathToken: boolean;
  /** A ValidatingAdmissionPolicy that is there and needs its binding; undefined: none. */
  readonly digestRequired?: WantedBinding;
}

export interface WantedBinding {
  /** Of policy and binding. */
  readonly name: string;
  /** Of the binding. */
  readonly spec: JsonObject;
}

/** Rejects, naming the file, where it can't be read or holds something else. */
export async function readWantedRegistration(file: string): Promise<WantedRegistration> {
  const document: unknown = parse(await readFile(file, 'utf8'));
  const { mutating, validating, pathToken, digestRequired } = isJsonObject(document) ? document : {};
  if (!areWebhooks(mutating) || !areWebhooks(validating)) {
    throw new RegistrationError(
      `${file}: needs the lists mutating and validating, each with a webhook that has a name`,
    );
  }
  const webhooks = { mutating, validating, pathToken: pathToken !== false };
  if (digestRequired === undefined || digestRequired === null) return webhooks;
  if (!isBinding(digestRequired)) throw new RegistrationError(`${file}: digestRequired needs name and spec`);
  return { ...webhooks, digestRequired };
}

export class RegistrationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RegistrationError';
  }
}

function areWebhooks(value: unknown): value is readonly WantedWebhook[] {
  return Array.isArray(value) && value.length > 0 && value.every(isWebhook);
}

function isWebhook(value: unknown): value is WantedWebhook {
  return isJsonObject(value) && typeof value['name'] === 'string';
}

function isBinding(value: unknown): value is WantedBinding {
  return isJsonObject(value) && typeof value['name'] === 'string' && isJsonObject(value['spec']);
}
