// SPDX-License-Identifier: Apache-2.0
// In the bundle what ajv generates from this is in its place (release/bundle/validators.ts).
import { Ajv, type CodeOptions } from 'ajv';
import addFormats from 'ajv-formats';
import { lazyValidators, type SchemaSet } from '../../schemas/lazy-validators.ts';
import { IMAGE_POLICY_SCHEMA, NAMESPACED_IMAGE_POLICY_SCHEMA } from './schema.gen.ts';

export const SCHEMA_SET: SchemaSet<'ImagePolicy' | 'NamespacedImagePolicy'> = {
  schemas: { ImagePolicy: IMAGE_POLICY_SCHEMA, NamespacedImagePolicy: NAMESPACED_IMAGE_POLICY_SCHEMA },
  createAjv(code: CodeOptions) {
    const ajv = new Ajv({ strict: true, allErrors: true, ownProperties: true, code });
    return addFormats.default(ajv, ['date-time', 'int32', 'int64']);
  },
};

/** Holds a document against the schema of its kind. */
export const validatorOf = lazyValidators(SCHEMA_SET);
