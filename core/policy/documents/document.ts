// SPDX-License-Identifier: Apache-2.0
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
import type { Document, Node } from 'yaml';
import { errorText } from '../../text.ts';
import type { AnyImagePolicy } from './kinds.ts';
import { validateDocument } from './validate.ts';

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

/** Characters of one file; 10,000 policies fit. */
export const MAXIMUM_FILE_SIZE = 16 * 1024 * 1024;
/** What aliases may unfold to; a "billion laughs" needs many, a policy none. */
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
  const lines = new LineCounter();
  try {
    for (const document of documentsOf(text, lines)) {
      for (const source of sourcesOf(document, file, lines)) readPolicy(source, policies, faults);
    }
  } catch (error) {
    // Nesting that exhausts the stack, aliases that unfold to too much.
    faults.push({ file, line: 0, message: errorText(error) });
  }
  return { policies, faults };
}

/** One object of a file, and where it stands. */
interface Source {
  readonly value: unknown;
  readonly node: Node | null;
  readonly document: Document;
  readonly file: string;
  readonly lines: LineCounter;
  readonly errors: readonly { readonly message: string; readonly line: number }[];
}

function documentsOf(text: string, lines: LineCounter): readonly Document[] {
  const options = {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    stringKeys: true,
    merge: false,
  } as const;
  return [...parseAllDocuments(text, options)];
}

function sourcesOf(document: Document, file: string, lines: LineCounter): readonly Source[] {
  const errors = [...document.errors, ...document.warnings].map(({ message, pos }) => ({
    message: errorText(message),
    line: lines.linePos(pos[0]).line,
  }));
  const source = (value: unknown, node: Node | null): Source => ({ value, node, document, file, lines, errors });
  const root = document.contents;
  if (errors.length > 0) return [source(undefined, root)];
  const value: unknown = document.toJS({ maxAliasCount: MAXIMUM_ALIASES });
  if (root === null || value === null) return [];
  const items = itemsOf(value);
  if (items === undefined) return [source(value, root)];
  return items.map((item, index) => source(item, nodeAt(document, root, ['items', index])));
}

const KINDS: ReadonlySet<string> = new Set(['ImagePolicy', 'NamespacedImagePolicy']);
const LIST_KINDS: ReadonlySet<string> = new Set(['List', ...[...KINDS].map((kind) => `${kind}List`)]);

/** The objects in a List, as `kubectl get -o yaml` writes it; undefined where it is none. */
function itemsOf(value: unknown): readonly unknown[] | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('items' in value)) return undefined;
  const isList = typeof value.kind === 'string' && LIST_KINDS.has(value.kind);
  return isList && Array.isArray(value.items) ? value.items : undefined;
}

function readPolicy(source: Source, policies: PolicyDocument[], faults: DocumentFault[]): void {
  const { file } = source;
  if (source.errors.length > 0) {
    faults.push(...source.errors.map(({ message, line }) => ({ file, line, message })));
    return;
  }
  const locate = (path: string) => lineOf(source, path);
  const foreign = foreignKind(source.value);
  if (foreign !== undefined) {
    faults.push({ file, line: locate('kind'), message: foreign });
    return;
  }
  const { policy, faults: found } = validateDocument(source.value);
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

function lineOf({ document, node, lines }: Source, path: string): number {
  const steps = [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([text, index]) =>
    index === undefined ? text : Number(index),
  );
  let line = startOf(node, lines);
  let current = node;
  for (const step of steps) {
    const found = stepInto(resolve(document, current), step);
    if (found === undefined) break;
    line = startOf(found.named, lines);
    current = found.node;
  }
  return line;
}

function nodeAt(document: Document, from: Node, steps: readonly (string | number)[]): Node | null {
  let node: Node | null = from;
  for (const step of steps) node = stepInto(resolve(document, node), step)?.node ?? null;
  return node;
}

/** A field's value, and the node that names it: the key of a map, the item of a list. */
function stepInto(
  node: Node | null,
  step: string | number,
): { readonly named: Node | null; readonly node: Node | null } | undefined {
  if (isSeq<Node>(node) && typeof step === 'number') {
    const item = node.items[step];
    return item === undefined ? undefined : { named: item, node: item };
  }
  if (!isMap<Node, Node | null>(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && key.value === String(step));
  return pair === undefined ? undefined : { named: pair.key, node: pair.value };
}

function resolve(document: Document, node: Node | null): Node | null {
  return isAlias(node) ? (node.resolve(document) ?? null) : node;
}

function startOf(node: Node | null, lines: LineCounter): number {
  return node?.range ? lines.linePos(node.range[0]).line : 1;
}
