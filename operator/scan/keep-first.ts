// SPDX-License-Identifier: Apache-2.0

/** Puts one into a list that is in order and has at most so many: the first of many, without sorting them all. */
export function keepFirst<T>(first: T[], one: T, most: number, compare: (a: T, b: T) => number): void {
  let [low, high] = [0, first.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = first[middle];
    if (other !== undefined && compare(other, one) <= 0) low = middle + 1;
    else high = middle;
  }
  if (low >= most) return;
  first.splice(low, 0, one);
  if (first.length > most) first.pop();
}
