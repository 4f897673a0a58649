// SPDX-License-Identifier: Apache-2.0
import type { ErrorObject } from 'ajv';

/** One thing wrong with a configuration file. */
export interface ConfigurationFault {
  /** JSON path: `$.registries[0].host`; `$` is the whole file. */
  readonly path: string;
  /** From 1; undefined where the place is unknown. */
  readonly line?: number;
  /** A sentence without a full stop. */
  readonly message: string;
}

/** A configuration that can't be used. The message has one fault a line. */
export class ConfigurationError extends Error {
  readonly faults: readonly ConfigurationFault[];

  constructor(faults: readonly ConfigurationFault[], source = 'configuration') {
    super(faults.map((fault) => describe(fault, source)).join('\n'));
    this.name = 'ConfigurationError';
    this.faults = faults;
  }
}

function describe(fault: ConfigurationFault, source: string): string {
  const place = fault.line === undefined ? source : `${source}:${fault.line}`;
  // Of the whole file its name is enough.
  return fault.path === '$' ? `${place}: ${fault.message}` : `${place}: ${fault.path}: ${fault.message}`;
}

export type PathSegment = string | number;

/** `$.registries[0].host`; names that are no identifiers are quoted. */
export function jsonPath(segments: readonly PathSegment[]): string {
  return segments.reduce<string>((path, segment) => path + pathStep(segment), '$');
}

function pathStep(segment: PathSegment): string {
  if (typeof segment === 'number') return `[${segment}]`;
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(segment) ? `.${segment}` : `[${JSON.stringify(segment.slice(0, 80))}]`;
}

/** An ajv error's place as path segments; array positions become numbers. */
export function segmentsOf(error: ErrorObject): PathSegment[] {
  const segments = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^[0-9]{1,6}$/.test(part) ? Number(part) : part));
  if (error.keyword === 'additionalProperties') segments.push(String(error.params['additionalProperty']));
  return segments;
}

/** The sentence for an ajv error (made with `verbose`): what the value must be. */
export function sentenceOf(error: ErrorObject): string {
  return SENTENCES[error.keyword]?.(error, error.parentSchema ?? {}) ?? error.message ?? 'is not valid';
}

/** The parts of our own schema that sentences quote. */
interface SchemaPart {
  readonly [keyword: string]: unknown;
  readonly properties?: object;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  /** Of a text that is no secret, so that what was written may be quoted. */
  readonly examples?: readonly string[];
}

const bounds = (_: ErrorObject, { minimum, maximum }: SchemaPart) => `must be from ${minimum} to ${maximum}`;

const SENTENCES: Readonly<Record<string, (error: ErrorObject, schema: SchemaPart) => string>> = {
  additionalProperties: (_, { properties = {} }) =>
    `is not a known field; known here: ${Object.keys(properties).join(', ')}`,
  enum: (_, { enum: values = [] }) => `must be one of ${values.join(', ')}`,
  type: (error) => `must be ${withArticle(String(error.params['type']))}`,
  required: (error) => `needs the field ${String(error.params['missingProperty'])}`,
  minimum: bounds,
  maximum: bounds,
  pattern: ({ data }, { description = 'see its documentation', examples: [example] = [] }) => {
    const demand = description.replace(/\.$/, '');
    return example === undefined
      ? `is not valid: ${demand}`
      : `${JSON.stringify(data)} is not valid: ${demand}, such as ${example}`;
  },
};

function withArticle(type: string): string {
  if (type === 'object') return 'a mapping';
  if (type === 'array') return 'a list';
  if (type === 'boolean') return 'true or false';
  if (type === 'string,object') return 'a text or a mapping';
  return type === 'integer' ? 'a whole number' : `a ${type}`;
}
