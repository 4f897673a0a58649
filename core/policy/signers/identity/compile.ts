// SPDX-License-Identifier: Apache-2.0
import type { PolicyIdentity } from '../../documents/image-policy.gen.ts';
import type { SignerInput } from '../common/signer-kind.ts';
import { exactText } from '../common/text-matcher.ts';
import type { TextMatcher } from '../common/text-matcher.ts';
import type { IdentitySigner } from './identity-signer.ts';

const DEFAULT_TRUST_ROOT = 'public-good';

export function compileIdentity(entry: PolicyIdentity, input: SignerInput): IdentitySigner | undefined {
  const trustRoot = entry.trustRoot ?? DEFAULT_TRUST_ROOT;
  const issuer = matcherOf('issuer', [entry.issuer, entry.issuerPattern], input);
  const subject = matcherOf('subject', [entry.subject, entry.subjectPattern], input);
  if (!input.lookups.trustRoots.has(trustRoot)) {
    input.report.add('UnknownTrustRoot', `${input.path}.trustRoot`, `the configuration has no trust root ${trustRoot}`);
  }
  if (issuer === undefined || subject === undefined) return undefined;
  return { kind: 'identity', name: input.name, issuer, subject, trustRoot };
}

function matcherOf(
  field: 'issuer' | 'subject',
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
