// SPDX-License-Identifier: Apache-2.0
import type { PolicyIdentity } from '../../documents/image-policy.gen.ts';
import type { SignerInput } from '../common/signer-kind.ts';
import { writtenMatcher } from '../common/written-matcher.ts';
import type { ClaimDemand, IdentitySigner } from './identity-signer.ts';

const DEFAULT_TRUST_ROOT = 'public-good';

export function compileIdentity(entry: PolicyIdentity, input: SignerInput): IdentitySigner | undefined {
  const trustRoot = entry.trustRoot ?? DEFAULT_TRUST_ROOT;
  const issuer = writtenMatcher('issuer', [entry.issuer, entry.issuerPattern], input);
  const subject = writtenMatcher('subject', [entry.subject, entry.subjectPattern], input);
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
    const matcher = writtenMatcher('value', [value, valuePattern], { ...input, path });
    return matcher === undefined ? [] : [{ name, value: matcher }];
  });
  return demands.length === claims.length ? demands : undefined;
}
