// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../text.ts';
import type { AnyImagePolicy } from './kinds.ts';
import { validateDocument } from './validate.ts';
import { MAXIMUM_FILE_SIZE, readObjects } from './yaml-objects.ts';
import type { YamlObject } from './yaml-objects.ts';

/** A policy as it stands in a file. */
export interface PolicyDocument {
  readonly policy: AnyImagePolicy;
  readonly file: string;
  /** Where it starts; lines count from 1. */
  readonly line: number;
  /** The line of a field such as `spec.keys[0].pem`, or of the nearest field around it that is there. */
  readonly locate: (path: string) => number;
}

export interface DocumentFault {
  readonly file: string;
  /** From 1; 0 where the fault is the file itself. */
  readonly line: number;
  readonly message: string;
}

export interface PolicyDocuments {
  readonly policies: readonly PolicyDocument[];
  readonly faults: readonly DocumentFault[];
}

/** A policy needs none. */
const MAXIMUM_ALIASES = 32;

/**
 * Reads policies of both kinds from YAML or JSON, several in a file, also in a List. Never throws: what is not
 * a valid policy is a fault with its line. Strict on purpose: unknown fields, other kinds and duplicate keys
 * are faults, because a rule that is silently not there is worse than a file that is refused.
 */
export function parsePolicyDocuments(text: string, file: string): PolicyDocuments {
  const policies: PolicyDocument[] = [];
  const faults: DocumentFault[] = [];
  if (text.length > MAXIMUM_FILE_SIZE) {
    return { policies, faults: [{ file, line: 0, message: `longer than ${MAXIMUM_FILE_SIZE} characters` }] };
  }
  try {
    const options = { maximumAliases: MAXIMUM_ALIASES, merge: false, isList: (kind: string) => LIST_KINDS.has(kind) };
    for (const object of readObjects(text, options)) readPolicy(object, file, { policies, faults });
  } catch (error) {
    // Nesting that exhausts the stack, aliases that unfold to too much.
    faults.push({ file, line: 0, message: errorText(error) });
  }
  return { policies, faults };
}

const KINDS: ReadonlySet<string> = new Set(['ImagePolicy', 'NamespacedImagePolicy']);
const LIST_KINDS: ReadonlySet<string> = new Set(['List', ...[...KINDS].map((kind) => `${kind}List`)]);

interface Found {
  readonly policies: PolicyDocument[];
  readonly faults: DocumentFault[];
}

function readPolicy({ value, errors, locate }: YamlObject, file: string, { policies, faults }: Found): void {
  if (errors.length > 0) {
    faults.push(...errors.map(({ message, line }) => ({ file, line, message })));
    return;
  }
  const foreign = foreignKind(value);
  if (foreign !== undefined) {
    faults.push({ file, line: locate('kind'), message: foreign });
    return;
  }
  const { policy, faults: found } = validateDocument(value);
  if (policy !== undefined) policies.push({ policy, file, line: locate(''), locate });
  else
    faults.push(...found.map(({ path, message }) => ({ file, line: locate(path), message: sentence(path, message) })));
}

/** Said before any other fault: a Deployment in the folder has hundreds of unknown fields. */
function foreignKind(value: unknown): string | undefined {
  const expected = 'expected an ImagePolicy or NamespacedImagePolicy of cosignet.dev/v1';
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `not an object: ${expected}`;
  const { apiVersion, kind }: { apiVersion?: unknown; kind?: unknown } = value;
  if (typeof kind === 'string' && KINDS.has(kind) && apiVersion === 'cosignet.dev/v1') return undefined;
  return `${nameOf(kind, 'no kind')} of ${nameOf(apiVersion, 'no apiVersion')}: ${expected}`;
}

function nameOf(value: unknown, missing: string): string {
  return typeof value === 'string' ? errorText(value).slice(0, 80) : missing;
}

function sentence(path: string, message: string): string {
  return path === '' ? message : `${path}: ${message}`;
}
