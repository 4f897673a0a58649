// SPDX-License-Identifier: Apache-2.0
import publicGood from './public-good.json' with { type: 'json' };
import { parseTrustRoot } from './trust-root.ts';
import type { TrustRoot } from './trust-root.ts';

/** The trust root of the public Sigstore instance, as embedded; test/tools/public-good.ts tells where it is from. */
export function publicGoodTrustRoot(): TrustRoot {
  return parseTrustRoot(JSON.stringify(publicGood));
}
