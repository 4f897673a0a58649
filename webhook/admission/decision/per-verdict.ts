// SPDX-License-Identifier: Apache-2.0
import type { Verdict } from '../../../core/verdict/types.ts';

/** Makes a text of a verdict once: the same verdict answers every review of a rollout. The last `detail` is remembered. */
export function perVerdict<Detail, Text>(
  make: (detail: Detail, verdict: Verdict) => Text,
): (detail: Detail, verdict: Verdict) => Text {
  const known = new WeakMap<Verdict, { readonly detail: Detail; readonly text: Text }>();
  return (detail, verdict) => {
    const found = known.get(verdict);
    if (found?.detail === detail) return found.text;
    const text = make(detail, verdict);
    known.set(verdict, { detail, text });
    return text;
  };
}
