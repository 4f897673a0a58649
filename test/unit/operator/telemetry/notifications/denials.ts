// SPDX-License-Identifier: Apache-2.0
import type { Denial } from '../../../../../core/verdict/review-record.ts';
import type { Verdict } from '../../../../../core/verdict/types.ts';

export function refusal(image: string, change: Partial<Verdict> = {}): Verdict {
  return {
    image,
    outcome: 'denied',
    mode: 'Enforce',
    code: 'NoSignature',
    policies: ['prod'],
    message: `image ${image} has no signature`,
    remedy: 'Sign it',
    signers: [],
    registryRequests: 2,
    ...change,
  };
}

export function denial(image: string, change: Partial<Denial> = {}): Denial {
  return { namespace: 'shop', kind: 'Pod', name: 'web-0', message: 'no', verdicts: [refusal(image)], ...change };
}

/** What somebody would write who wants to be more than a name. */
export const HOSTILE = '`<!channel> <https://evil.example|click> *x* [click](https://evil.example) & \u202Ea\nb';
