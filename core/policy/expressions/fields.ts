// SPDX-License-Identifier: Apache-2.0
import { quote } from '../../image/reference.ts';
import { isJsonObject } from '../../json.ts';

const SHOWN = 8;
const CHARACTERS = 40;

/** What a person needs who wrote an expression for another predicate: the names of the fields that it has. */
export function describeFields(predicate: unknown): string {
  if (!isJsonObject(predicate)) return 'the predicate is no object';
  const fields = Object.keys(predicate);
  if (fields.length === 0) return 'the predicate has no fields';
  const shown = fields.slice(0, SHOWN).map((field) => quote(field.slice(0, CHARACTERS)));
  const more = fields.length > SHOWN ? ` and ${fields.length - SHOWN} more` : '';
  return `the predicate has ${shown.join(', ')}${more}`;
}
