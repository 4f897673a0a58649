// SPDX-License-Identifier: Apache-2.0
import type { PolicyIdentity } from '../../documents/image-policy.gen.ts';
import type { SignerInput } from '../common/signer-kind.ts';
import { exactText } from '../common/text-matcher.ts';
import type { TextMatcher } from '../common/text-matcher.ts';
import type { ClaimDemand, IdentitySigner } from './identity-signer.ts';

const DEFAULT_TRUST_ROOT = 'public-good';

export function compileIdentity(entry: PolicyIdentity, input: SignerInput): IdentitySigner | undefined {
  const trustRoot = entry.trustRoot ?? DEFAULT_TRUST_ROOT;
  const issuer = matcherOf('issuer', [entry.issuer, entry.issuerPattern], input);
  const subject = matcherOf('subject', [entry.subject, entry.subjectPattern], input);
  const claims = compileClaims(entry, input);
  if (!input.lookups.trustRoots.has(trustRoot)) {
    input.report.add('UnknownTrustRoot', `${input.path}.trustRoot`, `the configuration has no trust root ${trustRoot}`);
  }
  if (issuer === undefined || subject === undefined || claims === undefined) return undefined;
  return { kind: 'identity', name: input.name, issuer, subject, trustRoot, claims };
}

/** Undefined where one of them can't be read: the others alone would trust more than was meant. */
function compileClaims({ claims = [] }: PolicyIdentity, input: SignerInput): readonly ClaimDemand[] | undefined {
  const names = claims.map(({ name }) => name);
  const demands = claims.flatMap(({ name, value, valuePattern }, index) => {
    const path = `${input.path}.claims[${index}]`;
    if (names.indexOf(name) !== index)
      input.report.add('InvalidSpec', `${path}.name`, `the claim ${name} is there twice`);
    const matcher = matcherOf('value', [value, valuePattern], { ...input, path });
    return matcher === undefined ? [] : [{ name, value: matcher }];
  });
  return demands.length === claims.length ? demands : undefined;
}

function matcherOf(
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
