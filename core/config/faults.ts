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
  return `${place}: ${fault.path}: ${fault.message}`;
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

/** The sentence for an ajv error: what the value must be. */
export function sentenceOf(error: ErrorObject): string {
  const parent = error.parentSchema ?? {};
  switch (error.keyword) {
    case 'additionalProperties':
      return `is not a known field; known here: ${Object.keys(parent['properties'] as object).join(', ')}`;
    case 'enum':
      return `must be one of ${(error.params['allowedValues'] as string[]).join(', ')}`;
    case 'type':
      return `must be ${withArticle(String(error.params['type']))}`;
    case 'required':
      return `needs the field ${String(error.params['missingProperty'])}`;
    case 'minimum':
    case 'maximum':
      return `must be from ${String(parent['minimum'])} to ${String(parent['maximum'])}`;
    case 'pattern':
      return `is not valid: ${String(parent['description']).replace(/\.$/, '')}`;
    default:
      return error.message ?? 'is not valid';
  }
}

function withArticle(type: string): string {
  if (type === 'object') return 'a mapping';
  if (type === 'array') return 'a list';
  if (type === 'boolean') return 'true or false';
  return type === 'integer' ? 'a whole number' : `a ${type}`;
}
