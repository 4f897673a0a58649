// SPDX-License-Identifier: Apache-2.0
import { mutateBytes } from './mutators.ts';
import type { Mutation, Mutator } from './mutators.ts';

/** One element of DER changed, and the lengths around it made right again. */
export const mutateDer: Mutator = (input, mutation) => {
  const tree = readElements(input, 0);
  if (tree === undefined) return undefined;
  const all = flatten(tree);
  if (all.length === 0) return undefined;
  changeElement(mutation.random.pick(all), all, mutation);
  return writeElements(tree);
};

interface Element {
  tag: number;
  content: Buffer;
  /** Where the content is elements itself. */
  children: Element[] | undefined;
  /** Written as it stands, whatever is in it. */
  length?: Buffer;
}

function readElements(bytes: Buffer, depth: number): Element[] | undefined {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const header = readHeader(bytes, at);
    if (header === undefined || header.end > bytes.length || depth > 16) return undefined;
    const content = bytes.subarray(header.start, header.end);
    const isConstructed = (header.tag & 0x20) !== 0;
    // Octet strings often hold DER too: extensions do.
    const nested =
      isConstructed || (header.tag === 4 && content.length > 1) ? readElements(content, depth + 1) : undefined;
    elements.push({ tag: header.tag, content, children: nested });
    at = header.end;
  }
  return elements;
}

function readHeader(bytes: Buffer, at: number): { tag: number; start: number; end: number } | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  if (first < 0x80) return { tag, start: at + 2, end: at + 2 + first };
  const size = first & 0x7f;
  if (size === 0 || size > 3 || at + 2 + size > bytes.length) return undefined;
  return { tag, start: at + 2 + size, end: at + 2 + size + bytes.readUIntBE(at + 2, size) };
}

function flatten(elements: readonly Element[]): readonly Element[] {
  return elements.flatMap((element) => [element, ...flatten(element.children ?? [])]);
}

function changeElement(element: Element, all: readonly Element[], mutation: Mutation): void {
  const { random } = mutation;
  const other = random.pick(all);
  const list = element.children ?? [];
  const at = random.below(list.length + 1);
  const changes: readonly (() => void)[] = [
    () =>
      void (element.tag = random.pick([
        2,
        3,
        4,
        5,
        6,
        12,
        19,
        22,
        23,
        24,
        48,
        49,
        0x80,
        0xa0,
        0xa3,
        random.below(256),
      ])),
    () => setContent(element, mutateBytes(element.content, mutation)),
    () => setContent(element, Buffer.alloc(0)),
    () => setContent(element, Buffer.from(other.content)),
    () => void list.splice(at, 1),
    () => void list.splice(at, 0, copyOf(other)),
    () =>
      void (element.length = random.pick([
        Buffer.of(0x80),
        Buffer.of(0xff),
        Buffer.of(0x84, 0xff, 0xff, 0xff, 0xff),
        Buffer.of(0),
        Buffer.of(0x82, 0, 1),
      ])),
  ];
  random.pick(changes)();
}

function copyOf({ tag, content }: Element): Element {
  return { tag, content: Buffer.from(content), children: undefined };
}

function setContent(element: Element, content: Buffer): void {
  element.content = content;
  element.children = undefined;
}

function writeElements(elements: readonly Element[]): Buffer {
  return Buffer.concat(
    elements.map(({ tag, content, children, length }) => {
      const body = children === undefined ? content : writeElements(children);
      return Buffer.concat([Buffer.of(tag), length ?? lengthOf(body.length), body]);
    }),
  );
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  if (length < 0x100) return Buffer.of(0x81, length);
  if (length < 0x1_0000) return Buffer.of(0x82, length >> 8, length & 0xff);
  return Buffer.of(0x83, length >> 16, (length >> 8) & 0xff, length & 0xff);
}
