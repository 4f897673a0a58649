// SPDX-License-Identifier: Apache-2.0
/** The part of semantic versioning that advisories are written in: comparisons, `and` by blank, `or` by `||`. */

const VERSION = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
const COMPARISON = /^(<=|>=|<|>|=)(\S+)$/;

/**
 * Whether a version is in a range such as `>=4.0.0 <4.0.4 || <3.0.4`.
 *
 * @throws {SyntaxError} for a range or version that can't be read: an advisory with a typing error must not pass
 */
export function isInRange(version: string, range: string): boolean {
  // Each part is read, whatever the ones before it say.
  const sets = range.split('||').map((set) =>
    set
      .trim()
      .split(/\s+/)
      .map((comparison) => compares(version, comparison)),
  );
  return sets.some((set) => set.every(Boolean));
}

function compares(version: string, comparison: string): boolean {
  const [, operator, bound = ''] = COMPARISON.exec(comparison) ?? [];
  const order = compareVersions(version, bound);
  switch (operator) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case '=':
      return order === 0;
    case undefined:
    default:
      throw new SyntaxError(`not a comparison: ${comparison}`);
  }
}

/**
 * Negative, 0 or positive. A pre-release is before its release; pre-releases of the same version count as equal, which
 * is as much as advisories need.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  const differing = left.findIndex((part, index) => part !== right[index]);
  return differing === -1 ? 0 : (left[differing] ?? 0) - (right[differing] ?? 0);
}

function parts(version: string): readonly number[] {
  const match = VERSION.exec(version);
  if (match === null) throw new SyntaxError(`not a version: ${version}`);
  const [, major, minor, patch, preRelease] = match;
  return [Number(major), Number(minor), Number(patch), preRelease === undefined ? 1 : 0];
}
