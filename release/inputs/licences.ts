// SPDX-License-Identifier: Apache-2.0

/** Licences that let us ship what they are for, under no more than naming it and its authors. */
const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'PSF-2.0',
  'Unlicense',
]);

/**
 * Whether a licence expression (SPDX 2.3, annex D) can be met with allowed licences alone: of an OR one side is enough,
 * of an AND both are needed. What can't be read isn't allowed, nor is an exception (WITH).
 */
export function isAllowedLicence(expression: string | undefined): boolean {
  const tokens = expression?.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const term = (): boolean => {
    const token = tokens[at++];
    if (token !== '(') return token !== undefined && ALLOWED.has(token);
    const inner = alternatives();
    return tokens[at++] === ')' && inner;
  };
  // Both sides are always read, so that a fault on one isn't hidden by the other.
  const both = (): boolean => {
    let all = term();
    while (tokens[at] === 'AND') {
      at += 1;
      all = term() && all;
    }
    return all;
  };
  const alternatives = (): boolean => {
    let any = both();
    while (tokens[at] === 'OR') {
      at += 1;
      any = both() || any;
    }
    return any;
  };
  const allowed = alternatives();
  return allowed && at === tokens.length;
}
