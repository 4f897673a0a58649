// SPDX-License-Identifier: Apache-2.0
import type { ErrorObject } from 'ajv';
import { fieldOf } from '../../json.ts';
import type { Validator } from '../../schemas/lazy-validators.ts';
import { printable } from '../../text.ts';
import type { AnyImagePolicy } from './kinds.ts';
import { validatorOf } from './validators.ts';

export interface FieldFault {
  /** As kubectl writes it: `spec.keys[0].pem`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
}

export type Validated =
  | { readonly policy: AnyImagePolicy; readonly faults?: never }
  | { readonly policy?: never; readonly faults: readonly FieldFault[] };

const MAXIMUM_FAULTS = 20;
const UNKNOWN = 'unknown field';
const OBJECT_NAME = "must be lower-case letters, digits, '-' and '.', with a letter or digit at both ends";

/** Holds a document against its kind's schema; unknown fields are faults. Untrusted in, typed out. */
export function validateDocument(document: unknown): Validated {
  const validate = validatorFor(document);
  if (validate(document)) return { policy: document };
  return { faults: (validate.errors ?? []).slice(0, MAXIMUM_FAULTS).map(faultOf) };
}

/** Paths in a document's spec that its kind has no field for, as kubectl writes them: all of them, among any other faults. */
export function unknownFields(document: unknown): readonly string[] {
  const validate = validatorFor(document);
  if (validate(document)) return [];
  const faults = (validate.errors ?? []).filter(({ keyword }) => keyword === 'additionalProperties').map(faultOf);
  return faults.flatMap(({ path }) => (path.startsWith('spec.') ? [path] : []));
}

function validatorFor(document: unknown): Validator<AnyImagePolicy> {
  const isNamespaced = fieldOf(document, 'kind') === 'NamespacedImagePolicy';
  return validatorOf<AnyImagePolicy>(isNamespaced ? 'NamespacedImagePolicy' : 'ImagePolicy');
}

function faultOf(error: ErrorObject): FieldFault {
  const path = fieldPath(error.instancePath);
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = printable(String(error.params['additionalProperty']), '?').slice(0, 80);
      return { path: path === '' ? name : `${path}.${name}`, message: UNKNOWN };
    }
    case 'enum': {
      const values: readonly unknown[] = error.params['allowedValues'];
      return { path, message: `must be one of ${values.join(', ')}` };
    }
    case 'minItems':
    case 'minLength':
      // All of them ask for one at least.
      return { path, message: 'must not be empty' };
    case 'required':
      return { path, message: `needs the field ${String(error.params['missingProperty'])}` };
    case 'pattern':
      return { path, message: path === 'metadata.name' ? OBJECT_NAME : messageOf(error) };
    case 'const':
      return { path, message: `must be ${String(error.params['allowedValue'])}` };
    default:
      return { path, message: messageOf(error) };
  }
}

function messageOf({ message = 'is not valid' }: ErrorObject): string {
  return message;
}

/** From a JSON pointer (RFC 6901). */
function fieldPath(pointer: string): string {
  const parts = pointer.split('/').slice(1);
  const written = parts.map((part) =>
    /^\d+$/.test(part) ? `[${part}]` : `.${part.replaceAll('~1', '/').replaceAll('~0', '~')}`,
  );
  // Names of fields are the author's, and stand in conditions, logs and terminals.
  return printable(written.join('').replace(/^\./, ''), '?');
}
