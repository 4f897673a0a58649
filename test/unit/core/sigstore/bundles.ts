// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { parseTrustRoot } from '../../../../core/sigstore/trust/trust-root.ts';
import { verifyBundle } from '../../../../core/sigstore/verify-bundle.ts';
import type { BundleVerdict } from '../../../../core/sigstore/verify-bundle.ts';
import { spkiOf, toPem } from '../../../fakes/sigstore/certificates.ts';
import { bundleFor, ISSUER, SUBJECT } from '../../../fakes/sigstore/keyless.ts';
import type { Signing } from '../../../fakes/sigstore/keyless.ts';
import { preAuthEncoding } from '../../../fakes/sigstore/sigstore-evidence.ts';
import { signWith } from '../../../fakes/sigstore/sigstore.ts';

export type Json = Record<string, unknown>;

export const encoded = (bundle: unknown): Buffer => Buffer.from(JSON.stringify(bundle));
export const rootOf = (signing: Signing) => parseTrustRoot(JSON.stringify(signing.root));

/** By the certificate's identity. */
export function byIdentity(signing: Signing, bundle: unknown = bundleFor(signing), artifact = signing.artifact) {
  const signer = { subject: SUBJECT, issuer: ISSUER, trustRoot: rootOf(signing) };
  return verifyBundle({ bundle: encoded(bundle), artifact, signer });
}

export const pemOf = ({ keys }: Signing): string => toPem('PUBLIC KEY', spkiOf(keys.publicKey));

/** With the trust root where something comes with the signature that it could vouch for. */
export function byKey(
  signing: Signing,
  bundle: unknown = bundleFor(signing),
  artifact: Buffer | `sha256:${string}` = signing.artifact,
) {
  const trustRoot = signing.entries.length === 0 ? {} : { trustRoot: rootOf(signing) };
  return verifyBundle({ bundle: encoded(bundle), artifact, signer: { key: pemOf(signing), ...trustRoot } });
}

export function refused(verdict: BundleVerdict, reason: RegExp): void {
  assert.ok(!verdict.ok, 'accepted');
  assert.match(verdict.reason, reason);
  assert.doesNotMatch(verdict.reason, /\n/);
}

/** The same signer's statement about other digests, rightly signed. */
export function restated(signing: Signing, digest: unknown, change: object = {}): Signing {
  const statement = { ...JSON.parse(signing.payload.toString()), subject: [{ name: 'x', digest }], ...change };
  const payload = Buffer.from(JSON.stringify(statement));
  const signedBytes = preAuthEncoding(payload);
  return { ...signing, payload, signedBytes, signature: signWith(signing.keys, 'P-256', signedBytes) };
}

export function valueAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const step of path) at = typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined;
  return at;
}

/** A copy with one value replaced; undefined removes it. */
export function withValue(original: object, path: readonly string[], value: unknown): Json {
  const copy: Json = structuredClone({ ...original });
  const parent = valueAt(copy, path.slice(0, -1));
  const last = path.at(-1);
  assert.ok(typeof parent === 'object' && parent !== null && last !== undefined);
  if (value === undefined) Reflect.deleteProperty(parent, last);
  else Reflect.set(parent, last, value);
  return copy;
}
