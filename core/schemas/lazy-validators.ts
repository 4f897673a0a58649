// SPDX-License-Identifier: Apache-2.0
import type { Ajv, CodeOptions, ValidateFunction } from 'ajv';

/**
 * What a file named `validators.ts` exports of JSON Schemas that are ours, so that the bundle can hold them compiled:
 * release/bundle/validators.ts puts what ajv generates from these in the file's place.
 */
export interface SchemaSet<Name extends string> {
  readonly schemas: Readonly<Record<Name, object>>;
  readonly createAjv: (code: CodeOptions) => Ajv;
}

/** The faults are in `errors`, until the next call. The type is what the caller knows of the schema. */
export interface Validator<Valid> {
  (data: unknown): data is Valid;
  errors?: ValidateFunction['errors'];
}

export type ValidatorOf<Name extends string> = <Valid>(name: Name) => Validator<Valid>;

/** For sources that run as they are: each is compiled when it is first asked for, and ajv keeps it. */
export function lazyValidators<Name extends string>({ schemas, createAjv }: SchemaSet<Name>): ValidatorOf<Name> {
  let ajv: Ajv | undefined;
  return <Valid>(name: Name) => {
    ajv ??= createAjv({});
    return ajv.compile<Valid>(schemas[name]);
  };
}
