// SPDX-License-Identifier: Apache-2.0

/** Told of every service alike, as it is never the service that answers so. */
export const BEHIND_A_PAGE = 'a proxy or a sign-in page answers in its place';

const PAGE_TYPES: ReadonlySet<string> = new Set(['text/html', 'application/xhtml+xml']);
/** Not just any markup: some services answer in XML. */
const PAGE_START = /^<(?:!doctype html|html|head|body|!--)/i;
const JSON_START = /^[{[]/;
const BYTE_ORDER_MARK = '\ufeff';
/** Space that a page may begin with. */
const START_BYTES = 256;

/**
 * What came in place of JSON, for messages, if it is a page made for people: `a web page (text/html)`. Undefined: it is
 * none. JSON is JSON, whatever its server calls it; and no text of the page itself is told, which anybody may have written.
 *
 * @param header the content type as it was sent.
 */
export function webPageIn(bytes: Uint8Array, header: string | undefined): string | undefined {
  const type = header?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const start = startOf(bytes);
  if (PAGE_TYPES.has(type) && !JSON_START.test(start)) return `a web page (${type})`;
  return PAGE_START.test(start) ? 'a web page' : undefined;
}

function startOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, START_BYTES)).toString('utf8');
  return text.replace(BYTE_ORDER_MARK, '').trimStart();
}
