// SPDX-License-Identifier: Apache-2.0
// In the bundle what ajv generates from this is in its place (release/bundle/validators.ts).
import { Ajv } from 'ajv';
import { lazyValidators, type SchemaSet } from '../schemas/lazy-validators.ts';
import { CREDENTIAL_PROVIDERS_SCHEMA } from './credential-providers-schema.ts';
import { CONFIGURATION_SCHEMA } from './schema.ts';

export const SCHEMA_SET: SchemaSet<'configuration' | 'credentialProviders'> = {
  schemas: { configuration: CONFIGURATION_SCHEMA, credentialProviders: CREDENTIAL_PROVIDERS_SCHEMA },
  createAjv: (code) => new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, verbose: true, code }),
};

/** Holds a file's content against its schema; errors carry the part of the schema that they come of. */
export const validatorOf = lazyValidators(SCHEMA_SET);
