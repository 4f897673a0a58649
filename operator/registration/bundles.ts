// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { createRecentlyUsed } from '../../core/recently-used.ts';

/** More than our webhooks have, before and after a change. */
const BUNDLES_MOST = 16;

/**
 * Whether a bundle, in base64, has an authority, PEM. With every review each is asked for the same one: it is read once
 * for it.
 */
export function rememberingBundles(): typeof contains {
  const known = createRecentlyUsed<{ readonly authority: string; readonly has: boolean }>(BUNDLES_MOST);
  return (bundle, authority) => {
    const before = known.get(bundle);
    if (before?.authority === authority) return before.has;
    const has = contains(bundle, authority);
    known.set(bundle, { authority, has });
    return has;
  };
}

function contains(bundle: string, authority: string): boolean {
  const wanted = new X509Certificate(authority).raw;
  const blocks = atob(bundle).match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.some((pem) => {
    try {
      return new X509Certificate(pem).raw.equals(wanted);
    } catch {
      return false;
    }
  });
}
