// SPDX-License-Identifier: Apache-2.0

/** An element as it was read. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: (Element | string)[];
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
/** Characters that XML 1.0 allows. */
const CHARACTERS = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u;
const TOKEN =
  /<(?<close>\/)?(?<name>[a-zA-Z][\w-]*)(?<attributes>(?:\s+[\w-]+(?:="[^"<]*")?)*)\s*(?<empty>\/)?>|(?<text>[^<]+)/y;
/** Of HTML, those without content that the report uses. */
const VOID = new Set(['meta', 'input']);

/**
 * A reader of the small part of XML and HTML that the reports are written in, stricter than any browser: everything
 * else is a fault. `raw`: elements whose content is not markup.
 */
export function readMarkup(text: string, raw: readonly string[] = []): Element {
  if (!CHARACTERS.test(text)) throw new Error('a character that XML does not allow');
  const root: Element = { name: '', attributes: {}, children: [] };
  const open = [root];
  TOKEN.lastIndex = /^(<\?xml[^>]*\?>|<!doctype html>)\s*/.exec(text)?.[0].length ?? 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined) throw new Error(`not markup: ${text.slice(at, at + 60)}`);
    const { name = '', text: content } = groups;
    const parent = open.at(-1) ?? root;
    if (content !== undefined) parent.children.push(decoded(content));
    else if (groups['close'] !== undefined) {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes something else`);
    } else {
      const element: Element = { name, attributes: attributesOf(groups['attributes'] ?? ''), children: [] };
      parent.children.push(element);
      if (raw.includes(name)) TOKEN.lastIndex = text.indexOf(`</${name}>`, TOKEN.lastIndex);
      if (groups['empty'] === undefined && !VOID.has(name)) open.push(element);
    }
  }
  if (open.length !== 1) throw new Error(`<${open.at(-1)?.name}> is not closed`);
  return root;
}

export function elementsOf(element: Element, name: string): readonly Element[] {
  return element.children.flatMap((child) =>
    typeof child === 'string' ? [] : [...(child.name === name ? [child] : []), ...elementsOf(child, name)],
  );
}

export function namesIn(element: Element): ReadonlySet<string> {
  return new Set(
    element.children.flatMap((child) => (typeof child === 'string' ? [] : [child.name, ...namesIn(child)])),
  );
}

export function attributesIn({ attributes, children }: Element): ReadonlySet<string> {
  const inner = children.flatMap((child) => (typeof child === 'string' ? [] : [...attributesIn(child)]));
  return new Set([...Object.keys(attributes), ...inner]);
}

export function textOf(element: Element): string {
  return element.children.map((child) => (typeof child === 'string' ? child : textOf(child))).join('');
}

function attributesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].map(([, name = '', value = '']) => [name, decoded(value)]),
  );
}

function decoded(text: string): string {
  return text.replaceAll(/&([^;]*;?)/g, (whole, body: string) => {
    const character = body.endsWith(';') ? ENTITIES[body.slice(0, -1)] : undefined;
    if (character === undefined) throw new Error(`not an entity: ${whole}`);
    return character;
  });
}
