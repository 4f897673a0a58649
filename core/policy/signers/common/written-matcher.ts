// SPDX-License-Identifier: Apache-2.0
import type { SignerInput } from './signer-kind.ts';
import { exactText } from './text-matcher.ts';
import type { TextMatcher } from './text-matcher.ts';

/** A field that is written as a text or, under the name with `Pattern`, as a pattern. Undefined after a problem was reported. */
export function writtenMatcher(
  field: 'issuer' | 'subject' | 'value',
  [text, pattern]: readonly [string | undefined, string | undefined],
  { path, report, pattern: compilePattern }: SignerInput,
): TextMatcher | undefined {
  if ((text === undefined) === (pattern === undefined)) {
    report.add('InvalidSpec', path, `exactly one of ${field} or ${field}Pattern`);
    return undefined;
  }
  if (pattern === undefined) return text === undefined ? undefined : exactText(text);
  return report.attempt('InvalidPattern', `${path}.${field}Pattern`, () => compilePattern(pattern));
}
