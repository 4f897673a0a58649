// SPDX-License-Identifier: Apache-2.0
import { formatReference } from '../image/reference.ts';
import type { RankedMatch } from '../policy/store/match.ts';
import { isCovered, whatItDoes, type Explanation } from './explain.ts';

/** An explanation as scripts read it (docs/reference/cli.md). */
export interface ExplanationDocument {
  /** In its full form. */
  readonly image: string;
  readonly namespace?: string;
  /** Whether a policy of the cluster applies; where none does, `unmatchedImages` decides. */
  readonly covered: boolean;
  readonly unmatchedImages: Explanation['unmatchedImages'];
  /** All that match, the most specific first; the namespace's own after the cluster's. */
  readonly policies: readonly MatchingPolicy[];
}

interface MatchingPolicy {
  readonly name: string;
  readonly pattern: string;
  readonly applies: boolean;
  /** For people: what it asks for, or does. */
  readonly does: string;
}

export function explanationDocument(explanation: Explanation): ExplanationDocument {
  const { reference, namespace, matches, applying, own, adding, unmatchedImages } = explanation;
  return {
    image: formatReference(reference),
    ...(namespace.name !== undefined && { namespace: namespace.name }),
    covered: isCovered(explanation),
    unmatchedImages,
    policies: [
      ...matches.flatMap((match) => policiesOf(match, applying)),
      ...own.flatMap((match) => policiesOf(match, adding)),
    ],
  };
}

function policiesOf(match: RankedMatch, applying: readonly RankedMatch[]): readonly MatchingPolicy[] {
  return match.policies.map(({ policy, selectsNamespace }) => ({
    name: policy.name,
    pattern: match.pattern.source,
    applies: selectsNamespace && applying.includes(match),
    does: whatItDoes(policy),
  }));
}
