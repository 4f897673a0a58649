// SPDX-License-Identifier: Apache-2.0
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
import type { Document, Node } from 'yaml';
import { errorText } from '../../text.ts';

/** One object of a file, and where it stands; untrusted. */
export interface YamlObject {
  /** Undefined where `errors` says why. */
  readonly value: unknown;
  readonly errors: readonly { readonly message: string; readonly line: number }[];
  /** The line, from 1, of a field such as `spec.keys[0].pem`, or of the nearest field around it that is there. */
  readonly locate: (path: string) => number;
}

export interface YamlOptions {
  /** What aliases may unfold to; a "billion laughs" needs many. */
  readonly maximumAliases: number;
  /** `<<`, which YAML 1.1 has and kubectl reads. */
  readonly merge: boolean;
  /** Kinds whose `items` are the objects, as `kubectl get -o yaml` writes them. */
  readonly isList: (kind: string) => boolean;
}

/** Characters of one file; 10,000 policies fit. */
export const MAXIMUM_FILE_SIZE = 16 * 1024 * 1024;

/**
 * The objects of a YAML or JSON text: of several documents, also in Lists; empty documents are left out. Duplicate keys and
 * unknown tags are errors of their object. Throws where nesting exhausts the stack or aliases unfold to too much.
 */
export function readObjects(text: string, options: YamlOptions): readonly YamlObject[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    stringKeys: true,
    merge: options.merge,
  });
  return [...documents].flatMap((document) => objectsOf(document, lines, options));
}

interface Place {
  readonly document: Document;
  readonly node: Node | null;
  readonly lines: LineCounter;
}

function objectsOf(document: Document, lines: LineCounter, options: YamlOptions): readonly YamlObject[] {
  const errors = [...document.errors, ...document.warnings].map(({ message, pos }) => ({
    message: errorText(message),
    line: lines.linePos(pos[0]).line,
  }));
  const object = (value: unknown, node: Node | null): YamlObject => ({
    value,
    errors,
    locate: (path) => lineOf({ document, node, lines }, path),
  });
  const root = document.contents;
  if (errors.length > 0) return [object(undefined, root)];
  const value: unknown = document.toJS({ maxAliasCount: options.maximumAliases });
  if (root === null || value === null) return [];
  const items = itemsOf(value, options);
  if (items === undefined) return [object(value, root)];
  return items.map((item, index) => object(item, nodeAt(document, root, ['items', index])));
}

/** Undefined where it is no List. */
function itemsOf(value: unknown, { isList }: YamlOptions): readonly unknown[] | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('items' in value)) return undefined;
  return typeof value.kind === 'string' && isList(value.kind) && Array.isArray(value.items) ? value.items : undefined;
}

function lineOf({ document, node, lines }: Place, path: string): number {
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
